"""A real Chromium for tests marked `browser`: Debian's own, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.models import User

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1440, "height": 900}


def chromium_path() -> str | None:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module, closed after it: its running event loop would break tests that have loops of their own."""
    path = chromium_path()
    if path is None:
        pytest.skip("Chromium not found; install it (apt-get install chromium) or name it in CHROMIUM.")
    # Playwright's synchronous API keeps a running event loop in this thread, in which Django refuses the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Page]:
    """A fresh window of 1440 × 900; use it with `live_server`."""
    context = chromium.new_context(viewport=SIZE, locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def window(chromium: Browser, client: Client, live_server: Any) -> Iterator[Callable[..., Page]]:
    """`window(person, path)` opens a browser of its own for somebody who is signed in with a fresh code."""
    contexts: list[BrowserContext] = []

    def open_for(person: User, path: str, **options: Any) -> Page:
        client.force_login(person)
        context = chromium.new_context(**{"viewport": SIZE, "locale": "en-GB", "timezone_id": "UTC"} | options)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        client.cookies.clear()
        contexts.append(context)
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield open_for
    for context in contexts:
        context.close()
