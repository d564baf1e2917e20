"""SIGTERM while something is in hand: it is finished, and the process ends with status 0 (docs/reliability.md, "Clean stop")."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import connection
from kombu import Connection
from werkzeug import Response

from console.celery import app
from console.models import OutgoingMail
from orders.models import Attempt, Delivery, Order
from tests.conftest import Postbox
from tests.openserver.conftest import BASE, backend, issued, shop, text_of
from tests.openserver.test_kill_web import database_url, post, until_answered
from tests.orders.shop import new_order, open_push, pay
from tests.services import free_port

__all__ = ["backend", "issued", "shop"]  # fixtures
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a process of its own needs a server"),
]
WAIT = 60  # seconds until a test gives up


def start(*command: str, stderr: int | None = None, **environment: str) -> subprocess.Popen:
    env = {**os.environ, "DEBUG": "1", "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "console.settings"} | environment
    return subprocess.Popen(
        [sys.executable, *command], cwd=settings.BASE_DIR, env=env, start_new_session=True, stderr=stderr, text=True
    )


class Held:
    """An answer that is held until the process was asked to end."""

    def __init__(self, body: object) -> None:
        self.body, self.asked, self.release = body, threading.Event(), threading.Event()

    def __call__(self, _request) -> Response:
        self.asked.set()
        assert self.release.wait(WAIT)
        return Response(text_of(self.body), content_type="application/json")


def test_the_dispatcher_finishes_the_posts_in_hand_and_gives_back_the_rest(starfall, team_admin, httpserver):
    """The answer is held until the dispatcher says that it stops: so it is really the stop that waits for it."""
    held = Held({"returnCode": "0"})
    httpserver.expect_request("/push").respond_with_handler(held)
    keys = open_push(starfall, team_admin, httpserver.url_for("/push"))
    for number in range(30):
        pay(new_order(starfall, f"ORDER-{number}"), keys[0])
    local = f"{httpserver.host}:{httpserver.port}"
    command = ("manage.py", "deliver", "--skip-checks")
    process = start(*command, stderr=subprocess.PIPE, LOG_LEVEL="INFO", LOCAL_DESTINATIONS=local)
    assert held.asked.wait(WAIT)
    process.send_signal(signal.SIGTERM)
    stopping = any("dispatcher_stopping" in line for line in process.stderr)
    held.release.set()
    process.stderr.read()
    assert stopping, "it ended without finishing"
    assert process.wait(WAIT) == 0
    states = list(Delivery.objects.values_list("state", flat=True))
    assert set(states) == {"delivered", "pending"}, states
    assert states.count("delivered") == len(httpserver.log) == Attempt.objects.filter(outcome="acknowledged").count()


def test_the_web_process_answers_the_request_in_hand(shop, backend):
    held, port = Held({"returnCode": "0", "data": {"prepayId": "pp-1"}}), free_port()
    backend.answer = held
    local = backend.url.split("/")[2]
    process = start(
        "-m", "gunicorn", "-c", "console/gunicorn_conf.py", "console.wsgi", PORT=str(port), LOCAL_DESTINATIONS=local,
        WEB_CONCURRENCY="1", EMAIL_URL="memorymail://",
    )  # fmt: skip
    base = f"http://127.0.0.1:{port}{BASE}"
    raw = text_of(shop.order()).encode()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(until_answered, lambda: post(f"{base}/orders", raw, {}))
        assert held.asked.wait(WAIT)
        process.send_signal(signal.SIGTERM)
        held.release.set()
        assert answer.result(WAIT)["data"]["prepayId"] == "pp-1"
    assert process.wait(WAIT) == 0
    assert (len(backend.asked), Order.objects.get().payment_state) == (1, "unpaid")


class HeldPostbox(Postbox):
    """A mail server that takes a mail only when it is released."""

    asked, release = threading.Event(), threading.Event()

    async def handle_DATA(self, server, session, envelope) -> str:
        self.asked.set()
        assert await asyncio.to_thread(self.release.wait, WAIT)
        return await super().handle_DATA(server, session, envelope)


@pytest.mark.filterwarnings("ignore::celery.exceptions.AlwaysEagerIgnored")
def test_the_worker_finishes_the_mail_in_hand():
    postbox = HeldPostbox()
    server = Controller(postbox, hostname=postbox.host, port=postbox.port, ready_timeout=WAIT)
    server.start()
    OutgoingMail.objects.create(recipient="team@example.test", subject="Subject", body="Text")
    broker = settings.REDIS_URL.rpartition("/")[0] + "/9"  # nobody else's
    command = ("-m", "celery", "-A", "console", "worker", "--pool", "threads", "--concurrency", "1")
    process = start(*command, REDIS_URL=broker, EMAIL_URL=f"smtp://{postbox.host}:{postbox.port}")
    try:
        with Connection(broker) as wire:
            app.send_task("console.mail.send_mails", connection=wire)
        assert postbox.asked.wait(WAIT)
        process.send_signal(signal.SIGTERM)
        postbox.release.set()
        assert process.wait(WAIT) == 0
    finally:
        postbox.release.set()
        process.kill()
        server.stop()
    assert [mail["Subject"] for mail in postbox.messages] == ["Subject"]
    assert list(OutgoingMail.objects.exclude(sent_at=None).values_list("subject", flat=True)) == ["Subject"]
