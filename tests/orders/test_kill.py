"""`manage.py deliver`, a real process, is killed with SIGKILL at marked points: nothing is lost and nothing moves twice."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Response

from console.models import AuditEntry
from orders.models import Attempt, Delivery, Order
from tests.orders.shop import dispatching, new_order, open_push, pay, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the process needs the database of the tests"),
]
ORDERS = 500
#: Each is passed a few times before it kills, so that every process gets something done.
POINTS = ["after-claim:2", "before-post:15", "after-post:15", "in-results:2", "after-results:3"]


def start(receiver: HTTPServer, crash_point: str = "") -> subprocess.Popen:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ, "DEBUG": "1", "CRASH_POINT": crash_point, "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "LOCAL_DESTINATIONS": f"127.0.0.1:{receiver.port}", "DJANGO_SETTINGS_MODULE": "console.settings",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "deliver", "--skip-checks"]
    return subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)


def let_leases_end() -> None:
    """What 30 seconds of waiting would do."""
    Delivery.objects.filter(state="delivering").update(lease_until=timezone.now() - timedelta(seconds=1))


def delivered() -> int:
    return Order.objects.filter(delivery_state="delivered").count()


def test_killed_at_five_points_it_loses_nothing_and_moves_nothing_twice(starfall, team_admin):
    with HTTPServer(host="127.0.0.1", threaded=True) as receiver:
        receiver.expect_request("/").respond_with_json({"returnCode": "0"})
        keys = open_push(starfall, team_admin, receiver.url_for("/"))
        for number in range(ORDERS):
            pay(new_order(starfall, f"ORDER-{number}"), keys[0])
        for point in POINTS:
            assert start(receiver, point).wait() == -signal.SIGKILL, point
            assert delivered() < ORDERS, f"{point}: nothing was left to lose"
            let_leases_end()
        last = start(receiver)
        until(lambda: delivered() == ORDERS, seconds=120)
        last.terminate()
        assert last.wait() == 0
    check_what_arrived(receiver)


def test_a_worker_that_is_stopped_past_its_lease_cannot_undo_a_delivery(starfall, team_admin, settings):
    with HTTPServer(host="127.0.0.1", threaded=True) as receiver:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{receiver.port}"}
        keys = open_push(starfall, team_admin, receiver.url_for("/"))
        worker, stopped = start(receiver), threading.Event()

        def stop_whoever_asks(_request):
            os.kill(worker.pid, signal.SIGSTOP)
            stopped.set()
            return Response("too late", status=500)

        receiver.expect_ordered_request("/").respond_with_handler(stop_whoever_asks)
        receiver.expect_ordered_request("/").respond_with_json({"returnCode": "0"})
        pay(new_order(starfall), keys[0])
        assert stopped.wait(60)
        let_leases_end()
        with dispatching():
            until(lambda: delivered() == 1)
        worker.send_signal(signal.SIGCONT)
        until(lambda: Attempt.objects.count() == 2)
        worker.terminate()
        assert worker.wait() == 0
    assert list(Attempt.objects.order_by("number").values_list("number", "outcome")) == [(1, "bad_status"), (2, "acknowledged")]
    assert (delivered(), Delivery.objects.get().state, Delivery.objects.get().schedule_step) == (1, "delivered", 0)
    assert AuditEntry.objects.filter(verb="orders.order.acknowledge_delivery").count() == 1


def check_what_arrived(receiver: HTTPServer) -> None:
    sent = Counter(request.headers["webhook-id"] for request, _response in receiver.log)
    assert set(sent) == {str(uid) for uid in Delivery.objects.values_list("uid", flat=True)}
    assert len(receiver.log) > ORDERS, "the kills after the post were not where they should be"
    for verb in ("orders.order.acknowledge_delivery", "orders.delivery.acknowledge"):
        moved = Counter(AuditEntry.objects.filter(verb=verb).values_list("object_id", flat=True))
        assert (len(moved), set(moved.values())) == (ORDERS, {1})
    assert Attempt.objects.filter(outcome="acknowledged").count() == ORDERS
    assert set(Delivery.objects.values_list("state", "lease_until")) == {("delivered", None)}
