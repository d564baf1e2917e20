"""What superapps tell about standard payments: recorded, and passed on to notify_url (5.8 of docs/domain.md)."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Response

from orders.lanes import lane_of
from orders.models import Attempt, Delivery, Notification, Order, Refund
from orders.outbox import claim
from orders.tasks import match_notifications
from orders.webhooks import webhook_secret
from tests.openserver.conftest import BASE, text_of
from tests.openserver.standard import NOTIFY_URL, content, place, query, refund, tell, transaction
from tests.orders.shop import dispatch

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def order(seller) -> Order:
    place(seller)
    return Order.objects.get()


@pytest.fixture
def paid(seller, order) -> Order:
    assert tell(seller, transaction(seller)).code == "0"
    return order


def test_a_payment_is_recorded_and_stands_in_the_outbox_for_notify_url(seller, order):
    raw = json.dumps(transaction(seller), indent=1, ensure_ascii=True).encode()  # spaces as no serialiser of ours writes them
    assert (tell(seller, raw).code, tell(seller, raw).data) == ("0", "OK")
    order = Order.objects.get()
    assert (order.payment_state, order.paid_amount, order.transaction_id) == ("paid", 2500, "42001")
    delivery = Delivery.objects.get()
    assert (delivery.event, delivery.state, delivery.url, delivery.lane) == ("goods", "pending", NOTIFY_URL, lane_of(NOTIFY_URL))
    assert delivery.body.encode() == raw
    assert [row.verdict for row in Notification.objects.order_by("pk")] == ["accepted", "duplicate"]
    assert query(seller).data["trade_state"] == "SUCCESS"


def test_it_is_sent_to_notify_url_although_no_push_is_configured(seller, paid):
    found = claim(limit=10, room={}, usual_room=8)
    assert [push.url for push in found.pushes] == [NOTIFY_URL]
    assert list(found.pushes[0].app_keys) == [seller.live_key]


@pytest.mark.django_db(transaction=True)
def test_the_developer_gets_the_body_byte_for_byte_signed_by_the_app_key(seller, settings):
    with HTTPServer(host="127.0.0.1", threaded=True) as receiver:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{receiver.port}"}
        receiver.expect_request("/notify").respond_with_json({"returnCode": "0"})
        place(seller, notify_url=receiver.url_for("/notify?shop=1"))
        raw = json.dumps(transaction(seller), indent=2).encode()
        tell(seller, raw)
        dispatch()
        request = receiver.log[0][0]
    assert request.data == raw
    assert request.query_string == b"shop=1"
    assert Webhook(webhook_secret(seller.live_key)).verify(request.data, dict(request.headers))
    assert (Order.objects.get().delivery_state, Delivery.objects.get().state) == ("delivered", "delivered")
    call_command("check_invariants")


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_does_not_acknowledge_is_told_again(seller, settings):
    with HTTPServer(host="127.0.0.1", threaded=True) as receiver:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{receiver.port}"}
        receiver.expect_request("/notify").respond_with_response(Response("", status=204))
        place(seller, notify_url=receiver.url_for("/notify"))
        tell(seller, transaction(seller))
        dispatch()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.schedule_step, Attempt.objects.get().outcome) == ("pending", 1, "bad_status")


@pytest.mark.django_db(transaction=True)
def test_the_destination_rules_hold_when_it_is_sent(seller, settings):
    with HTTPServer(host="127.0.0.1", threaded=True) as canary:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{canary.port}"}
        place(seller, notify_url=canary.url_for("/notify"))
        settings.LOCAL_DESTINATIONS = frozenset()
        tell(seller, transaction(seller))
        dispatch()
        assert canary.log == []
    assert Attempt.objects.get().outcome in {"no_answer", "destination"}


CLOSINGS = {"CLOSED": "closed", "AUTO_CLOSED": "expired", "PAY_ERROR": "failed"}


@pytest.mark.parametrize("state", CLOSINGS)
def test_a_closing_is_recorded_and_passed_on(seller, order, state):
    body = transaction(seller, "TRANSACTION.CLOSED", trade_state=state, transaction_id=..., payer=...)
    assert (tell(seller, body).code, tell(seller, body).code) == ("0", "0")
    order = Order.objects.get()
    assert (order.payment_state, order.delivery_state) == (CLOSINGS[state], "not_due")
    assert [(row.event, row.url) for row in Delivery.objects.all()] == [("closing", NOTIFY_URL)]
    assert query(seller).data["trade_state"] == state


def test_a_payment_after_closing_is_recorded_with_an_alert(seller, order):
    tell(seller, transaction(seller, "TRANSACTION.CLOSED"))
    assert tell(seller, transaction(seller)).code == "0"
    order = Order.objects.get()
    assert (order.payment_state, order.alert) == ("paid", "paid_after_closing")
    assert tell(seller, transaction(seller, "TRANSACTION.CLOSED")).code == "0"  # the first answer was lost: it is told again
    assert [row.verdict for row in Notification.objects.order_by("pk")] == ["accepted", "accepted", "duplicate"]


def test_the_right_payment_ends_the_alert_of_a_wrong_one(seller, order):
    assert tell(seller, transaction(seller, amount={"total": 2499, "currency": "USD"})).code == "AMOUNT_MISMATCH"
    assert tell(seller, transaction(seller)).code == "0"
    assert Order.objects.values_list("payment_state", "alert").get() == ("paid", "")


def test_a_closing_of_what_is_paid_does_not_fit(seller, paid):
    answered = tell(seller, transaction(seller, "TRANSACTION.CLOSED"))
    assert (answered.code, answered.status) == ("AMOUNT_MISMATCH", 409)
    paid = Order.objects.get()
    assert (paid.payment_state, paid.alert) == ("paid", "payment_mismatch")


MISFITS = {
    "mchid": {"mchid": "M-2"},
    "payer": {"payer": {"openid": "somebody"}},
    "total": {"amount": {"total": 2499, "currency": "USD"}},
    "currency": {"amount": {"total": 2500, "currency": "JPY"}},
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_delivers_nothing_and_raises_an_alert(seller, order, name):
    answered = tell(seller, transaction(seller, **MISFITS[name]))
    assert (answered.code, answered.status) == ("AMOUNT_MISMATCH", 409)
    order = Order.objects.get()
    assert (order.payment_state, order.alert) == ("unpaid", "payment_mismatch")
    assert Notification.objects.get().verdict == "mismatch"
    assert not Delivery.objects.exists()


def test_a_second_payment_of_an_order_does_not_fit(seller, paid):
    assert tell(seller, transaction(seller, transaction_id="42002")).code == "AMOUNT_MISMATCH"


def test_one_for_an_unknown_order_is_kept_and_applied_when_it_appears(seller):
    answered = tell(seller, transaction(seller))
    assert (answered.code, answered.status) == ("ORDER_NOT_FOUND", 404)
    place(seller)
    assert Order.objects.get().payment_state == "paid"
    assert Notification.objects.get().verdict == "accepted"
    assert Delivery.objects.get().url == NOTIFY_URL


def test_the_sweeper_matches_what_a_crash_left(seller, order):
    body = transaction(seller, out_trade_no="S-2")
    tell(seller, body)
    Order.objects.update(out_trade_no="S-2")
    assert (match_notifications(), match_notifications()) == (1, 0)
    assert Order.objects.get().payment_state == "paid"


def test_it_never_pays_a_virtual_order_nor_another_program(seller, reader):
    seller.place(data=seller.sign_data(outTradeNo="S-1"))
    assert tell(seller, transaction(seller, amount={"total": 990, "currency": "USD"})).code == "ORDER_NOT_FOUND"
    body = transaction(seller, out_trade_no="S-7", appid=reader.program.app_id)
    place(seller, out_trade_no="S-7")
    assert tell(seller, body).code == "ORDER_NOT_FOUND"
    assert match_notifications() == 0
    assert set(Order.objects.values_list("payment_state", flat=True)) == {"unpaid"}


def test_a_notification_of_virtual_payment_never_pays_a_standard_one(seller, order):
    assert seller.notify_paid("S-1", goods={"ProductId": "x"}).code == "ORDER_NOT_FOUND"
    assert seller.notify_refund("S-1").code == "ORDER_NOT_FOUND"
    assert match_notifications() == 0


FAULTS = {
    "unknown event": ({"event_type": "TRANSACTION.MAYBE"}, "BAD_JSON"),
    "event a list": ({"event_type": []}, "BAD_JSON"),
    "no id": ({"id": ...}, "MISSING_FIELD"),
    "more": ({"more": 1}, "UNKNOWN_FIELD"),
    "resource a string": ({"resource": "{}"}, "MISSING_FIELD"),
    "resource empty": ({"resource": {}}, "MISSING_FIELD"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_body(seller, order, fault):
    changes, code = FAULTS[fault]
    body = {name: value for name, value in (transaction(seller) | changes).items() if value is not ...}
    assert tell(seller, body).code == code


RESOURCES = {
    "no number": ({"out_trade_no": ...}, "MISSING_FIELD"),
    "no appid": ({"appid": ...}, "MISSING_FIELD"),
    "no payer": ({"payer": ...}, "MISSING_FIELD"),
    "no transaction_id": ({"transaction_id": ...}, "MISSING_FIELD"),
    "state of another event": ({"trade_state": "CLOSED"}, "BAD_JSON"),
    "total a text": ({"amount": {"total": "much", "currency": "USD"}}, "PRICE_FORMAT"),
    "total true": ({"amount": {"total": True, "currency": "USD"}}, "PRICE_FORMAT"),
}


@pytest.mark.parametrize("fault", RESOURCES)
def test_a_bad_resource_is_kept(seller, order, fault):
    changes, code = RESOURCES[fault]
    assert tell(seller, transaction(seller, **changes)).code == code
    assert Notification.objects.get().verdict == "mismatch"
    order = Order.objects.get()
    assert order.payment_state == "unpaid"


@pytest.mark.parametrize("changes", [{"secret_key": "another"}, {"superapp": "sa000000000000"}, {"timestamp": 1_700_000_000}])
def test_a_superapp_that_cannot_prove_itself(seller, order, changes):
    assert tell(seller, transaction(seller), **changes).code == "AUTH_INVALID"
    assert not Notification.objects.exists()


def test_a_nonce_counts_once(seller, order):
    tell(seller, transaction(seller), nonce="the-same-nonce")
    assert tell(seller, transaction(seller), nonce="the-same-nonce").code == "AUTH_INVALID"


# --- Refunds ----------------------------------------------------------------------------------------------------------


def test_a_refund_is_recorded_once_and_passed_on(seller, paid):
    body = refund(seller, amount=1000)
    assert (tell(seller, body).data, tell(seller, body).code) == ("OK", "0")
    row, order = Refund.objects.get(), Order.objects.get()
    assert (row.kind, row.state, row.amount, row.refund_no, row.cause) == ("standard", "success", 1000, "R-1", "asked for")
    assert (order.refunded_amount, order.refund_state) == (1000, "partially_refunded")
    told = Delivery.objects.get(event="refund")
    assert (told.url, json.loads(told.body)) == (NOTIFY_URL, body)
    assert (query(seller).data["trade_state"], query(seller).data["refunded_total"]) == ("REFUND", 1000)


@pytest.mark.parametrize(("event", "state"), [("REFUND.CLOSED", "closed"), ("REFUND.ABNORMAL", "failed")])
def test_a_refund_that_does_not_come_about_gives_its_amount_free_and_is_passed_on(seller, paid, event, state):
    tell(seller, refund(seller, "REFUND.PROCESSING", success_time=...))
    assert Order.objects.get().refunding_amount == 2500
    assert tell(seller, refund(seller, event)).code == "0"
    assert (Refund.objects.get().state, Order.objects.get().refunding_amount) == (state, 0)
    assert Delivery.objects.filter(event="refund").count() == 1


def test_a_full_refund_cancels_what_is_not_acknowledged(seller, paid):
    tell(seller, refund(seller))
    assert sorted(Delivery.objects.values_list("event", "state")) == [("goods", "cancelled"), ("refund", "pending")]
    assert Order.objects.get().delivery_state == "cancelled"


REFUSED = {
    "too much": ({"amount": 2501}, "REFUND_EXCEEDS_PAID"),
    "nothing": ({"amount": 0}, "AMOUNT_MISMATCH"),
    "merchant": ({"mchid": "M-2"}, "AMOUNT_MISMATCH"),
    "payer": ({"payer": {"openid": "somebody"}}, "AMOUNT_MISMATCH"),
    "time": ({"success_time": "yesterday"}, "BAD_JSON"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refund_that_cannot_be(seller, paid, fault):
    changes, code = REFUSED[fault]
    assert tell(seller, refund(seller, **changes)).code == code
    assert Notification.objects.order_by("-pk")[0].verdict == "mismatch"
    assert not Refund.objects.exists()
    assert Order.objects.get().refunded_amount == 0


def test_a_refund_in_another_currency(seller, paid):
    body = refund(seller)
    body["resource"]["amount"]["currency"] = "JPY"
    assert tell(seller, body).code == "REFUND_CURRENCY"


def test_a_refund_number_counts_once(seller, paid):
    tell(seller, refund(seller, amount=100))
    assert tell(seller, refund(seller, amount=200)).code == "REFUND_NO_REUSED"


def test_a_refund_of_an_unpaid_or_unknown_order(seller, order):
    assert tell(seller, refund(seller)).code == "ORDER_NOT_PAID"
    assert tell(seller, refund(seller, out_trade_no="S-9")).code == "ORDER_NOT_FOUND"
    assert Notification.objects.get(out_trade_no="S-9").verdict == "unknown_order"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer.")
@pytest.mark.django_db(transaction=True)
def test_fifty_refunds_at_once_never_exceed_what_was_paid(seller):
    place(seller)
    tell(seller, transaction(seller))
    gate = threading.Barrier(50)

    def send(number):
        raw = text_of(refund(seller, amount=100, out_refund_no=f"R-{number}")).encode()
        path = f"{BASE}/pay/notifications"
        headers = seller.superapp_headers("POST", path, raw)
        gate.wait()
        try:
            return seller.client.post(path, raw, content_type="application/json", headers=headers).json()["returnCode"]
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(send, range(50)))
    assert (codes.count("0"), codes.count("REFUND_EXCEEDS_PAID")) == (25, 25)
    order = Order.objects.get()
    assert (order.refunded_amount, order.refund_state) == (2500, "refunded")
    call_command("check_invariants")


def test_both_kinds_stand_in_the_records(seller, paid, client, operator):
    tell(seller, refund(seller, amount=1000))
    seller.place(data=seller.sign_data(outTradeNo="V-1"))
    client.force_login(operator)
    where = f"/m/{seller.program.app_id}"
    page = client.get(f"{where}/orders/", {"kind": "standard"}).content.decode()
    assert ("S-1" in page, "V-1" in page, "A ticket to the moon" in page) == (True, False, True)
    assert "R-1" in client.get(f"{where}/refunds/", {"kind": "standard", "since": "2026-11-01"}).content.decode()
    detail = client.get(f"{where}/orders/{paid.pk}/").content.decode()
    assert NOTIFY_URL in detail
    assert "42001" in detail
    assert content(seller)["description"] in detail
