"""Refund notifications: idempotent by number, never above what was paid, pushed on the same channel."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.models import Delivery, Notification, Order, Refund
from tests.orders.shop import SUPERAPP, new_order, notice, open_push, pay, refund_notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(starfall, team_admin):
    open_push(starfall, team_admin, "https://backend.example/push")
    order = new_order(starfall)
    pay(order)
    return Order.objects.get()


def refund(order, *arguments, notification=None, **changes):
    return record_refund(order=order, notice=notice(order, *arguments, **changes), actor=SUPERAPP, notification=notification)


def amounts() -> tuple:
    order = Order.objects.get()
    return order.refunding_amount, order.refunded_amount, order.refund_state


def test_a_full_refund_is_pushed_and_cancels_what_was_not_delivered(order):
    notification = refund_notification(order)
    assert refund(order, notification=notification).state == "success"
    order = Order.objects.get()
    assert (amounts(), order.delivery_state) == ((0, 1980, "refunded"), "cancelled")
    states = dict(Delivery.objects.values_list("event", "state"))
    assert states == {"goods": "cancelled", "refund": "pending"}
    assert notification.payload.replace('"', '\\"') in Delivery.objects.get(event="refund").body


def test_a_partial_refund_does_not_disturb_the_delivery(order):
    refund(order, amount=80, notification=refund_notification(order))
    assert (amounts(), Order.objects.get().delivery_state) == ((0, 80, "partially_refunded"), "pending")
    refund(order, "R-2", amount=1900, notification=refund_notification(order))
    assert amounts() == (0, 1980, "refunded")


def test_a_full_refund_leaves_what_is_delivered(order):
    Delivery.objects.update(state="delivered")
    Order.objects.update(delivery_state="delivered")
    refund(order)
    assert Order.objects.get().delivery_state == Delivery.objects.get(event="goods").state == "delivered"


@pytest.mark.parametrize(
    ("status", "expected"), [("SUCCESS", (0, 980, "partially_refunded")), ("CLOSED", (0, 0, "none")), ("FAILED", (0, 0, "none"))]
)
def test_processing_counts_and_its_end_moves_the_amount(order, status, expected):
    refund(order, amount=980, status="PROCESSING")
    assert amounts() == (980, 0, "none")
    refund(order, amount=980, status=status)
    assert amounts() == expected


@pytest.mark.parametrize("status", ["PROCESSING", "SUCCESS", "CLOSED", "FAILED"])
def test_the_same_again_changes_nothing(order, status):
    refund(order, amount=980, status=status, notification=refund_notification(order))
    before = (Order.objects.values().get(), list(Refund.objects.values()), Delivery.objects.count())
    refund(order, amount=980, status=status, notification=refund_notification(order))
    assert (Order.objects.values().get(), list(Refund.objects.values()), Delivery.objects.count()) == before
    verdicts = Notification.objects.filter(kind="refund").order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["accepted", "duplicate"]


def test_a_refund_names_the_item_of_its_order(order):
    made = refund(order, amount=980, status="PROCESSING")  # as it was inserted, whatever a trigger makes of it
    assert made.product_id == order.product_id != ""


def test_a_late_processing_after_success_changes_nothing(order):
    refund(order, amount=980)
    assert refund(order, amount=980, status="PROCESSING").state == "success"
    assert amounts() == (0, 980, "partially_refunded")


def refused(code, call):
    with pytest.raises(OrderError) as error:
        call()
    assert error.value.code == code


def test_a_number_that_stands_for_something_else_is_refused(order, starfall):
    refund(order, amount=10)
    refused("REFUND_NO_REUSED", lambda: refund(order, amount=11))
    refused("REFUND_NO_REUSED", lambda: refund(order, amount=10, status="FAILED"))
    other = new_order(starfall, "ORDER-2")
    pay(other)
    refused("REFUND_NO_REUSED", lambda: refund(Order.objects.get(pk=other.pk), amount=10))


def test_rules_are_told_by_code_and_what_came_in_is_kept(order, starfall):
    unpaid = new_order(starfall, "ORDER-2")
    refused("ORDER_NOT_PAID", lambda: refund(unpaid, notification=refund_notification(unpaid)))
    refused("REFUND_CURRENCY", lambda: refund(order, currency="JPY", notification=refund_notification(order)))
    refused("REFUND_EXCEEDS_PAID", lambda: refund(order, amount=1981, notification=refund_notification(order)))
    refused("AMOUNT_MISMATCH", lambda: refund(order, amount=0, notification=refund_notification(order)))
    other = refund_notification(order)
    other.payload = '{ "RefundNo": "R-1", "OpenId": "somebody" }'
    refused("AMOUNT_MISMATCH", lambda: refund(order, open_id="somebody", notification=other))
    assert not Refund.objects.exists()
    kept = Notification.objects.filter(kind="refund", verdict="mismatch").exclude(detail="")
    assert kept.count() == 5


def test_the_database_itself_refuses_more_than_was_paid(order):
    with pytest.raises(DatabaseError), transaction.atomic():
        Order.objects.update(refunded_amount=1000, refunding_amount=981)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("status", ["PROCESSING", "SUCCESS"])
def test_fifty_refunds_at_once_never_exceed_what_was_paid(order, status):
    outcomes, threads = [], []
    for number in range(50):
        threads.append(threading.Thread(target=refund_here, args=(order, f"R-{number}", status, outcomes)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(outcomes)) == ["REFUND_EXCEEDS_PAID", "ok"] and outcomes.count("ok") == 19
    assert sum(amounts()[:2]) == 19 * 100 == sum(Refund.objects.values_list("amount", flat=True))


def refund_here(order, number, status, outcomes):
    try:
        refund(order, number, amount=100, status=status)
        outcomes.append("ok")
    except OrderError as error:
        outcomes.append(error.code)
    finally:
        connection.close()
