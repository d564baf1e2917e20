"""Record what a superapp tells about a standard payment (docs/domain.md, 5.8). Nothing that came in is thrown away."""

from dataclasses import replace

from django.db import transaction

from console.lifecycle import lock, move
from console.permissions import System
from orders import notes
from orders.actions.delivery import enqueue
from orders.actions.payment import end_mismatch, raise_mismatch
from orders.actions.refund import record_refund, refuse_refund
from orders.errors import OrderError
from orders.models import Delivery, Notification, Order
from orders.payloads import push_body
from orders.transactions import ENDS, StandardRefund, Told, Transaction

Verdict = Notification.Verdict


def record_told(notification: Notification, *, order: Order, told: Told, actor: System) -> str:
    """Judge what was told of a standard payment or its refund, keep it and move the order; returns the verdict.

    Accepted and Duplicate are good news for the superapp; at a Mismatch `notification.detail` says what did not fit. What is
    accepted stands in the outbox for the order's notify_url. Raises OrderError as `record_refund`.
    """
    if isinstance(told, StandardRefund):
        return _record_refund(notification, order, told, actor=actor)
    with transaction.atomic():
        locked = lock(order)
        notification.order, notification.detail = locked, what_does_not_fit(locked, told)[:300]
        notification.verdict = _verdict(locked, told, notification.detail)
        notification.save()
        if notification.verdict == Verdict.ACCEPTED:
            _apply(locked, notification, told, actor=actor)
        elif notification.verdict == Verdict.MISMATCH:
            raise_mismatch(locked, notification, actor=actor)
    return notification.verdict


def what_does_not_fit(order: Order, told: Transaction) -> str:
    """The first things in which a notification differs from its order, in a sentence; "" when all fits."""
    facts = (
        ("mchid", told.merchant_no == order.merchant_no),
        ("payer.openid", told.open_id in (order.open_id, "")),
        ("amount.total", told.total == order.amount),
        ("amount.currency", told.currency == order.currency),
        ("transaction_id", order.transaction_id in (told.transaction_id, "") or bool(told.end)),
    )
    wrong = [name for name, fits in facts if not fits]
    if not wrong and told.end and order.payment_state == Order.Payment.PAID and order.closed_at is None:
        return notes.PAID_ALREADY
    return notes.NOT_OF_ORDER % {"fields": ", ".join(wrong)} if wrong else ""


def _verdict(order: Order, told: Transaction, detail: str) -> str:
    if detail:
        return Verdict.MISMATCH
    known = order.closed_at if told.end else order.payment_state == Order.Payment.PAID
    return Verdict.DUPLICATE if known else Verdict.ACCEPTED


def _apply(order: Order, notification: Notification, told: Transaction, *, actor: System) -> None:
    if told.end:
        order, event = move(order, ENDS[told.end], actor=actor), Delivery.Event.CLOSING
    else:
        end_mismatch(order, actor=actor)
        Order.objects.filter(pk=order.pk).update(transaction_id=told.transaction_id)
        order = move(order, "pay", actor=actor, amount=order.amount, reading=Order.PriceReading.TOTAL)
        event = Delivery.Event.GOODS
    if order.notify_url:  # the orders of a demo's past have none
        enqueue(order, event=event, body=push_body(notification), actor=actor)


def _record_refund(notification: Notification, order: Order, told: StandardRefund, *, actor: System) -> str:
    if told.merchant_no != order.merchant_no:
        error = OrderError("AMOUNT_MISMATCH", notes.NOT_OF_ORDER % {"fields": "mchid"})
        refuse_refund(notification, order, error)
        raise error
    notice = replace(told.notice, open_id=told.notice.open_id or order.open_id)
    record_refund(order=order, notice=notice, notification=notification, actor=actor)
    return notification.verdict
