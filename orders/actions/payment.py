"""Record that an order was paid (docs/domain.md, 5.4). Nothing that came in is thrown away."""

from django.db import transaction

from console.audit import record
from console.lifecycle import lock, move
from console.permissions import System
from orders import notes
from orders.actions.delivery import enqueue
from orders.models import Delivery, Notification, Order, Settlement
from orders.payloads import PaidGoods, push_body

Verdict = Notification.Verdict
Alert = Order.Alert
#: What is left to look at when all of the money of a late payment is refunded.
AFTER_LATE = {Alert.LATE: "", Alert.LATE_AND_MISMATCH: Alert.MISMATCH}


def record_payment(notification: Notification, *, order: Order, paid: PaidGoods, actor: System) -> Notification.Verdict:
    """Judge a payment notification whose signature was verified, keep it, and move the order; all in one transaction.

    `notification` is not saved yet, or was kept before its order was known. Accepted: the order is paid and its goods push stands
    in the outbox. Duplicate: nothing changed. Mismatch: nothing is delivered, the order carries an alert, `notification.detail`
    says what did not fit. Amounts in minor units.
    """
    with transaction.atomic():
        locked = lock(order)
        detail = what_does_not_fit(locked, paid)
        notification.order, notification.detail = locked, detail
        notification.verdict = _verdict(locked, detail)
        notification.save()
        if notification.verdict == Verdict.ACCEPTED:
            _pay(locked, notification, paid, actor=actor)
        elif notification.verdict == Verdict.MISMATCH:
            raise_mismatch(locked, notification, actor=actor)
    return Verdict(notification.verdict)


def what_does_not_fit(order: Order, paid: PaidGoods) -> str:
    """The first thing in which a notification differs from its order, in a sentence; "" when all fits."""
    facts = (
        ("OpenId", paid.open_id == order.open_id),
        ("Env", paid.env == order.env),
        ("OutTradeNo", paid.out_trade_no == order.out_trade_no),
        ("ProductId", paid.product_id == order.product_id),
        ("Quantity", paid.quantity == order.quantity),
        ("OrigPrice", paid.orig_price in (order.unit_price, order.amount)),
        ("ActualPrice", paid.actual_price in (order.unit_price, order.amount)),
    )
    wrong = [name for name, fits in facts if not fits]
    return notes.NOT_OF_ORDER % {"fields": ", ".join(wrong)} if wrong else ""


def price_reading(order: Order, paid: PaidGoods) -> str:
    """How ActualPrice was meant. One piece costs the same either way: that counts as the unit price."""
    is_unit = paid.actual_price == order.unit_price
    return Order.PriceReading.UNIT if is_unit else Order.PriceReading.TOTAL


def raise_alert(order: Order, code: str, *, actor: System, note: str = "") -> None:
    """Mark an order as one that somebody has to look at."""
    Order.objects.filter(pk=order.pk).update(alert=code)
    record("orders.order.alert", order, actor=actor, changes={"alert": [order.alert, code]}, note=note)


def end_alert(order: Order, *, actor: System, note: str = "", left: str = "") -> None:
    """What the alert was about is settled; `left` is the alert for what still has to be looked at."""
    Order.objects.filter(pk=order.pk).update(alert=left)
    record("orders.order.end_alert", order, actor=actor, changes={"alert": [order.alert, left]}, note=note)


def raise_mismatch(order: Order, notification: Notification, *, actor: System) -> None:
    """Mark the order of a notification that does not fit; a late payment stays one. Call it with the order locked.

    Word for word the same as before is the superapp repeating what was refused: that is known, and settled or not.
    """
    same = order.notifications.filter(verdict=Verdict.MISMATCH, kind=notification.kind, payload=notification.payload)
    if same.exclude(pk=notification.pk).exists():
        return
    # Whoever settled it did not mean what is told otherwise since: it is on the mismatch desk again.
    Settlement.objects.filter(case=Settlement.PAYMENT, subject=order.pk).delete()
    code = Alert.LATE_AND_MISMATCH if order.alert in AFTER_LATE else Alert.MISMATCH
    raise_alert(order, code, actor=actor, note=notification.detail)


def end_mismatch(order: Order, *, actor: System) -> None:
    """The right payment came, so nobody has to look at the wrong one any more; call it with the order locked."""
    if order.alert == Alert.MISMATCH:
        end_alert(order, actor=actor, note=notes.RIGHT_PAYMENT)


def end_late(order: Order, *, actor: System) -> None:
    """All of the money went back, so nobody has to look at a late payment any more; call it with the order locked."""
    if order.alert in AFTER_LATE:
        end_alert(order, actor=actor, note=notes.ALL_REFUNDED, left=AFTER_LATE[Alert(order.alert)])


def _verdict(order: Order, detail: str) -> str:
    if detail:
        return Verdict.MISMATCH
    return Verdict.DUPLICATE if order.payment_state == Order.Payment.PAID else Verdict.ACCEPTED


def _pay(order: Order, notification: Notification, paid: PaidGoods, *, actor: System) -> None:
    end_mismatch(order, actor=actor)
    order = move(order, "pay", actor=actor, amount=order.amount, reading=price_reading(order, paid))
    enqueue(order, event=Delivery.Event.GOODS, body=push_body(notification), actor=actor)
