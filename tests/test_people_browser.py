"""In a browser: the platform makes a team and invites its admin, who accepts, makes a role and sets up a second factor."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from playwright.sync_api import expect

from console.models import Team
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
