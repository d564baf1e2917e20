"""Orders as they look when they may go into the archive; plain functions for fixtures and subprocesses."""

from datetime import UTC, date, datetime

from console.permissions import System
from orders.actions.archive import archive_orders
from orders.actions.refund import record_refund
from orders.models import Archive, Attempt, Delivery, Notification, Order, Refund
from tests.orders.shop import SUPERAPP, new_order, notice, pay, refund_notification

LONG_AGO = datetime(2025, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)
BEFORE = date(2025, 5, 1)
ACTOR = System("archive")


def sold(program, number: str, *, at: datetime = LONG_AGO, refund: str = "", **fields) -> Order:
    """An order that was paid, delivered and, with a number for it, refunded in part, all of it at one moment."""
    order = new_order(program, number, **fields)
    pay(order)
    if refund:
        told = refund_notification(order)
        record_refund(order=order, notice=notice(order, refund, amount=300), notification=told, actor=SUPERAPP)
    for delivery in Delivery.objects.filter(order=order):
        Attempt.objects.create(delivery=delivery, number=1, url="https://a.test/", outcome="acknowledged", started_at=at)
    Delivery.objects.filter(order=order).update(state="delivered", created_at=at, acknowledged_at=at)
    return put_back(order, at, delivery_state="delivered", paid_at=at, delivered_at=at)


def put_back(order: Order, at: datetime, **fields) -> Order:
    """Let an order, and what hangs on it, be of that time."""
    Refund.objects.filter(order=order).update(started_at=at, created_at=at, succeeded_at=at)
    Notification.objects.filter(order=order).update(received_at=at)
    Order.objects.filter(pk=order.pk).update(created_at=at, **fields)
    return Order.objects.get(pk=order.pk)


def archive(**options) -> list[Archive]:
    """Archive what is from before BEFORE."""
    return list(archive_orders(**{"before": BEFORE, "actor": ACTOR, **options}))
