"""Record that an order was paid (docs/domain.md, 5.4). Nothing that came in is thrown away."""

from django.db import transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.lifecycle import lock, move
from console.permissions import System
from console.secrets import constant_time_equal
from orders.actions.delivery import enqueue
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.models import Delivery, Notification, Order
from orders.payloads import PaidGoods, push_body, read_goods, read_refund
from orders.webhooks import pay_event_sig
from payments.keys import accepted_keys

Verdict = Notification.Verdict


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
            raise_alert(locked, "payment_mismatch", actor=actor, note=detail)
    return Verdict(notification.verdict)


def keep_notification(notification: Notification, *, verdict: str, detail: str = "", actor: System) -> None:
    """Keep a notification that belongs to no known order, or whose signature is wrong.

    One for an unknown order is looked at once more after it is stored: its order may have appeared meanwhile.
    """
    notification.verdict, notification.detail = verdict, detail[:300]
    notification.save()
    if verdict == Verdict.UNKNOWN_ORDER:
        same = {"superapp": notification.superapp_id, "env": notification.env, "out_trade_no": notification.out_trade_no}
        for order in Order.objects.filter(**same):
            match_kept_notifications(order, actor=actor)


def match_kept_notifications(order: Order, *, actor: System) -> int:
    """Apply what was told about this order before it was known; call it after an order appeared. Returns how many fitted.

    Several mini programs of a superapp may use one order number: the AppKey that signed tells which one is meant.
    """
    same = {"superapp": order.superapp_id, "env": order.env, "out_trade_no": order.out_trade_no}
    kept = Notification.objects.filter(**same, order=None, verdict=Verdict.UNKNOWN_ORDER).order_by("pk")
    return sum(_match(row, order, actor=actor) for row in kept)


def signed_for(notification: Notification, mini_program_id: int) -> bool:
    """Whether PayEventSig was made with an AppKey of this mini program."""
    keys = accepted_keys(mini_program_id, notification.env)
    expected = [pay_event_sig(notification.event, notification.payload, key.text) for key in keys]
    return any([constant_time_equal(one, notification.pay_event_sig) for one in expected])


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
    return _("%(fields)s: not what the order says.") % {"fields": ", ".join(wrong)} if wrong else ""


def price_reading(order: Order, paid: PaidGoods) -> str:
    """How ActualPrice was meant. One piece costs the same either way: that counts as the unit price."""
    is_unit = paid.actual_price == order.unit_price
    return Order.PriceReading.UNIT if is_unit else Order.PriceReading.TOTAL


def raise_alert(order: Order, code: str, *, actor: System, note: str = "") -> None:
    """Mark an order as one that somebody has to look at."""
    Order.objects.filter(pk=order.pk).update(alert=code)
    record("orders.order.alert", order, actor=actor, changes={"alert": [order.alert, code]}, note=note)


def _verdict(order: Order, detail: str) -> str:
    if detail:
        return Verdict.MISMATCH
    return Verdict.DUPLICATE if order.payment_state == Order.Payment.PAID else Verdict.ACCEPTED


def _pay(order: Order, notification: Notification, paid: PaidGoods, *, actor: System) -> None:
    order = move(order, "pay", actor=actor, amount=order.amount, reading=price_reading(order, paid))
    enqueue(order, event=Delivery.Event.GOODS, body=push_body(notification), actor=actor)


def _match(notification: Notification, order: Order, *, actor: System) -> int:
    if not signed_for(notification, order.mini_program_id):
        return 0
    try:
        if notification.kind == Notification.Kind.PAYMENT:
            record_payment(notification, order=order, paid=read_goods(notification.payload), actor=actor)
        else:
            record_refund(order=order, notice=read_refund(notification.payload), notification=notification, actor=actor)
    except OrderError:
        return 0
    return 1
