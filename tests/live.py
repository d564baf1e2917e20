"""The site as it runs: a real server, the dispatcher in a thread, the demo loaded, all parties on one address.

`walk` is a window on a site that holds only what the test makes.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from orders import dispatcher
from simulator.models import DeveloperBackend
from tests.whole_sale import Walk

#: Quicker to look again than in production; nothing else differs.
LIMITS = dispatcher.Limits(poll=0.05, sweep=0.5)


@dataclass(frozen=True)
class Site:
    """Where the site answers, and what the demo wrote down for HTTP clients."""

    url: str
    demo: dict[str, Any]

    def program(self, name: str) -> dict[str, Any]:
        return next(row for row in self.demo["mini_programs"] if row["name"] == name)


def _dispatch(stop: threading.Event) -> None:
    try:
        dispatcher.run(stop, limits=LIMITS)
    finally:
        connections.close_all()


def as_in_demo_mode(url: str, directory: Path) -> dict[str, Any]:
    """Settings of a site at this address, with its files in this directory."""
    return {
        "BASE_URL": url, "LOCAL_DESTINATIONS": frozenset([urlsplit(url).netloc]), "SECOND_FACTOR_REQUIRED": False,
        "EMAIL_BACKEND": "simulator.mail.MailboxBackend", "VAR_DIR": directory, "MEDIA_ROOT": directory / "media",
    }  # fmt: skip


@pytest.fixture
def site(transactional_db: None, live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Site]:
    """The demo at the live server's address, its receivers in a good mood, pushes really sent."""
    for name, value in as_in_demo_mode(live_server.url, tmp_path).items():
        setattr(settings, name, value)
    call_command("demo", verbosity=0)
    DeveloperBackend.objects.update(mode=DeveloperBackend.Mode.ACKNOWLEDGE)
    stop = threading.Event()
    thread = threading.Thread(target=_dispatch, args=(stop,), name="dispatcher")
    thread.start()
    yield Site(live_server.url, json.loads((tmp_path / "demo.json").read_text()))
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def kept_site(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo that all tests of a module look at; nothing is pushed. Then the tables are emptied."""
    server = LiveServer("127.0.0.1")
    changed = as_in_demo_mode(server.url, tmp_path_factory.mktemp("site")) | {"ALLOWED_HOSTS": ["127.0.0.1", "testserver"]}
    with django_db_blocker.unblock(), override_settings(**changed):
        call_command("demo", verbosity=0)
        yield server.url
        server.stop()
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def walk(transactional_db: None, live_server: Any, browser_page: Page, settings: Any) -> Walk:
    """A window in which the people of tests/people.py sign in; as in demo mode no second factor is asked for."""
    settings.SECOND_FACTOR_REQUIRED = False
    settings.BASE_URL = live_server.url
    return Walk(browser_page, live_server.url)
