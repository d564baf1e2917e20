"""Without JavaScript: a request is made, found, rejected together with another, and mended, by links and forms alone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from payments.actions import payment
from payments.models import Merchant, MerchantBinding
from tests.whole_sale import Walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def plain(chromium: Browser, live_server, settings) -> Iterator[Walk]:
    """A window in which no script runs."""
    settings.SECOND_FACTOR_REQUIRED = False
    context = chromium.new_context(java_script_enabled=False, locale="en-GB", timezone_id="UTC")
    yield Walk(context.new_page(), live_server.url)
    context.close()


@pytest.fixture
def bound(northlight, team_admin) -> None:
    merchant = Merchant.objects.create(superapp=northlight.superapp, merchant_id="M-1", name="Northlight", currency="USD")
    owners = {"team": northlight, "superapp": northlight.superapp, "bound_team": northlight}
    MerchantBinding.objects.create(
        **owners, merchant=merchant, requested_by=team_admin, state="effective", effective=True, pending=None
    )


def test_a_request_goes_from_the_team_to_the_approver_and_back(plain, starfall, bound, team_admin, approver):
    payment.request_payment(starfall, actor=team_admin, message="Starfall sells books.", type="standard")
    plain.sign_in(team_admin.email)
    plain.request_payment()
    plain.sign_in(approver.email)
    plain.menu("Approvals")
    plain.narrow("Kind", "Payment permission")
    expect(plain.rows()).to_have_count(2)
    for row in plain.rows().all():
        row.get_by_role("checkbox").check()
    plain.press("Reject …")
    plain.page.get_by_label(re.compile("Message: The message does not say what is sold")).check()
    plain.press("Reject all")
    plain.follow("Decided")
    expect(plain.rows("Rejected")).to_have_count(2)
    plain.sign_in(team_admin.email)
    plain.program("Starfall")
    plain.menu("Enable payment")
    plain.sees("What to do next:")
    plain.page.locator("main .banner").get_by_role("link", name="Message").click()
    plain.page.get_by_label("Message").fill("Gems for 0.99 to 19.99 USD.")
    plain.press("Confirm")
    plain.sees("In review")
