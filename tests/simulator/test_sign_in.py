"""One-click sign-in as a demo account."""

from django.contrib.auth import get_user
from django.test import RequestFactory

from simulator.views.sign_in import DemoSignIn
from tests.people import person


def test_the_next_request_knows_who_signed_in(client, db):
    ada = person("Approver")  # approver@demo.test
    request = RequestFactory().post("/simulator/sign-in", {"email": ada.email})
    request.session = client.session
    assert DemoSignIn.as_view()(request).status_code == 302
    # Only a session of a configured backend is believed.
    assert get_user(request) == ada
