"""The dispatcher against real receivers and a real database."""

import asyncio
import json
import socket
import struct
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection  # noqa: F401  # for skipif
from django.utils import timezone
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Response

from console.http_messages import Answer
from console.models import AuditEntry, OutgoingMail
from orders import wake
from orders.actions.refund import record_refund
from orders.dispatcher import Dispatcher, Limits, Receiver
from orders.models import Attempt, Delivery, Heartbeat, Order
from orders.outbox import claim
from orders.results import Result, write_results
from orders.sender import outgoing, tried
from orders.sweeping import reclaim
from orders.webhooks import webhook_secret
from tests.orders.shop import QUICK, SUPERAPP, dispatch, dispatching, new_order, notice, open_push, pay, until

pytestmark = pytest.mark.django_db(transaction=True)
OK = {"returnCode": "0", "returnMessage": "", "data": "OK", "requestId": "1"}
HASTY = Limits(poll=0.02, sweep=0.0, deadline=0.3)


@pytest.fixture
def receiver(settings):
    """A developer's backend on this machine."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        yield server


@pytest.fixture
def keys(starfall, team_admin, receiver):
    return open_push(starfall, team_admin, receiver.url_for("/push"), test_url=receiver.url_for("/test"))


@pytest.fixture
def order(starfall, keys):
    order = new_order(starfall)
    pay(order, keys[0])
    return order


def test_a_paid_order_is_delivered(order, receiver):
    receiver.expect_oneshot_request("/push", method="POST").respond_with_json(OK)
    dispatch()
    delivery, attempt, order = Delivery.objects.get(), Attempt.objects.get(), Order.objects.get()
    assert (delivery.state, delivery.lease_until, order.delivery_state) == ("delivered", None, "delivered")
    assert (attempt.outcome, attempt.status, attempt.number) == ("acknowledged", 200, 1)
    assert delivery.acknowledged_at and order.delivered_at and attempt.durations["total"] > 0
    receiver.check_assertions()


def test_what_arrives_is_the_stored_body_signed_by_the_app_key(order, keys, receiver):
    receiver.expect_request("/push").respond_with_json(OK)
    dispatch()
    request, delivery = receiver.log[0][0], Delivery.objects.get()
    assert request.data == delivery.body.encode()
    assert request.headers["webhook-id"] == str(delivery.uid)
    assert Webhook(webhook_secret(keys[0])).verify(request.data, dict(request.headers))
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert Attempt.objects.get().request_headers["webhook-signature"] == request.headers["webhook-signature"]


def test_sandbox_orders_go_to_the_test_url_with_the_sandbox_key(starfall, keys, receiver):
    pay(new_order(starfall, env=1), keys[1])
    receiver.expect_request("/test").respond_with_json(OK)
    dispatch()
    request = receiver.log[0][0]
    assert Webhook(webhook_secret(keys[1])).verify(request.data, dict(request.headers))


@pytest.mark.parametrize(
    ("response", "outcome", "code"),
    [
        (Response('{"returnCode": "4001"}'), "refused", "4001"),
        (Response("broken", status=500), "bad_status", ""),
        (Response(json.dumps(OK), status=202), "bad_status", ""),
        (Response("", status=302, headers={"Location": "/elsewhere"}), "bad_status", ""),
        (Response("<p>\x00hello\n"), "bad_body", ""),
        (Response(b"\x1f\x8b\x08\x00" + b"\x00" * 100, headers={"Content-Encoding": "gzip"}), "bad_body", ""),
        (Response(json.dumps({**OK, "data": "x" * 70_000})), "bad_body", ""),
    ],
)
def test_what_is_no_acknowledgement_is_tried_again(order, receiver, response, outcome, code):
    receiver.expect_request("/push").respond_with_response(response)
    receiver.expect_request("/elsewhere").respond_with_json(OK)
    dispatch()
    attempt, delivery = Attempt.objects.get(), Delivery.objects.get()
    assert (attempt.outcome, attempt.return_code, delivery.state, delivery.schedule_step) == (outcome, code, "pending", 1)
    assert timedelta(seconds=10) < delivery.next_attempt_at - attempt.started_at < timedelta(seconds=20)
    assert attempt.next_attempt_at == delivery.next_attempt_at
    assert len(attempt.answer) <= 256 and (attempt.answer.isprintable() or not attempt.answer)
    assert [request.path for request, _response in receiver.log] == ["/push"]
    assert Order.objects.get().delivery_state == "pending"


def test_a_receiver_that_hangs_is_given_up_at_the_deadline(order, receiver):
    release = threading.Event()
    receiver.expect_request("/push").respond_with_handler(lambda _request: Response(str(release.wait(20))))
    dispatch(HASTY)
    release.set()
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.error, attempt.status) == ("no_answer", "timeout", None)


def test_a_connection_that_is_reset_is_no_answer(order, starfall, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{port}"}
        starfall.delivery_config.__class__.objects.update(url=f"http://127.0.0.1:{port}/")
        resetting = threading.Thread(target=reset_one, args=(server,))
        resetting.start()
        dispatch()
        resetting.join()
    assert (Attempt.objects.get().outcome, Attempt.objects.get().error) == ("no_answer", "protocol")


def reset_one(server):
    client, _address = server.accept()
    client.recv(10)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_a_private_address_and_a_closed_port_look_the_same(starfall, keys, order):
    config = starfall.delivery_config
    config.url = "http://10.0.0.1/"
    config.save()
    dispatch()
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.error, attempt.durations) == ("no_answer", "unreachable", {})


def test_the_next_attempt_carries_the_same_id_and_the_failure_count_ends_in_attention(order, receiver):
    receiver.expect_oneshot_request("/push").respond_with_data("no", status=500)
    receiver.expect_request("/push").respond_with_json(OK)
    dispatch()
    Delivery.objects.update(next_attempt_at=timezone.now())
    dispatch()
    ids = {request.headers["webhook-id"] for request, _response in receiver.log}
    assert (len(receiver.log), len(ids), Delivery.objects.get().state) == (2, 1, "delivered")
    assert list(Attempt.objects.order_by("pk").values_list("number", "outcome")) == [(1, "bad_status"), (2, "acknowledged")]


def test_the_schedule_ends_in_needs_attention_and_one_mail_a_program(starfall, keys, order, receiver):
    pay(new_order(starfall, "ORDER-2"), keys[0])
    Delivery.objects.update(first_due_at=timezone.now() - timedelta(days=31))
    receiver.expect_request("/push").respond_with_data("no", status=500)
    dispatch()
    assert set(Delivery.objects.values_list("state", "next_attempt_at")) == {("needs_attention", None)}
    assert set(Order.objects.values_list("delivery_state", flat=True)) == {"needs_attention"}
    assert AuditEntry.objects.filter(verb="orders.delivery.park").count() == 2
    assert [mail.recipient for mail in OutgoingMail.objects.all()] == ["payments@northlight.test"]


def test_the_sixth_failure_is_mailed_once_for_many_orders(starfall, keys, order, receiver):
    pay(new_order(starfall, "ORDER-2"), keys[0])
    Delivery.objects.update(schedule_step=5)
    receiver.expect_request("/push").respond_with_data("no", status=500)
    dispatch()
    assert OutgoingMail.objects.count() == 1
    Delivery.objects.update(schedule_step=5, next_attempt_at=timezone.now())
    dispatch()
    assert OutgoingMail.objects.count() == 1


def test_every_move_of_a_delivery_leaves_one_entry(order, receiver):
    receiver.expect_request("/push").respond_with_json(OK)
    dispatch()
    entries = AuditEntry.objects.filter(verb__contains="acknowledge").order_by("verb")
    assert [(entry.verb, entry.changes) for entry in entries] == [
        ("orders.delivery.acknowledge", {"state": ["delivering", "delivered"]}),
        ("orders.order.acknowledge_delivery", {"delivery_state": ["delivering", "delivered"]}),
    ]


# --- Leases and fencing ---------------------------------------------------------------------------------------------


def take(lease: timedelta = timedelta(seconds=30)):
    """Claim as a dispatcher would; the one push."""
    (push,) = claim(limit=10, room={}, usual_room=8, lease=lease).pushes
    return push


def answered(push, status: int = 200) -> Result:
    body = json.dumps(OK).encode()
    answer = Answer(status=status, body=body)
    return Result(push, tried(push, outgoing(push), answer, started_at=timezone.now()))


def test_a_claimed_row_is_nobody_elses(order):
    take()
    assert claim(limit=10, room={}, usual_room=8).pushes == []
    assert (reclaim(), Order.objects.get().delivery_state) == (0, "delivering")


def test_a_dead_workers_row_is_due_again_when_its_lease_is_over(order):
    take(lease=timedelta(seconds=-1))
    assert reclaim() == 1
    assert Order.objects.get().delivery_state == "pending"
    assert take().number == 2


def test_a_late_worker_cannot_undo_an_acknowledgement(order):
    late = take(lease=timedelta(seconds=-1))
    reclaim()
    assert write_results([answered(take())]) == 1
    assert write_results([answered(late, status=500)]) == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.schedule_step, Order.objects.get().delivery_state) == ("delivered", 0, "delivered")
    assert Attempt.objects.count() == 2


def test_a_late_worker_cannot_answer_for_the_one_that_has_it_now(order):
    late = take(lease=timedelta(seconds=-1))
    reclaim()
    now = take()
    assert write_results([answered(late, status=500)]) == 0
    assert Delivery.objects.get().state == "delivering"
    assert write_results([answered(now)]) == 1


def test_the_same_result_twice_counts_once(order):
    result = answered(take())
    assert (write_results([result]), write_results([result])) == (1, 0)
    assert (Attempt.objects.count(), AuditEntry.objects.filter(verb="orders.order.acknowledge_delivery").count()) == (1, 1)


def test_a_full_refund_fences_off_the_attempt_under_way(order):
    push = take()
    record_refund(order=order, notice=notice(order), actor=SUPERAPP)
    assert write_results([answered(push)]) == 0
    assert Delivery.objects.get().state == Order.objects.get().delivery_state == "cancelled"


def test_push_switched_off_meanwhile_holds_instead_of_sending(order, starfall, receiver):
    starfall.delivery_config.__class__.objects.update(enabled=False)
    dispatch()
    assert (Delivery.objects.get().state, Order.objects.get().delivery_state, receiver.log) == ("held", "held", [])


def test_what_was_held_goes_when_an_address_appears(starfall, keys, receiver):
    starfall.delivery_config.__class__.objects.update(test_url="")
    pay(new_order(starfall, env=1), keys[1])
    assert Delivery.objects.get().state == "held"
    starfall.delivery_config.__class__.objects.update(test_url=receiver.url_for("/test"))
    receiver.expect_request("/test").respond_with_json(OK)
    with dispatching():
        until(lambda: Delivery.objects.get().state == "delivered")


def test_a_stop_gives_back_what_is_not_posted_yet(starfall, keys, receiver):
    for number in range(8):
        pay(new_order(starfall, f"ORDER-{number}"), keys[0])
    arrived, release = threading.Event(), threading.Event()

    def hold(_request):
        arrived.set()
        release.wait(20)
        return Response(json.dumps(OK))

    receiver.expect_request("/push").respond_with_handler(hold)
    with dispatching(Limits(poll=0.02, endpoint_sockets=1)) as stop:
        arrived.wait(20)
        stop.set()
        release.set()
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["delivered"] + ["pending"] * 7
    assert set(Delivery.objects.filter(state="pending").values_list("schedule_step", flat=True)) == {0}


def test_a_program_without_a_key_delays_nobody(starfall, keys, order, harbor_reader, team_admin, receiver):
    from payments.models import Credential

    open_push(harbor_reader, team_admin, receiver.url_for("/push"))
    pay(new_order(harbor_reader))
    Credential.objects.filter(mini_program=harbor_reader).update(state="revoked")
    receiver.expect_request("/push").respond_with_json(OK)
    with dispatching():
        until(lambda: Order.objects.filter(delivery_state="delivered").exists())
        until(lambda: Attempt.objects.filter(outcome="not_configured").exists())
    delivery = Delivery.objects.get(mini_program=harbor_reader)
    assert (delivery.state, delivery.schedule_step) == ("pending", 1)


def test_a_stuck_receiver_delays_nobody(starfall, keys, harbor_reader, team_admin, receiver, settings):
    release = threading.Event()
    with HTTPServer(host="127.0.0.1", threaded=True) as stuck:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{stuck.port}"}
        stuck.expect_request("/").respond_with_handler(lambda _request: Response(str(release.wait(30))))
        other = open_push(harbor_reader, team_admin, stuck.url_for("/"))
        for number in range(30):
            pay(new_order(harbor_reader, f"STUCK-{number}"), other[0])
            pay(new_order(starfall, f"ORDER-{number}"), keys[0])
        receiver.expect_request("/push").respond_with_json(OK)
        with dispatching():
            until(lambda: Order.objects.filter(mini_program=starfall, delivery_state="delivered").count() == 30)
            assert Delivery.objects.filter(mini_program=harbor_reader).exclude(state="delivering").count() == 30 - 8
            release.set()
    assert not Order.objects.filter(mini_program=harbor_reader, delivery_state="delivered").exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_two_dispatchers_share_the_rows_and_send_nothing_twice(starfall, keys, receiver):
    for number in range(100):
        pay(new_order(starfall, f"ORDER-{number}"), keys[0])
    receiver.expect_request("/push").respond_with_json(OK)
    with dispatching(QUICK), dispatching(QUICK):
        until(lambda: Order.objects.filter(delivery_state="delivered").count() == 100)
    ids = [request.headers["webhook-id"] for request, _response in receiver.log]
    assert len(ids) == len(set(ids)) == 100 == Attempt.objects.count()


# --- Waking ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite cannot notify")
def test_a_payment_in_another_process_wakes_a_sleeping_dispatcher(starfall, keys, receiver, monkeypatch):
    receiver.expect_request("/push").respond_with_json(OK)
    monkeypatch.setattr(wake, "_sleepers", set())  # what this process would be called by
    with dispatching(Limits(poll=3600)):
        until(lambda: Heartbeat.objects.exists())
        wake._sleepers.clear()
        pay(new_order(starfall), keys[0])
        until(lambda: Order.objects.get().delivery_state == "delivered")


def test_without_being_woken_it_looks_by_itself(starfall, keys, receiver, monkeypatch):
    receiver.expect_request("/push").respond_with_json(OK)
    monkeypatch.setattr(wake, "_wake", lambda: None)
    with dispatching():
        until(lambda: Heartbeat.objects.exists())
        pay(new_order(starfall), keys[0])
        until(lambda: Order.objects.get().delivery_state == "delivered")


def test_a_dispatcher_beats_while_it_is_at_work_only():
    with dispatching():
        until(lambda: Heartbeat.objects.exists())
    assert not Heartbeat.objects.exists()


# --- Pace -----------------------------------------------------------------------------------------------------------


def test_an_endpoint_gets_so_many_a_second_and_what_it_did_not_use_is_lost():
    receiver, seen = Receiver(asyncio.Semaphore(8), allowed=256), []
    for tenth in range(1000, 1030):  # three seconds after a long pause, in tenths
        now = tenth / 10
        seen.append(receiver.room(20, now))
        for _row in range(seen[-1]):
            receiver.take(20, now)
    assert (seen[0], sum(seen)) == (20, 20 + 58)
    assert receiver.room(0, now) == 256 - sum(seen), "0 is no limit"


def test_no_more_than_the_pace_is_claimed_for_an_endpoint(starfall, keys):
    for number in range(8):
        pay(new_order(starfall, f"ORDER-{number}"), keys[0])
    dispatcher = Dispatcher(threading.Event(), Limits(endpoint_pace=3, sweep=3600))
    first = dispatcher._claim_rows().pushes
    for push in first:
        dispatcher._receiver(push).take(3, time.monotonic() + 3600)  # its pace is used up for long
    assert (len(first), dispatcher._claim_rows().pushes) == (3, [])
