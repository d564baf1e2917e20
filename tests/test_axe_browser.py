"""Every page that somebody of the demo reaches: axe finds nothing serious in either theme (WCAG 2.2 AA), it fits 320 px, and the
browser has nothing to complain of, neither a script nor the content security policy. No link leads to a refusal for its reader.

A new page takes part by itself, as soon as a link leads to it; one that no link reaches fails here until a list below says why.
"""

from dataclasses import dataclass, field

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client

from console.checks import routes
from console.models import User
from simulator.accounts import ACCOUNTS
from tests.crawl import furnish, visits

SERIOUS = {"serious", "critical"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
#: Where those begin who have not signed in.
PUBLIC = (
    "/accounts/login/", "/accounts/password/reset/done/", "/accounts/signup/", "/styleguide/", "/simulator/shop/",
    "/openserver/v1/docs",
)  # fmt: skip
#: Pages that no link of the demo leads to, and why; machines' addresses and files are no pages.
UNREACHED = {
    "account_confirm_email": "behind a one-time link",
    "account_confirm_login_code": "switched off",
    "account_email": "switched off",
    "account_inactive": "for closed accounts",
    "account_reset_password_from_key": "behind a one-time link",
    "account_reset_password_from_key_done": "after that",
    "account_set_password": "everybody has a password",
    "account_email_verification_sent": "switched off",
    "account_logout": "asks what the account menu asks",
    "invitation": "behind a one-time link",
    "linked-email-confirm": "behind a one-time link",
    "mfa_authenticate": "second step of signing in",
    "orders:archived": "of an order in the archive; those of the demo are young",
    "orders:archived-refund": "the same of a refund",
    "styleguide": "answers in development only",
}
NO_PAGES = ("openserver:", "simulator:")
#: The walk opens one address of each route; these hang on an object in another state than that one, or on what was just done.
ELSEWHERE = {
    "account_reauthenticate", "items:delete", "items:edit", "items:import-detail", "items:import-part", "items:remove",
    "items:superapp-look-at", "items:superapp-take-down", "items:take-down", "mfa_activate_totp",
    "mfa_download_recovery_codes", "mfa_reauthenticate", "mfa_view_recovery_codes", "orders:exemption-revoke",
    "orders:mismatch-settle", "orders:redeliver-many", "orders:refund-export", "orders:superapp-mismatch-settle",
    "payments:backend-key-switch", "payments:client-certificate-remove", "payments:credential-issue",
    "payments:credential-retire", "payments:currency-add", "payments:payment-switch-on", "payments:requests-decide",
    "platform-admin-dismiss", "platform-invitation-resend", "platform-invitation-revoke", "platform-superapp-appoint",
    "platform-team-appoint", "platform-team-email-resend", "platform-team-email-withdraw", "platform-user-reopen",
    "program-export-schedule", "superapp-invitation-resend", "superapp-invitation-revoke", "team-invitation-resend",
    "team-invitation-revoke", "team-member-remove",
}  # fmt: skip


def serious(page, options) -> list[str]:
    """What axe holds against the page: rule, how many places, and the first of them."""
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [
        f"{rule['id']} at {len(rule['nodes'])}: {rule['nodes'][0]['html'][:160]}" for rule in found if rule["impact"] in SERIOUS
    ]


@dataclass
class Reader:
    """Somebody's session, the pages they are the first to reach (route → address), and the links that were refused."""

    client: Client
    pages: dict[str, str] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)

    def walk(self, starts: tuple[str, ...], known: set[str]) -> None:
        """Follow all links; routes in `known` are visited, but somebody else's."""
        for visit in visits(self.client, *starts):
            if visit.answer.status_code >= 400:
                self.dead.append(f"{visit.address} from {visit.found_on}: {visit.answer.status_code}")
            elif visit.answer.status_code == 200 and visit.answer["Content-Type"].startswith("text/html"):
                if visit.route not in known:
                    self.pages.setdefault(visit.route, visit.address)


def readers() -> dict[str, Reader]:
    """Everybody of the demo by e-mail, "" for who has not signed in, after their walks."""
    found = {"": Reader(Client())}
    found[""].walk(PUBLIC, set())
    for account in ACCOUNTS:
        reader = found[account.email] = Reader(Client(raise_request_exception=False))
        reader.client.force_login(User.objects.get(email=account.email))
        reader.walk(("/",), {route for other in found.values() for route in other.pages})
    return found


def faults(page, address: str) -> list[str]:
    """Everything that is wrong with one page."""
    answer = page.goto(address)
    wrong = [f"answered {answer.status}"] if answer.status != 200 else []
    page.evaluate(AXE_SCRIPT)
    wrong += [f"{fault} (light)" for fault in serious(page, RULES)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wrong += [f"{fault} (dark)" for fault in serious(page, CONTRAST)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 320, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1440, "height": 900})
    return [*wrong, f"is {width} px wide in a window of 320"] if width > 320 else wrong


@pytest.mark.browser
def test_every_page_is_accessible_narrow_and_quiet_and_no_link_is_refused(browser_page, site):
    furnish()
    everybody = readers()
    dead = [f"{email}: {link}" for email, reader in everybody.items() for link in reader.dead]
    assert not dead, "\n".join(dead)
    wrong, said = [], []
    browser_page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    browser_page.on("pageerror", lambda error: said.append(str(error)))
    for email, reader in everybody.items():
        browser_page.context.clear_cookies()
        cookie = reader.client.cookies.get(settings.SESSION_COOKIE_NAME)
        if email and cookie:
            browser_page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        for route, address in reader.pages.items():
            wrong += [f"{route} {address} as {email}: {fault}" for fault in faults(browser_page, site.url + address)]
            wrong += [f"{route} {address} as {email}: {complaint}" for complaint in said]
            said.clear()
    assert not wrong, "\n".join(wrong)
    missing = with_pages() - {route for reader in everybody.values() for route in reader.pages}
    assert not missing - UNREACHED.keys() - ELSEWHERE


def with_pages() -> set[str]:
    """Routes of the console that answer GET with a page of their own."""
    views = {name: getattr(view, "view_class", None) for name, _path, view in routes() if name and not name.startswith(NO_PAGES)}
    return {name for name, view in views.items() if view is None or (hasattr(view, "get") and getattr(view, "template_name", ""))}
