"""A payment notification: judged, kept, and put into the outbox, in one transaction."""

import json
import threading

import pytest
from django.db import connection

from console.models import AuditEntry
from orders.actions.kept import match_kept_notifications
from orders.actions.payment import record_payment
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.models import Delivery, Notification, Order
from orders.payloads import read_goods
from orders.story import verdict
from orders.tasks import match_notifications
from orders.webhooks import pay_event_sig
from tests.orders.shop import SUPERAPP, give_keys, goods_notification, new_order, notice, open_push, paid, pay

pytestmark = pytest.mark.django_db
UNKNOWN = Notification.Verdict.UNKNOWN_ORDER


@pytest.fixture
def order(starfall, team_admin):
    open_push(starfall, team_admin, "https://backend.example/push")
    return new_order(starfall)


def test_a_payment_moves_the_order_and_stands_in_the_outbox(order):
    assert pay(order) == "accepted"
    order = Order.objects.get()
    assert (order.payment_state, order.delivery_state) == ("paid", "pending")
    assert (order.paid_amount, order.price_reading) == (1980, "unit")
    delivery = Delivery.objects.get()
    assert (delivery.event, delivery.state, delivery.order) == ("goods", "pending", order)
    verbs = set(AuditEntry.objects.filter(object_type="orders.order").values_list("verb", flat=True))
    assert verbs == {"orders.order.pay", "orders.order.queue_delivery"}


def test_payload_and_signature_are_passed_on_byte_for_byte(order):
    notification = goods_notification(order, "the key")
    record_payment(notification, order=order, paid=paid(order), actor=SUPERAPP)
    body = json.loads(Delivery.objects.get().body)
    assert body["Payload"] == notification.payload
    assert body["PayEventSig"] == notification.pay_event_sig == pay_event_sig(body["Event"], body["Payload"], "the key")
    assert set(body) == {"EventType", "Event", "PayModel", "Payload", "PayEventSig"}


def test_a_duplicate_changes_nothing_and_is_kept(order):
    pay(order)
    before = Order.objects.values().get()
    assert pay(order) == "duplicate"
    assert Order.objects.values().get() == before
    assert Delivery.objects.count() == 1
    assert sorted(Notification.objects.values_list("verdict", flat=True)) == ["accepted", "duplicate"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"OpenId": "somebody"}, {"ProductId": "other"}, {"Quantity": 3}, {"ActualPrice": 989}, {"ActualPrice": 0},
        {"OrigPrice": 1}, {"Env": "1"}, {"OutTradeNo": "ORDER-2"},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_delivers_nothing_and_raises_an_alert(order, wrong):
    assert pay(order, **wrong) == "mismatch"
    order = Order.objects.get()
    assert (order.payment_state, order.alert, order.paid_amount) == ("unpaid", "payment_mismatch", 0)
    assert not Delivery.objects.exists()
    assert next(iter(wrong)) in Notification.objects.get(order=order).detail


def test_a_total_is_accepted_and_the_reading_is_stored(order):
    assert pay(order, OrigPrice=1980, ActualPrice=1980) == "accepted"
    assert Order.objects.get().price_reading == "total"


@pytest.mark.parametrize("state", ["closed", "expired", "failed"])
def test_a_payment_after_closing_is_recorded_with_an_alert(order, state):
    Order.objects.update(payment_state=state)
    assert pay(order) == "accepted"
    order = Order.objects.get()
    assert (order.payment_state, order.alert, order.delivery_state) == ("paid", "paid_after_closing", "pending")


def test_the_right_payment_ends_the_alert_of_a_wrong_one(order):
    assert [pay(order, ActualPrice=989), pay(order)] == ["mismatch", "accepted"]
    order = Order.objects.get()
    assert (order.payment_state, order.alert, verdict(order).tone) == ("paid", "", "warning")
    assert AuditEntry.objects.get(verb="orders.order.end_alert").changes == {"alert": ["payment_mismatch", ""]}


def test_a_late_payment_is_no_alert_any_more_when_all_of_it_is_refunded(order):
    Order.objects.update(payment_state="closed")
    pay(order)
    order = Order.objects.get()
    for number, amount, alert in (("R-1", 80, "paid_after_closing"), ("R-2", 1900, "")):
        record_refund(order=order, notice=notice(order, number, amount=amount), actor=SUPERAPP)
        assert Order.objects.get().alert == alert


def test_it_is_held_while_push_is_off_or_not_configured_or_has_no_test_url(starfall, harbor_reader, team_admin):
    open_push(starfall, team_admin, "https://backend.example/push", enabled=False)
    pay(new_order(starfall))
    pay(new_order(harbor_reader))
    starfall.delivery_config.enabled = True
    starfall.delivery_config.save()
    pay(new_order(starfall, env=1))
    assert set(Delivery.objects.values_list("state", flat=True)) == {"held"}
    assert set(Order.objects.values_list("delivery_state", flat=True)) == {"held"}


def test_a_notification_for_an_unknown_order_is_matched_when_the_order_appears(starfall, harbor_reader, team_admin):
    keys = give_keys(starfall, team_admin)
    give_keys(harbor_reader, team_admin)
    order = new_order(starfall)
    keep_early(order, keys[0])
    twin, order = new_order(harbor_reader), new_order(starfall)
    assert match_kept_notifications(twin, actor=SUPERAPP) == 0  # the same number, but another mini program's key
    assert match_kept_notifications(order, actor=SUPERAPP) == 1
    assert match_kept_notifications(order, actor=SUPERAPP) == 0
    assert (Order.objects.get(pk=order.pk).payment_state, Notification.objects.get().verdict) == ("paid", "accepted")


def test_the_sweeper_matches_what_a_crash_left(starfall, team_admin):
    keys = give_keys(starfall, team_admin)
    keep_early(new_order(starfall), keys[0])
    assert match_notifications() == 0
    new_order(starfall)
    assert match_notifications() == 1
    assert Order.objects.get().payment_state == "paid"


def keep_early(order, key):
    """Keep the notification of an order that is not there yet."""
    notification = goods_notification(order, key)
    order.delete()
    notification.verdict = UNKNOWN
    notification.save()


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("", "BAD_JSON"), ("[]", "BAD_JSON"), ('{"OpenId": "a", "OpenId": "b"}', "BAD_JSON"), ("[" * 90_000, "BAD_JSON"),
        ("{}", "MISSING_FIELD"), ('{"GoodsInfo": {}}', "MISSING_FIELD"),
        ('{"GoodsInfo": {}, "OpenId": "a\\u0000"}', "MISSING_FIELD"),
        ('{"GoodsInfo": {}, "OpenId": "a", "Env": true}', "ENV_INVALID"),
        ('{"GoodsInfo": {}, "OpenId": "a", "Env": 1.0}', "BAD_JSON"),
        ('{"GoodsInfo": {}, "OpenId": "a", "Env": []}', "ENV_INVALID"),
        ('{"GoodsInfo": {}, "OpenId": "a", "Env": NaN}', "BAD_JSON"),
    ],
)  # fmt: skip
def test_a_payload_that_cannot_be_read_is_refused_with_a_code(payload, code):
    with pytest.raises(OrderError) as refused:
        read_goods(payload)
    assert refused.value.code == code


@pytest.mark.parametrize(("name", "value"), [("Quantity", True), ("Quantity", "²"), ("ActualPrice", -1), ("OrigPrice", None)])
def test_numbers_are_whole_and_not_true(order, name, value):
    with pytest.raises(OrderError) as refused:
        pay(order, **{name: value})
    assert refused.value.code in {"QUANTITY_FORMAT", "PRICE_FORMAT"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_twenty_notifications_at_once_make_one_delivery(order):
    verdicts, threads = [], [threading.Thread(target=lambda: pay_here(order, verdicts)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdicts) == ["accepted"] + ["duplicate"] * 19
    assert (Delivery.objects.count(), Notification.objects.count()) == (1, 20)


def pay_here(order, verdicts):
    verdicts.append(str(pay(order)))
    connection.close()
