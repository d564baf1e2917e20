"""Approvals in a browser: four kinds of request in one queue, looked through, decided one by one and together, and heard of."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import expect

from console.actions.membership import set_superapp_role
from items.models import Release
from payments.actions import exemption, merchant
from payments.escalation import escalate
from payments.models import Request, owners_of
from tests.people import SETUP
from tests.whole_sale import Walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REASON = "Ask Orbit for the account of your company."


@pytest.fixture
def four(requested, bound, starfall, northlight, harbor_reader, other_merchant, team_admin, senior, stranger) -> list[Request]:
    """One request of each kind, the longest waiting first; the release is of another team."""
    release = Release.objects.create(**owners_of(harbor_reader), requested_by=stranger)
    exempt = exemption.request_exemption(starfall, actor=senior, message="We change prices for weekend events.")
    binding = merchant.bind(northlight, other_merchant, actor=team_admin)
    made = [release, exempt, binding, requested]
    for days, row in enumerate([*reversed(made), bound]):
        Request.objects.filter(pk=row.pk).update(requested_at=timezone.now() - timedelta(days=days, minutes=1))
    return made


def desk(walk: Walk, person) -> None:
    walk.sign_in(person.email)
    walk.menu("Approvals")


def kinds(walk: Walk, *expected: str) -> None:
    expect(walk.rows().locator("th")).to_have_text(expected)


def test_the_approver_looks_through_one_queue_of_four_kinds(walk, four, approver):
    desk(walk, approver)
    kinds(walk, "Item release", "Approval exemption", "Merchant binding", "Payment permission")
    expect(walk.page.get_by_role("link", name="Pending")).to_contain_text("4")
    expect(walk.rows().first).to_contain_text("3 days")
    walk.narrow("Kind", "Merchant binding")
    kinds(walk, "Merchant binding")
    walk.follow(re.compile("Remove the filter"))
    walk.page.get_by_role("searchbox").fill("Harbor Reader")
    walk.press("Filter")
    kinds(walk, "Item release")
    walk.narrow("Waiting", "Too long")
    walk.sees("No request matches")
    walk.follow("Clear all filters")
    expect(walk.rows()).to_have_count(4)
    walk.follow("In force")
    kinds(walk, "Merchant binding")


def test_awaiting_me_leaves_out_what_is_of_the_readers_team(walk, four, orbit, approver, stranger):
    set_superapp_role(stranger, orbit, "approver", actor=SETUP)
    walk.sign_in(stranger.email)
    walk.follow("Orbit")  # whoever works in several places chooses one
    walk.menu("Approvals")
    walk.narrow("Awaiting", "Me")
    kinds(walk, "Approval exemption", "Merchant binding", "Payment permission")
    walk.follow("Payment permission")
    expect(walk.page.get_by_role("button", name="Approve")).to_be_visible()
    set_superapp_role(stranger, orbit, "superapp_operator", actor=SETUP)
    walk.page.reload()
    walk.sees(re.compile("Ask one of those who can: Ada Approver"))


def test_two_are_rejected_together_for_a_reason_that_points_at_a_field(walk, four, approver, team_admin):
    desk(walk, approver)
    for kind in ("Payment permission", "Merchant binding", "Item release"):
        walk.rows(kind).get_by_role("checkbox").check()
    expect(walk.page.locator(".bulk-bar")).to_contain_text("3 selected")
    walk.press("Reject …")
    expect(walk.page.get_by_role("heading", level=1)).to_have_text("Reject 2 requests?")
    expect(walk.page.get_by_role("heading", name="1 request is left out")).to_be_visible()
    walk.page.get_by_label(re.compile("Merchant: The merchant does not fit")).check()
    walk.page.get_by_label("Reason in your own words").fill(REASON)
    walk.press("Reject all")
    expect(walk.page.get_by_text("2 requests were rejected.")).to_be_visible()
    walk.follow("Decided")
    expect(walk.rows(REASON)).to_have_count(2)
    the_requester_hears_of_it(walk, team_admin)


def the_requester_hears_of_it(walk: Walk, team_admin) -> None:
    """By mail, by the bell, and on the page, where the reason leads to the field it is about."""
    told = [message.body for message in mail.outbox if message.to == [team_admin.email]]
    assert len([body for body in told if REASON in body and "The merchant does not fit" in body]) == 2
    walk.sign_in(team_admin.email)
    walk.page.get_by_role("link", name="Notifications, 3 unread").click()
    walk.rows("Merchant binding").first.get_by_role("link").click()
    walk.sees("What to do next:")
    walk.page.locator("main .banner").get_by_role("link", name="Merchant").click()
    expect(walk.page).to_have_url(re.compile(r"/merchant/bind#id_merchant$"))


def test_one_is_approved_and_its_page_tells_who_did_what(walk, four, approver):
    desk(walk, approver)
    walk.rows("Payment permission").get_by_role("link").click()
    walk.sees("Starfall sells moonstones.")
    walk.page.get_by_label("Note to the requester").fill("Welcome.")
    walk.press("Approve")
    expect(walk.page.get_by_text("was approved")).to_be_visible()
    walk.follow("In force")
    walk.rows("Starfall").get_by_role("link").click()
    walk.sees("Already decided by Ada Approver: Approved. Welcome.")
    expect(walk.page.locator(".timeline li")).to_contain_text(["Tara Admin", "Ada Approver: Welcome."])


def test_the_approver_chooses_the_digest_and_the_admin_hears_of_what_waits_too_long(walk, four, approver, superapp_admin):
    desk(walk, approver)
    walk.page.get_by_role("link", name=re.compile("Notifications")).first.click()
    walk.follow("Notification settings")
    choice = walk.page.get_by_label("New requests that I may decide")
    expect(choice.locator("option:checked")).to_have_text("One mail a day")
    choice.select_option(label="A mail at once")
    walk.press("Save")
    walk.page.get_by_role("link", name=re.compile("Notifications")).first.click()
    walk.follow("Notification settings")
    expect(choice.locator("option:checked")).to_have_text("A mail at once")

    assert escalate(timezone.now()) == 1  # the release, after ESCALATE_AFTER_HOURS
    walk.sign_in(superapp_admin.email)
    walk.page.get_by_role("link", name=re.compile("Notifications")).first.click()
    walk.follow(re.compile("waits for more than 72 hours"))
    kinds(walk, "Item release")
