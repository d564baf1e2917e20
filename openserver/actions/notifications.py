"""Payment and refund notifications: kept first, then judged (docs/openserver.md, "Notifications")."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from console.crash import mark
from console.errors import Invisible
from console.models import Superapp
from console.permissions import System
from openserver import strict_json
from openserver.errors import ApiError
from openserver.signatures import SignatureFormat, verify_pay_event_sig
from orders.actions.late import keep_late
from orders.actions.payment import record_payment
from orders.actions.refund import record_refund
from orders.actions.standard import record_told
from orders.archived import archived_in
from orders.errors import OrderError
from orders.models import ArchivedOrder, Notification, Order
from orders.payloads import GOODS_EVENT, REFUND_EVENT, PaidGoods, RefundNotice, read_goods, read_refund
from orders.transactions import EVENTS as STANDARD_EVENTS
from orders.transactions import Told, read_told
from payments.keys import accepted_keys, note_old_use

FIELDS = ("EventType", "Event", "PayModel", "Payload", "PayEventSig")
STANDARD_FIELDS = ("id", "create_time", "event_type", "resource")
EVENTS = {Notification.Kind.PAYMENT: GOODS_EVENT, Notification.Kind.REFUND: REFUND_EVENT}
READERS: dict[str, Callable[[str], PaidGoods | RefundNotice]] = {
    Notification.Kind.PAYMENT: read_goods,
    Notification.Kind.REFUND: read_refund,
}
Verdict = Notification.Verdict


class Envelope(NamedTuple):
    """What a notification arrives in; `payload` is the signed text as it came."""

    event: str
    pay_model: str
    payload: str
    pay_event_sig: str


def receive(superapp: Superapp, body: dict[str, Any], *, kind: str) -> str:
    """Keep a notification, then record what it says; return "OK". The same again changes nothing and is answered alike.

    Raises ApiError. One for an unknown order is kept all the same and applied when the order appears.
    """
    said = read_envelope(body, EVENTS[Notification.Kind(kind)])
    notification = Notification(
        superapp=superapp,
        kind=kind,
        event=said.event,
        pay_model=said.pay_model,
        payload=said.payload,
        pay_event_sig=said.pay_event_sig,
        verdict=Verdict.UNKNOWN_ORDER,
        received_at=timezone.now(),
    )
    content = _read_and_keep(notification)
    mark("after-notification-stored")
    actor = System(f"superapp {superapp.code}")
    _unless_archived(lambda: _record(notification, _order_of(notification, content), content, actor=actor))
    mark("after-notification-recorded")
    return "OK"


def receive_standard(superapp: Superapp, body: dict[str, Any], *, text: str) -> str:
    """As `receive`, for a standard payment: `text` is the body as it came, which the developer gets. Raises ApiError."""
    strict_json.fields(body, required=STANDARD_FIELDS, optional=("summary", "resource_type"))
    for name in ("id", "create_time"):
        strict_json.text(body[name], name, 64)
    event = body["event_type"]
    if not isinstance(event, str) or event not in STANDARD_EVENTS:
        raise ApiError("BAD_JSON", f"event_type is not known. Send one of {', '.join(STANDARD_EVENTS)}.")
    kind = STANDARD_EVENTS[event]
    notification = Notification(superapp=superapp, kind=kind, event=event, payload=text, verdict=Verdict.UNKNOWN_ORDER)
    told = _read_told_and_keep(notification)
    mark("after-notification-stored")
    actor = System(f"superapp {superapp.code}")
    _unless_archived(lambda: _record_told(notification, _standard_order_of(notification, told), told, actor=actor))
    mark("after-notification-recorded")
    return "OK"


def _unless_archived(record: Callable[[], None]) -> None:
    """Find the order and record; once more when it went into the archive between the two: that raises ORDER_ARCHIVED."""
    try:
        record()
    except Invisible:
        record()


def read_envelope(body: dict[str, Any], event: str) -> Envelope:
    """Return the envelope of one kind of event. Raises ApiError MISSING_FIELD, UNKNOWN_FIELD, BAD_JSON, SIG_FORMAT."""
    strict_json.fields(body, required=FIELDS)
    for name, expected in (("EventType", "event"), ("Event", event)):
        if body[name] != expected:
            raise ApiError("BAD_JSON", f'{name} is not "{expected}". Send "{expected}", or use the path of the other event.')
    if not isinstance(body["Payload"], str):
        raise ApiError("BAD_JSON", "Payload is not a string. Send the JSON text that was signed, as one string.")
    signature = body["PayEventSig"]
    if not isinstance(signature, str) or len(signature) != 64 or set(signature) - set("0123456789abcdef"):
        raise SignatureFormat("PayEventSig")
    pay_model = strict_json.text(body["PayModel"], "PayModel", 64, min_length=0)
    return Envelope(event, pay_model, body["Payload"], signature)


def _read_and_keep(notification: Notification) -> PaidGoods | RefundNotice:
    """Read the payload and store the notification, also when it cannot be read. Raises ApiError."""
    try:
        strict_json.parse_text(notification.payload)
        content = READERS[notification.kind](notification.payload)
    except (ApiError, OrderError) as error:
        notification.verdict, notification.detail = Verdict.MISMATCH, error.message[:300]
        notification.save()
        raise ApiError(error.code, f"In Payload: {error.message}") from error
    notification.env, notification.out_trade_no = content.env, content.out_trade_no[:64]
    notification.save()
    return content


def _read_told_and_keep(notification: Notification) -> Told:
    """As `_read_and_keep`, for a standard payment."""
    try:
        told = read_told(notification.payload)
    except OrderError as error:
        notification.verdict, notification.detail = Verdict.MISMATCH, error.message[:300]
        notification.save()
        raise ApiError(error.code, error.message) from error
    notification.out_trade_no = told.out_trade_no
    notification.save()
    return told


def _standard_order_of(notification: Notification, told: Told) -> Order:
    """The standard payment that is meant: by the appid, among the mini programs of the superapp.

    Raises ORDER_NOT_FOUND, ORDER_ARCHIVED.
    """
    same = {"superapp": notification.superapp_id, "env": notification.env, "out_trade_no": notification.out_trade_no}
    rows = Order.objects.filter(**same, kind=Order.Kind.STANDARD, mini_program__app_id=told.app_id)
    order = rows.select_related("mini_program").first()
    if order is None:
        gone = _tombstones(notification).filter(archive__kind=Order.Kind.STANDARD, mini_program__app_id=told.app_id).first()
        if gone:
            raise _kept_as_late(notification, gone)
        _keep_unfit(notification, Verdict.UNKNOWN_ORDER)
        raise ApiError(
            "ORDER_NOT_FOUND",
            "appid and out_trade_no name no standard payment of your superapp yet. The notification is kept and applied when it"
            " appears.",
        )
    return order


def _order_of(notification: Notification, content: PaidGoods | RefundNotice) -> Order:
    """The order that is meant. Several mini programs of a superapp may use one number: the AppKey that signed tells which.

    Raises ORDER_NOT_FOUND, ORDER_ARCHIVED, NOTIFY_SIG_INVALID.
    """
    same = {"superapp": notification.superapp_id, "env": notification.env, "out_trade_no": content.out_trade_no}
    candidates = list(Order.objects.filter(**same, kind=Order.Kind.VIRTUAL))
    signed = [order for order in candidates if _is_signed_for(notification, order.mini_program_id)]
    if not signed:
        for gone in _tombstones(notification).filter(archive__kind=Order.Kind.VIRTUAL):
            if _is_signed_for(notification, gone.mini_program_id):
                raise _kept_as_late(notification, gone)
    if not candidates:
        _keep_unfit(notification, Verdict.UNKNOWN_ORDER)
        raise ApiError(
            "ORDER_NOT_FOUND",
            "OutTradeNo names no order of your superapp yet. The notification is kept and applied when the order appears.",
        )
    if not signed:
        _keep_unfit(notification, Verdict.BAD_SIGNATURE)
        raise ApiError(
            "NOTIFY_SIG_INVALID", 'PayEventSig does not fit. Sign Event + "&" + Payload with the AppKey of Env, byte for byte.'
        )
    return next((order for order in signed if order.open_id == content.open_id), signed[0])


def _keep_unfit(notification: Notification, verdict: str) -> None:
    """Keep it with this verdict; what was told before, byte for byte, is a duplicate and no further case of the mismatch desk."""
    names = ("superapp_id", "env", "out_trade_no", "event", "payload", "pay_event_sig")
    same = {name: getattr(notification, name) for name in names}
    is_told_again = Notification.objects.filter(order=None, verdict=verdict, pk__lt=notification.pk, **same).exists()
    kept = Verdict.DUPLICATE if is_told_again else verdict
    if kept != notification.verdict:
        Notification.objects.filter(pk=notification.pk, order=None).update(verdict=kept)


def _tombstones(notification: Notification) -> QuerySet[ArchivedOrder]:
    """Archived orders that the notification may be about."""
    return archived_in(notification.superapp, [notification.out_trade_no]).filter(env=notification.env)


def _kept_as_late(notification: Notification, gone: ArchivedOrder) -> ApiError:
    """Keep it for the mismatch desk; what to answer."""
    keep_late(notification, gone)
    return ApiError(
        "ORDER_ARCHIVED",
        f"The order was archived on {gone.archive.made_at:%Y-%m-%d}, so nothing was changed and nothing was delivered. The"
        " notification is kept and shown to people. Do not send it again.",
    )


def _is_signed_for(notification: Notification, mini_program_id: int) -> bool:
    fits = partial(verify_pay_event_sig, notification.pay_event_sig, event=notification.event, payload=notification.payload)
    app_keys = accepted_keys(mini_program_id, notification.env)
    for number, key in enumerate(app_keys):
        if fits(app_keys=[key.text]):
            if number:
                note_old_use(credential_id=key.credential_id)
            return True
    return False


def _record(notification: Notification, order: Order, content: PaidGoods | RefundNotice, *, actor: System) -> None:
    try:
        if isinstance(content, PaidGoods):
            verdict = record_payment(notification, order=order, paid=content, actor=actor)
            if verdict == Verdict.MISMATCH:
                raise ApiError("AMOUNT_MISMATCH", f"{notification.detail} Nothing was delivered; the notification is kept.")
        else:
            record_refund(order=order, notice=content, notification=notification, actor=actor)
    except OrderError as error:
        raise ApiError(error.code, error.message) from error


def _record_told(notification: Notification, order: Order, told: Told, *, actor: System) -> None:
    try:
        verdict = record_told(notification, order=order, told=told, actor=actor)
    except OrderError as error:
        raise ApiError(error.code, error.message) from error
    if verdict == Verdict.MISMATCH:
        raise ApiError("AMOUNT_MISMATCH", f"{notification.detail} Nothing was passed on; the notification is kept.")
