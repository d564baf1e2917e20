"""kill -9 of the web process at marked points while orders run: nothing is lost, nobody is asked twice for one id."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from console.models import AuditEntry
from orders.models import Delivery, Order
from orders.tasks import match_notifications
from tests.openserver.conftest import BASE, GOODS_EVENT, Shop, text_of
from tests.services import free_port

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="A web process of its own needs a server."),
]
MARKS = [
    "after-order-stored",
    "after-prepay-answered",
    "before-order-answered",
    "after-notification-stored",
    "after-notification-recorded",
]
ORDERS = 100


def database_url() -> str:
    told = connection.settings_dict
    return f"postgresql://{told['USER']}:{told['PASSWORD']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"


@contextlib.contextmanager
def web_process(stand_in, crash_point: str = ""):
    """gunicorn as in production, on the test's database; yields its address once it answers."""
    port = free_port()
    local = stand_in.url.split("/")[2]
    env = os.environ | {
        "DATABASE_URL": database_url(), "DEBUG": "1", "CRASH_POINT": crash_point, "PORT": str(port), "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "8", "LOCAL_DESTINATIONS": local, "EMAIL_URL": "memorymail://", "REDIS_URL": os.environ["REDIS_URL"],
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "console/gunicorn_conf.py", "console.wsgi"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def post(url: str, raw: bytes, headers: dict[str, str]) -> dict | None:
    """The answer, or None when the process died (or is not there yet)."""
    request = urllib.request.Request(url, raw, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())
    except (OSError, ValueError):
        return None


def until_answered(send) -> dict:
    """What a careful caller does: the same request again until somebody answers."""
    for _attempt in range(600):
        if (answer := send()) is not None:
            return answer
        time.sleep(0.1)  # there is no event to wait for: the process is another one, and may be dead
    raise AssertionError("Nobody answered.")


def play(shop: Shop, base: str, bodies: list[bytes]) -> list[dict]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda raw: until_answered(lambda: post(f"{base}{BASE}/orders", raw, {})), bodies))


def notify(shop: Shop, base: str, number: str) -> dict:
    raw = text_of(shop.envelope(GOODS_EVENT, shop.goods(number))).encode()
    path = f"{BASE}/payment-notifications"
    # Every attempt is signed anew: a nonce counts once.
    return until_answered(lambda: post(base + path, raw, shop.superapp_headers("POST", path, raw)))


@pytest.mark.parametrize("mark", MARKS)
def test_kill_9_loses_nothing(shop, backend, mark):
    numbers = [f"K-{number}" for number in range(ORDERS)]
    bodies = [text_of(shop.order(shop.sign_data(outTradeNo=number))).encode() for number in numbers]
    with web_process(backend, mark) as base:
        first = post_once_it_listens(base, bodies[0], shop, mark)
        assert first is None, "the process did not die at the mark"
    Order.objects.filter(payment_state="created").update(prepay_lease_until=None)  # the lease of who died is over
    with web_process(backend) as base:
        answered = [answer["returnCode"] for answer in play(shop, base, bodies)]
        paid_already = mark == "after-notification-recorded"
        assert answered == ["ORDER_NO_REUSED" if paid_already else "0", *["0"] * (ORDERS - 1)]
        assert {notify(shop, base, number)["returnCode"] for number in numbers} == {"0"}
    match_notifications()
    check_nothing_is_lost(backend, numbers)
    asked = [order["outTradeNo"] for order in backend.asked]
    # Whoever died before writing the id down must ask again, with the same number; a held id is never asked for again.
    assert len(asked) == ORDERS + (mark == "after-prepay-answered")


def post_once_it_listens(base: str, raw: bytes, shop: Shop, mark: str) -> dict | None:
    """Wait for the process, then send what makes it die at the mark; None when it died."""
    until_answered(lambda: _health(base))
    answer = post(f"{base}{BASE}/orders", raw, {})
    if "notification" in mark:
        assert answer and answer["returnCode"] == "0"
        told = text_of(shop.envelope(GOODS_EVENT, shop.goods("K-0"))).encode()
        path = f"{BASE}/payment-notifications"
        answer = post(base + path, told, shop.superapp_headers("POST", path, told))
    return answer


def _health(base: str) -> dict | None:
    try:
        with urllib.request.urlopen(f"{base}{BASE}/health", timeout=5) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError):
        return None


def check_nothing_is_lost(backend, numbers: list[str]) -> None:
    orders = {order.out_trade_no: order for order in Order.objects.all()}
    assert sorted(orders) == sorted(numbers)
    assert {order.payment_state for order in orders.values()} == {"paid"}
    # The superapp keeps one prepay per number: asked again with the same number, never for a second one of a held id.
    assert all(order.prepay_id == f"pp-{number}" for number, order in orders.items())
    assert Delivery.objects.filter(event="goods").count() == len(numbers)
    for verb in ("orders.order.place", "orders.order.hold_prepay", "orders.order.pay"):
        assert AuditEntry.objects.filter(verb=verb).count() == len(numbers), verb
