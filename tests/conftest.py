"""Fixtures that know nothing of the domain. People with names live in tests/people.py."""

import email
import email.message
import email.policy
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from django.utils import translation

from tests.services import free_port

pytest_plugins = [name for name in ("tests.browser", "tests.people", "tests.live") if importlib.util.find_spec(name)]


@dataclass
class Postbox:
    """A mail server for one test; `messages` are parsed, in the order of arrival."""

    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    messages: list[email.message.EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, email.message.EmailMessage)
        self.messages.append(message)
        return "250 OK"


@pytest.fixture(autouse=True)
def usual_language() -> Iterator[None]:
    """A page leaves its language active in the thread; the next test is not to find it there."""
    yield
    translation.deactivate()


@pytest.fixture
def smtp_server(settings: Any) -> Iterator[Postbox]:
    """A real SMTP server; Django's mail goes to it while the fixture is in use."""
    postbox = Postbox()
    controller = Controller(postbox, hostname=postbox.host, port=postbox.port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = postbox.host, postbox.port
    yield postbox
    controller.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """On SQLite a transactional test is cleaned up by DELETE, which the audit trail's trigger refuses; PostgreSQL truncates."""
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            connection.cursor().execute("DROP TRIGGER IF EXISTS audit_no_delete")
