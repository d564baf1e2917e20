"""No page offers a person of the demo a link that leads nowhere for them: what they may not open they are not offered."""

import pytest
from django.test import Client

from console.models import User
from simulator.accounts import ACCOUNTS
from tests.crawl import furnish, visits


def dead(email: str) -> list[str]:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email=email))
    found = list(visits(client, "/"))
    assert len(found) > 20
    refused = [visit for visit in found if visit.answer.status_code >= 400]
    return [f"{email}: {visit.address} from {visit.found_on}: {visit.answer.status_code}" for visit in refused]


@pytest.mark.browser  # it needs the demo at its address, as the tests in a browser do
def test_no_link_leads_to_a_refusal(site):
    furnish()
    wrong = [line for account in ACCOUNTS for line in dead(account.email)]
    assert not wrong, "\n".join(wrong)
