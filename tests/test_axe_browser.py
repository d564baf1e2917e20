"""Every page that somebody of the demo reaches: axe finds nothing serious in either theme (WCAG 2.2 AA), it fits 320 px, and the
browser has nothing to complain of, neither a script nor the content security policy.

A new page takes part by itself, as soon as a link leads to it; one that no link reaches fails here until UNREACHED says why.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings as django_settings
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
}
NO_PAGES = ("openserver:", "simulator:")


def serious(page, options) -> list[str]:
    """What axe holds against the page: rule, how many places, and the first of them."""
    found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
    return [
        f"{rule['id']} at {len(rule['nodes'])}: {rule['nodes'][0]['html'][:160]}" for rule in found if rule["impact"] in SERIOUS
    ]


def pages(client: Client, *starts: str) -> dict[str, str]:
    """Route → its first page that answers with HTML."""
    found: dict[str, str] = {}
    for visit in visits(client, *starts, most=1):
        if visit.answer.status_code == 200 and visit.answer["Content-Type"].startswith("text/html"):
            found.setdefault(visit.route, visit.address)
    return found


def plan() -> dict[str, tuple[Client, dict[str, str]]]:
    """Person → route → address, each route once, by the first person who reaches it; "" has not signed in."""
    clients, known, planned = {"": Client()}, set(), {}
    for account in ACCOUNTS:
        clients[account.email] = Client()
        clients[account.email].force_login(User.objects.get(email=account.email))
    for email, client in clients.items():
        found = pages(client, *(PUBLIC if not email else ("/",)))
        planned[email] = {route: address for route, address in found.items() if route not in known}
        known |= set(found)
    return {email: (clients[email], todo) for email, todo in planned.items() if todo}


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
def test_every_page_is_accessible_narrow_and_quiet(browser_page, site):
    furnish()
    wrong, reached, said = [], set(), []
    browser_page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    browser_page.on("pageerror", lambda error: said.append(str(error)))
    for email, (client, todo) in plan().items():
        browser_page.context.clear_cookies()
        cookie = client.cookies.get(django_settings.SESSION_COOKIE_NAME)
        if email and cookie:
            browser_page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
        for route, address in todo.items():
            reached.add(route)
            wrong += [f"{route} {address} as {email}: {fault}" for fault in faults(browser_page, site.url + address)]
            wrong += [f"{route} {address} as {email}: {complaint}" for complaint in said]
            said.clear()
    assert not wrong, "\n".join(wrong)
    missing = {name for name in with_pages() if name not in reached}
    assert missing == {name for name in UNREACHED if name in with_pages()}


def with_pages() -> set[str]:
    """Routes of the console that answer GET with a page of their own."""
    views = {name: getattr(view, "view_class", None) for name, _path, view in routes() if name and not name.startswith(NO_PAGES)}
    return {name for name, view in views.items() if view is None or (hasattr(view, "get") and getattr(view, "template_name", ""))}
