"""Apply notifications that came before their order (docs/deliveries.md, "Notifications")."""

from console.permissions import System
from console.secrets import constant_time_equal
from orders.actions.payment import record_payment
from orders.actions.refund import record_refund
from orders.actions.standard import record_told
from orders.errors import OrderError
from orders.models import Notification, Order
from orders.payloads import read_goods, read_refund
from orders.transactions import read_told
from orders.webhooks import pay_event_sig
from payments.keys import accepted_keys


def match_kept_notifications(order: Order, *, actor: System) -> int:
    """Apply what was told about this order before it was known; call it after an order appeared. Returns how many fitted.

    Several mini programs of a superapp may use one order number: the AppKey that signed tells which one is meant, or the appid.
    """
    same = {"superapp": order.superapp_id, "env": order.env, "out_trade_no": order.out_trade_no}
    kept = Notification.objects.filter(**same, order=None, verdict=Notification.Verdict.UNKNOWN_ORDER).order_by("pk")
    return sum(_match(row, order, actor=actor) for row in kept)


def signed_for(notification: Notification, mini_program_id: int) -> bool:
    """Whether PayEventSig was made with an AppKey of this mini program."""
    keys = accepted_keys(mini_program_id, notification.env)
    expected = [pay_event_sig(notification.event, notification.payload, key.text) for key in keys]
    return any([constant_time_equal(one, notification.pay_event_sig) for one in expected])


def _match(notification: Notification, order: Order, *, actor: System) -> int:
    if notification.is_standard != (order.kind == Order.Kind.STANDARD):
        return 0
    try:
        if notification.is_standard:
            told = read_told(notification.payload)
            if told.app_id != order.mini_program.app_id:
                return 0
            record_told(notification, order=order, told=told, actor=actor)
        elif not signed_for(notification, order.mini_program_id):
            return 0
        elif notification.kind == Notification.Kind.PAYMENT:
            record_payment(notification, order=order, paid=read_goods(notification.payload), actor=actor)
        else:
            record_refund(order=order, notice=read_refund(notification.payload), notification=notification, actor=actor)
    except OrderError:
        return 0
    return 1
