"""Record refunds, which start in the superapp (docs/domain.md, 5.6)."""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from console.audit import record
from console.lifecycle import lock, move
from console.money import format_money
from console.permissions import System
from orders import notes
from orders.actions.delivery import cancel_goods, enqueue
from orders.actions.payment import end_late
from orders.errors import OrderError
from orders.models import Delivery, Notification, Order, Refund
from orders.payloads import RefundNotice, push_body

Verdict = Notification.Verdict
#: What the wire says → the move, for the ends of a refund.
ENDS = {"SUCCESS": "succeed", "CLOSED": "close", "FAILED": "fail"}


def record_refund(*, order: Order, notice: RefundNotice, actor: System, notification: Notification | None = None) -> Refund:
    """Record what a superapp says of a refund; the same again changes nothing. Amounts in minor units.

    `notification` carries what came in, verified; it is kept, and a SUCCESS is pushed to the developer from it. Raises
    OrderError: ORDER_NOT_PAID, AMOUNT_MISMATCH, REFUND_CURRENCY, REFUND_NO_REUSED, REFUND_EXCEEDS_PAID; then only what came in
    is kept, as a "mismatch" or a "duplicate" of one, so do not call it in a transaction that this error ends.
    """
    try:
        with transaction.atomic():
            refund, changed = _record(lock(order), notice, notification, actor=actor)
            _keep(notification, order, Verdict.ACCEPTED if changed else Verdict.DUPLICATE)
    except OrderError as error:
        refuse_refund(notification, order, error)
        raise
    return refund


def refuse_refund(notification: Notification | None, order: Order, error: OrderError) -> None:
    """Keep what came in as something that does not fit the order; the same once more, word for word, as a duplicate of it.

    A superapp repeats what was refused until it gets "0": that is one case of the mismatch desk.
    """
    if notification is None:
        return
    notification.code = error.code
    with transaction.atomic():
        lock(order)  # of two at the same moment, the second one finds the first
        same = {"kind": notification.kind, "payload": notification.payload, "code": error.code}
        known = order.notifications.filter(verdict=Verdict.MISMATCH, **same).exclude(pk=notification.pk).exists()
        _keep(notification, order, Verdict.DUPLICATE if known else Verdict.MISMATCH, error.message)


def _record(order: Order, notice: RefundNotice, notification: Notification | None, *, actor: System) -> tuple[Refund, bool]:
    _check(order, notice)
    existing = Refund.objects.filter(mini_program=order.mini_program_id, refund_no=notice.refund_no).first()
    if existing and (existing.order_id, existing.amount, existing.currency) != (order.pk, notice.amount, notice.currency):
        raise _reused(notice)
    refund = existing or _start(order, notice, actor=actor)
    if refund.state == Refund.State.PROCESSING and notice.status in ENDS:
        # One that is told of for the first time as closed or failed was never counted.
        if existing or notice.status == "SUCCESS":
            _settle(order, refund, succeeded=notice.status == "SUCCESS")
        return _end(order, refund, notice, notification, actor=actor), True
    if existing and notice.status != "PROCESSING" and existing.state != notice.status.lower():
        raise _reused(notice)
    return refund, existing is None


def _check(order: Order, notice: RefundNotice) -> None:
    if order.payment_state != Order.Payment.PAID:
        raise OrderError("ORDER_NOT_PAID", notes.NOT_PAID)
    if notice.currency != order.currency:
        raise OrderError("REFUND_CURRENCY", notes.OTHER_CURRENCY % {"currency": order.currency})
    if notice.amount < 1 or notice.open_id != order.open_id:
        raise OrderError("AMOUNT_MISMATCH", notes.BAD_REFUND)


def _reused(notice: RefundNotice) -> OrderError:
    return OrderError("REFUND_NO_REUSED", notes.REUSED % {"number": notice.refund_no})


def _start(order: Order, notice: RefundNotice, *, actor: System) -> Refund:
    if notice.status in {"PROCESSING", "SUCCESS"}:
        _reserve(order, notice.amount)
    owners = {"mini_program_id": order.mini_program_id, "team_id": order.team_id, "superapp_id": order.superapp_id}
    names = ("kind", "env", "out_trade_no", "open_id", "product_id")
    same = {name: getattr(order, name) for name in names}
    told = {"amount": notice.amount, "currency": notice.currency, "cause": notice.cause, "started_at": notice.started_at}
    try:
        with transaction.atomic():
            refund = Refund.objects.create(**owners, **same, **told, order=order, refund_no=notice.refund_no)
    except IntegrityError:  # the same number for another order, at the same moment
        raise _reused(notice) from None
    record("orders.refund.start", refund, actor=actor, changes={"state": ["", refund.state]})
    return refund


def _reserve(order: Order, amount: int) -> None:
    """One guarded statement: the sum of Processing and Success never exceeds what was paid (docs/reliability.md, promise 7)."""
    room = Order.objects.filter(pk=order.pk, paid_amount__gte=F("refunding_amount") + F("refunded_amount") + amount)
    if not room.update(refunding_amount=F("refunding_amount") + amount):
        raise OrderError("REFUND_EXCEEDS_PAID", _exceeds(Order.objects.get(pk=order.pk), amount))


def _exceeds(order: Order, amount: int) -> str:
    """The amounts, in a sentence."""
    used = order.refunding_amount + order.refunded_amount
    values = {"asked": amount, "paid": order.paid_amount, "used": used}
    words = {name: format_money(minor, order.currency) for name, minor in values.items()}
    return notes.EXCEEDS % words


def _end(order: Order, refund: Refund, notice: RefundNotice, notification: Notification | None, *, actor: System) -> Refund:
    succeeded = notice.status == "SUCCESS"
    ended = move(refund, ENDS[notice.status], actor=actor, **({"at": notice.succeeded_at or timezone.now()} if succeeded else {}))
    if succeeded:
        _after_success(order, ended, notification, actor=actor)
    elif order.kind == Order.Kind.STANDARD:  # of a virtual payment only a success is pushed (docs/domain.md, 5.6)
        _tell(order, ended, notification, actor=actor)
    return ended


def _settle(order: Order, refund: Refund, *, succeeded: bool) -> None:
    """Take the amount out of what is under way, and into what is refunded if it was."""
    more = {"refunded_amount": F("refunded_amount") + refund.amount} if succeeded else {}
    Order.objects.filter(pk=order.pk).update(refunding_amount=F("refunding_amount") - refund.amount, **more)


def _after_success(order: Order, refund: Refund, notification: Notification | None, *, actor: System) -> None:
    amounts = Order.objects.values_list("paid_amount", "refunded_amount").get(pk=order.pk)
    in_full = amounts[0] == amounts[1]
    order = move(order, "refund_in_full" if in_full else "refund_in_part", actor=actor)
    _tell(order, refund, notification, actor=actor)
    if in_full:
        end_late(order, actor=actor)
        cancel_goods(order, actor=actor)


def _tell(order: Order, refund: Refund, notification: Notification | None, *, actor: System) -> None:
    """Push a refund to the developer; the orders of a demo's past have no notify_url."""
    if notification is not None and (order.kind == Order.Kind.VIRTUAL or order.notify_url):
        enqueue(order, event=Delivery.Event.REFUND, body=push_body(notification), actor=actor, refund=refund)


def _keep(notification: Notification | None, order: Order, verdict: str, detail: str = "") -> None:
    if notification is not None:
        notification.order, notification.verdict, notification.detail = order, verdict, detail[:300]
        notification.save()
