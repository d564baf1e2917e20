"""People in a browser: what the platform makes and looks after, and how a team and a superapp choose who works there."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import expect

from console.models import Team, User
from tests.whole_sale import Walk

PASSWORD = "a long password of Nina"
PERIOD = 30  # seconds


def link_in_mail(walk: Walk, recipient: str) -> str:
    """The address in the newest mail to somebody, from the simulator's mailbox."""
    walk.simulator("Mailbox")
    while walk.page.get_by_role("row").filter(has_text=recipient).count() == 0:
        walk.page.get_by_role("link", name="Look again").click()
    walk.page.get_by_role("row").filter(has_text=recipient).get_by_role("link").first.click()
    found = re.search(r"https?://\S+/(?:invitations|linked-email)/\S+", walk.page.locator("main").inner_text())
    assert found
    return found[0]


@pytest.mark.browser
def test_from_the_platform_to_a_team_admin_with_a_second_factor(browser_page, site, settings):
    walk, page = Walk(browser_page, site.url), browser_page
    walk.sign_in("superadmin@demo.test")
    walk.menu("Teams")
    walk.follow("Create a team")
    page.get_by_label("Superapp", exact=True).select_option(label="Orbit")
    page.get_by_label("Name", exact=True).fill("Tail Games")
    page.get_by_label("Linked e-mail", exact=True).fill("pay@tail.test")
    walk.press("Create")
    walk.sees("pay@tail.test has not confirmed yet.")
    walk.follow("Appoint the first admin")
    page.get_by_label("E-mail address").fill("nina@tail.test")
    walk.press("Appoint")

    page.goto(link_in_mail(walk, "pay@tail.test"))
    walk.press("Confirm")
    walk.sees("The address is confirmed")
    page.goto(link_in_mail(walk, "nina@tail.test"))
    page.get_by_label("Your name").fill("Nina New")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    walk.press("Make the account")

    settings.SECOND_FACTOR_REQUIRED = True
    walk.sign_in("nina@tail.test", PASSWORD)
    sets_up_a_factor(walk)
    page.get_by_label("Name", exact=True).fill("Redeliverer")
    page.get_by_label("Delivery: redeliver one or many").check()
    walk.press("Save")
    expect(page.get_by_role("row").filter(has_text="Redeliverer")).to_be_visible()


def sets_up_a_factor(walk: Walk) -> None:
    """Making a role asks for a factor; setting it up leads back to the page."""
    page, code = walk.page, Team.objects.get(name="Tail Games").code
    page.goto(f"{walk.url}/t/{code}/roles/create")
    walk.sees("This act needs a second factor")
    page.get_by_label("Password").fill(PASSWORD)
    walk.press("Confirm")
    secret = page.locator("main [data-copy]").first.get_attribute("data-copy") or ""
    page.locator("main input[name=code]").fill(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD)))
    walk.press("Switch it on")
    walk.follow("Go on")
    cache.clear()
    page.locator("main input[name=code]").fill(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD)))
    walk.press("Confirm")


def link_mailed_to(recipient: str) -> str:
    """The address in the newest mail to somebody."""
    body = next(message.body for message in reversed(mail.outbox) if message.to == [recipient])
    found = re.search(r"https?://\S+/(?:invitations|linked-email)/\S+", body)
    assert found
    return found[0]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_platform_makes_a_superapp_and_an_account_and_appoints_its_first_admin(walk, platform):
    page = walk.page
    walk.sign_in(platform.email)
    walk.menu("Superapps")
    walk.follow("Create a superapp")
    page.get_by_label("Name").fill("Comet")
    walk.press("Create")
    walk.follow("Appoint the first admin")
    page.get_by_label("E-mail address").fill("cora@comet.test")
    walk.press("Appoint")
    walk.sees("cora@comet.test is invited.")
    page.goto(link_mailed_to("cora@comet.test"))
    page.get_by_label("Your name").fill("Cora Comet")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    walk.press("Make the account")
    walk.sign_in("cora@comet.test", PASSWORD)
    walk.menu("Members")
    expect(walk.rows("Cora Comet")).to_contain_text("Superapp admin")
    walk.sign_in(platform.email)
    walk.menu("Superapps")
    walk.follow("Comet")
    walk.sees("Admins appoint and dismiss each other under Members.")
    expect(page.get_by_role("link", name="Appoint the first admin")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_changed_linked_email_informs_the_old_reader_and_holds_what_is_issued(
    walk, starfall, platform, team_admin, httpserver, settings
):
    settings.LOCAL_DESTINATIONS = frozenset([f"{httpserver.host}:{httpserver.port}"])
    page, old = walk.page, starfall.team.linked_email
    walk.sign_in(platform.email)
    walk.menu("Teams")
    walk.follow("Northlight Games")
    walk.follow("Change the linked e-mail")
    page.get_by_label("New linked e-mail").fill("new@northlight.test")
    walk.press("Ask to confirm")
    walk.sees("new@northlight.test has not confirmed yet.")
    assert [message.to for message in mail.outbox].count([old]) == 1
    page.goto(link_mailed_to("new@northlight.test"))
    walk.press("Confirm")
    walk.sees("The address is confirmed")
    assert [message.to for message in mail.outbox].count([old]) == 2
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Basic configurations")
    walk.follow("Configure")
    page.get_by_label("URL", exact=True).fill(httpserver.url_for("/receive"))
    walk.press("Confirm")
    expect(page.locator(".error-summary")).to_contain_text("so that its old reader can object")
    expect(page.get_by_label("URL", exact=True)).to_have_value(httpserver.url_for("/receive"))


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_team_admin_invites_gives_an_own_role_and_stays_as_the_last_one(walk, starfall, team_admin):
    page = walk.page
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    makes_a_role(walk)
    walk.menu("Members")
    walk.follow("Add a member")
    page.get_by_label("E-mail address").fill("rita@northlight.test")
    page.get_by_label("Redeliverer").check()
    page.get_by_label(re.compile("Invite this person by mail")).check()
    walk.press("Add")
    expect(walk.rows("rita@northlight.test")).to_contain_text("Open")
    page.goto(link_mailed_to("rita@northlight.test"))
    page.get_by_label("Your name").fill("Rita Role")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    walk.press("Make the account")
    walk.sign_in("rita@northlight.test", PASSWORD)
    walk.program("Starfall")
    menu = page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Order record").first).to_be_visible()
    expect(menu.get_by_role("link", name="Virtual items")).to_have_count(0)
    the_last_admin_stays(walk, team_admin)


def makes_a_role(walk: Walk) -> None:
    """What the permission needs comes with it: whoever redelivers sees the orders."""
    walk.menu("Members")
    walk.follow("Roles of the team's own")
    walk.follow("Make a role")
    walk.page.get_by_label("Name", exact=True).fill("Redeliverer")
    walk.page.get_by_label("Delivery: redeliver one or many").check()
    walk.press("Save")
    expect(walk.rows("Redeliverer")).to_contain_text("Order record: list, details, export")


def the_last_admin_stays(walk: Walk, team_admin) -> None:
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Members")
    walk.follow("Tara Admin")
    walk.sees("This is the last team admin. Make somebody else team admin first.")
    expect(walk.page.get_by_role("button", name="End the membership")).to_have_attribute("aria-disabled", "true")
    walk.page.get_by_label("Operator").check()
    walk.press("Save")
    expect(walk.page.locator(".error-summary")).to_contain_text("This is the last team admin.")
    walk.menu("Members")
    walk.follow("Rita Role")
    walk.follow("End the membership")
    walk.press("End the membership")
    expect(walk.rows("Rita Role")).to_have_count(0)
    walk.follow("What each role may do")
    expect(walk.page.get_by_role("heading", level=1)).to_have_text("Who can do what")
    row = walk.page.get_by_role("row").filter(has_text="Enable payment (virtual, standard): request, cancel")
    expect(row.get_by_role("cell")).to_have_text([re.compile(mark) for mark in "––✓–––"])


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_only_the_super_admin_dismisses_and_both_read_what_the_platform_did(walk, superadmin, platform, operator):
    page = walk.page
    walk.sign_in(superadmin.email)
    walk.menu("Users")
    walk.follow("Otto Operator")
    walk.follow("Make this person platform admin")
    walk.press("Appoint")
    walk.sign_in(platform.email)
    walk.menu("Users")
    walk.follow("Otto Operator")
    resting = page.locator("main .unavailable")
    expect(resting.get_by_role("button")).to_have_text(["Close the account", "Dismiss this platform admin"])
    expect(resting).to_contain_text("Ask one of those who can: Sue Super.")
    walk.sign_in(superadmin.email)
    walk.menu("Users")
    walk.follow("Otto Operator")
    walk.follow("Dismiss this platform admin")
    walk.press("Dismiss")
    assert User.objects.get(pk=operator.pk).platform_role == ""
    walk.sign_in(platform.email)
    walk.menu("Activity", part="Platform")
    expect(walk.rows()).to_have_count(2)
    expect(walk.rows().first).to_contain_text("Platform admin → –")
    page.get_by_label("Person").fill("pat")
    walk.press("Filter")
    walk.sees("Nothing matches")
    walk.follow("Clear all filters")
    walk.follow("Export")
    walk.press("Start the export")
    expect(page.get_by_role("link", name="Download")).to_be_visible()
