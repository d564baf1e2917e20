"""Every page that somebody of the demo reaches: axe finds nothing serious in either theme (WCAG 2.2 AA), it fits 320 px, and the
browser has nothing to complain of, neither a script nor the content security policy. No link leads to a refusal for its reader.

A new page takes part by itself, as soon as a link leads to it. One that no link of the walk reaches stands in tests/furnished.py
with the state that it needs, or fails here until UNREACHED says why nobody opens it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page

from console.checks import routes
from simulator.accounts import ACCOUNTS
from tests.crawl import route_of, visits
from tests.furnished import HALF_WAY, NOBODY, PARTS, RESETTING, Furnished, Opened, pages, without_factor

SERIOUS = {"serious", "critical"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
#: `preload` has the style sheets read once more, for a rule that looks at nothing else; they are the same on all pages.
PAGE_RULES = {**RULES, "preload": False, "rules": {"css-orientation-lock": {"enabled": False}}}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"], "preload": False}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 320, "height": 640}
#: Where those begin who have not signed in.
PUBLIC = ("/accounts/login/", "/accounts/password/reset/done/", "/accounts/signup/", "/simulator/shop/", "/openserver/v1/docs")
#: Routes that look like pages and that nobody can open in this product; machines' addresses and files are no pages.
UNREACHED = {
    "account_confirm_email": "no mail has such a link: the address of an invitation is known to be right",
    "account_confirm_login_code": "switched off",
    "account_email_verification_sent": "switched off",
    "account_set_password": "everybody has a password",
    "mfa_download_recovery_codes": "a file",
}
NO_PAGES = ("openserver:", "simulator:")
#: In the order in which they walk: a page is judged as whoever reaches it first. Those who find nothing new come last.
READERS = [NOBODY, *(account.email.partition("@")[0] for account in ACCOUNTS)]


@dataclass
class Reader:
    """Somebody's session, the page of each route that they reach, and the links that were refused."""

    client: Client
    starts: tuple[str, ...] = ("/",)
    dead: list[str] = field(default_factory=list)

    @cached_property
    def pages(self) -> dict[str, str]:
        """Route → address, after following all links."""
        found: dict[str, str] = {}
        for visit in visits(self.client, *self.starts):
            if visit.answer.status_code >= 400:
                self.dead.append(f"{visit.address} from {visit.found_on}: {visit.answer.status_code}")
            elif visit.answer.status_code == 200 and visit.answer["Content-Type"].startswith("text/html"):
                found.setdefault(visit.route, visit.address)
        return found


class Site:
    """The furnished demo at `url`, and everybody's session."""

    def __init__(self, url: str) -> None:
        self.url, self.made = url, Furnished()
        self.readers: dict[str, Reader] = {}

    def reader(self, name: str) -> Reader:
        """The reader of this name, signed in when they first appear."""
        if name not in self.readers:
            starts = PUBLIC if name == NOBODY else ("/",)
            self.readers[name] = Reader(self._session(name), starts)
        return self.readers[name]

    def _session(self, name: str) -> Client:
        client = Client(raise_request_exception=False)
        if name == HALF_WAY:
            client.post(reverse("account_login"), {"login": self.made.admin.email, "password": "demo"})
        elif name == RESETTING:
            client.get(self.made.reset_link)
        elif name != NOBODY:
            client.force_login(self.made.people[name])
        if name == "operator":
            without_factor(self.made.people[name])
        return client

    def first_found(self, name: str) -> dict[str, str]:
        """The pages that this reader is the first of READERS to reach."""
        earlier = READERS[: READERS.index(name)]
        known = {route for other in earlier for route in self.reader(other).pages}
        return {route: address for route, address in self.reader(name).pages.items() if route not in known}


@pytest.fixture(scope="module")
def transactional_db(kept_site) -> str:
    """Stands in for the fixture of this name, by which pytest-django knows that a test needs a database and runs late."""
    return str(kept_site)


@pytest.fixture(scope="module")
def site(transactional_db) -> Site:
    """Furnished once for all tests of this module."""
    return Site(transactional_db)


class Judge:
    """A window that looks at pages and says what is wrong with them."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site, self.wrong, self.said = page, site, list[str](), list[str]()
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def become(self, name: str) -> None:
        """Go on in the session of this reader."""
        self.page.context.clear_cookies()
        cookies = self.site.reader(name).client.cookies.values()
        self.page.context.add_cookies([{"name": row.key, "value": row.value, "url": self.site.url} for row in cookies])

    def look(self, opened: Opened) -> None:
        """Open a page and note its faults, with where and as whom."""
        self.said.clear()
        answer = self.page.goto(self.site.url + opened.address)
        faults = [f"answered {answer.status}"] if answer.status != opened.status else list(self.faults())
        # The browser tells of every answer that is an error; this one was asked for.
        said = [text for text in self.said if opened.status == 200 or f"status of {opened.status}" not in text]
        self.wrong += [f"{opened.address} as {opened.reader or 'nobody'}: {fault}" for fault in [*faults, *said]]

    def faults(self) -> Iterator[str]:
        """What axe holds against the page in both themes, and whether it is too wide."""
        self.page.evaluate(AXE_SCRIPT)
        yield from (f"{fault} (light)" for fault in self.serious(PAGE_RULES))
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        yield from (f"{fault} (dark)" for fault in self.serious(CONTRAST))
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.set_viewport_size(NARROW)
        if (width := self.page.evaluate("document.documentElement.scrollWidth")) > NARROW["width"]:
            yield f"is {width} px wide in a window of 320"
        self.page.set_viewport_size(WIDE)

    def serious(self, options: dict[str, object]) -> list[str]:
        """Rule, how many places, and the first of them."""
        found = self.page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
        return [
            f"{rule['id']} at {len(rule['nodes'])}: {rule['nodes'][0]['html'][:160]}"
            for rule in found
            if rule["impact"] in SERIOUS
        ]


@pytest.fixture
def judge(browser_page, site) -> Judge:
    return Judge(browser_page, site)


@pytest.mark.browser
@pytest.mark.parametrize("name", READERS, ids=[name or "nobody" for name in READERS])
def test_pages_that_links_lead_to_are_accessible_narrow_and_quiet_and_no_link_is_refused(name, judge, site):
    found = site.first_found(name)
    assert not site.reader(name).dead, "\n".join(site.reader(name).dead)
    judge.become(name)
    for address in found.values():
        judge.look(Opened(name, address))
    assert not judge.wrong, "\n".join(judge.wrong)


@pytest.mark.browser
@pytest.mark.parametrize("part", PARTS)
def test_pages_in_the_states_of_their_objects_are_accessible_narrow_and_quiet(part, judge, site):
    for opened in sorted(pages(site.made, part)):
        judge.become(opened.reader)
        judge.look(opened)
    assert not judge.wrong, "\n".join(judge.wrong)


@pytest.mark.browser
def test_no_style_sheet_locks_the_orientation(judge, site):
    judge.page.goto(site.url + "/accounts/login/")
    judge.page.evaluate(AXE_SCRIPT)
    assert not judge.serious({"runOnly": {"type": "rule", "values": ["css-orientation-lock"]}})


def test_every_page_is_judged(site):
    reached = {route for name in READERS for route in site.reader(name).pages}
    opened = {route_of(row.address) for part in PARTS for row in pages(site.made, part) if row.status == 200}
    assert with_pages() - reached - opened == UNREACHED.keys() & with_pages()
    assert not UNREACHED.keys() - with_pages()


def with_pages() -> set[str]:
    """Routes of the console that answer GET with a page of their own. Of two with the same name the first one answers."""
    named = [(name, getattr(view, "view_class", None)) for name, _path, view in routes() if name]
    first = {name: view for name, view in reversed(named) if not name.startswith(NO_PAGES)}
    return {name for name, view in first.items() if view is None or _has_page(view)}


def _has_page(view: type) -> bool:
    return hasattr(view, "get") and "get" in view.http_method_names and bool(getattr(view, "template_name", ""))  # type: ignore[attr-defined]
