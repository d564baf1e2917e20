"""Enable payment: request, cancel, approve, reject, disable; the page."""

import pytest
from django.urls import reverse

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import AuditEntry, OutgoingMail
from payments.actions import payment
from payments.models import PaymentRequest
from tests.payments.conftest import follow

pytestmark = pytest.mark.sqlite


def url(name, program, **more):
    return reverse(f"payments:{name}", kwargs={"app_id": program.app_id, **more})


def test_team_admin_requests_permission(as_person, starfall, bound, team_admin):
    client = as_person(team_admin)
    page = follow(client, client.post(url("payment-request", starfall), {"message": " Moonstones for players. "}))
    row = PaymentRequest.objects.get()
    assert (row.state, row.message, row.requested_by, row.program) == (
        "in_progress",
        "Moonstones for players.",
        team_admin,
        starfall,
    )
    assert "Orbit decides it" in page.content.decode()
    assert AuditEntry.objects.filter(verb="payments.payment_request.request", actor=team_admin).count() == 1


def test_the_same_request_again_changes_nothing(as_person, starfall, requested, team_admin):
    page = as_person(team_admin).post(url("payment-request", starfall), {"message": "Again."})
    assert page.status_code == 422
    assert "Tara Admin already made a request" in page.content.decode()
    assert PaymentRequest.objects.count() == 1


@pytest.mark.parametrize("person", ["senior", "developer", "operator", "approver", "superapp_admin", "platform"])
def test_only_team_admins_request(request, as_person, starfall, bound, person):
    response = as_person(request.getfixturevalue(person)).post(url("payment-request", starfall), {"message": "Please."})
    assert (response.status_code, PaymentRequest.objects.count()) == (403, 0)


def test_strangers_find_nothing(as_person, starfall, requested, stranger):
    client = as_person(stranger)
    assert client.get(url("payment", starfall)).status_code == 404
    assert client.post(url("payment-request", starfall), {"message": "Please."}).status_code == 404
    assert client.post(url("payment-cancel", starfall, pk=requested.pk)).status_code == 404


def test_the_request_of_another_program_is_not_found_under_this_one(as_person, starfall, requested, harbor_reader, stranger):
    assert as_person(stranger).post(url("payment-cancel", harbor_reader, pk=requested.pk)).status_code == 404
    assert PaymentRequest.objects.get().state == "in_progress"


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("", "Enter a message"),
        ("   \n ", "Enter a message"),
        ("\u200b\u200b\ufeff\u2060", "Enter a message"),
        ("\u3164\u2800", "Enter a message"),
        ("x" * 501, "The message has 501 characters; the limit is 500"),
        ("gems \u202e evil", "U\\+202E"),
        ("gems \x07", "U\\+0007"),
    ],
)
def test_a_message_that_says_nothing_is_refused(starfall, bound, team_admin, message, sentence):
    with pytest.raises(Refused, match=sentence):
        payment.request_payment(starfall, actor=team_admin, message=message)
    assert not PaymentRequest.objects.exists()


def test_500_characters_and_emoji_sequences_are_a_message(starfall, bound, team_admin):
    row = payment.request_payment(starfall, actor=team_admin, message="👩‍💻" + "x" * 497)
    assert len(row.message) == 500


def test_what_was_typed_is_kept_beside_the_error(as_person, starfall, bound, team_admin):
    page = as_person(team_admin).post(url("payment-request", starfall), {"message": "y" * 501}).content.decode()
    assert "y" * 501 in page
    assert 'href="#id_message"' in page


def test_a_nul_character_is_an_error_at_the_field(as_person, starfall, bound, team_admin):
    assert as_person(team_admin).post(url("payment-request", starfall), {"message": "a\x00b"}).status_code == 422


def test_without_the_feature_or_a_merchant_nothing_is_requested(starfall, team_admin, orbit):
    with pytest.raises(Refused, match="no effective merchant"):
        payment.request_payment(starfall, actor=team_admin, message="Please.")
    orbit.payment_enabled = False
    orbit.save()
    starfall.refresh_from_db()
    with pytest.raises(Refused, match="Orbit has not switched the payment feature on"):
        payment.request_payment(starfall, actor=team_admin, message="Please.")


def test_team_admin_cancels_and_may_request_again(as_person, starfall, requested, team_admin):
    client = as_person(team_admin)
    follow(client, client.post(url("payment-cancel", starfall, pk=requested.pk)))
    assert PaymentRequest.objects.get().state == "cancelled"
    payment.request_payment(starfall, actor=team_admin, message="Once more.")
    assert client.post(url("payment-cancel", starfall, pk=requested.pk)).status_code == 409


def test_cancelling_rejects_get(as_person, starfall, requested, team_admin):
    assert as_person(team_admin).get(url("payment-cancel", starfall, pk=requested.pk)).status_code == 405


def test_a_rejection_reaches_the_page_and_the_mail(as_person, starfall, requested, team_admin, approver):
    payment.reject(requested, actor=approver, reason="Say what is sold.")
    page = as_person(team_admin).get(url("payment", starfall)).content.decode()
    assert "Say what is sold." in page
    assert "What to do next:" in page
    mail = OutgoingMail.objects.get(recipient=team_admin.email, subject__contains="Payment permission")
    assert "Rejected" in mail.subject
    assert "Say what is sold." in mail.body
    assert "then make a new request" in mail.body
    assert url("payment", starfall) in mail.body
    assert payment.request_payment(starfall, actor=team_admin, message="Moonstones.").state == "in_progress"


def test_an_approval_allows_selling_and_no_further_request(as_person, starfall, approved, team_admin):
    page = as_person(team_admin).get(url("payment", starfall)).content.decode()
    assert "Payment is approved" in page
    assert url("payment-request", starfall) not in page
    with pytest.raises(Refused, match="already approved"):
        payment.request_payment(starfall, actor=team_admin, message="Again.")


def test_disabling_needs_a_reason_and_ends_the_permission(starfall, approved, approver, team_admin):
    with pytest.raises(Refused, match="Enter a reason"):
        payment.disable(approved, actor=approver, reason=" ")
    assert payment.disable(approved, actor=approver, reason="Complaints.").state == "disabled"
    assert OutgoingMail.objects.filter(subject__contains="Disabled", body__contains="Complaints.").count() == 1
    with pytest.raises(WrongState):
        payment.disable(approved, actor=approver, reason="Again.")
    with pytest.raises(Forbidden):
        payment.disable(approved, actor=team_admin, reason="Mine.")


def test_strangers_do_not_see_what_they_decide(requested, stranger):
    with pytest.raises(Invisible):
        payment.approve(requested, actor=stranger)


def test_the_page_says_who_can(as_person, starfall, bound, team_admin, developer):
    assert "Tara Admin" in as_person(developer).get(url("payment", starfall)).content.decode()


def test_the_page_costs_few_queries(as_person, starfall, bound, team_admin, approver, django_assert_max_num_queries):
    for _round in range(5):
        payment.reject(payment.request_payment(starfall, actor=team_admin, message="Please."), actor=approver, reason="No.")
    client = as_person(team_admin)
    with django_assert_max_num_queries(18):
        assert client.get(url("payment", starfall)).status_code == 200
