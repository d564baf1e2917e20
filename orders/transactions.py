"""What superapps tell about standard payments: the body of POST pay/notifications (docs/domain.md, 5.8).

The body is passed on to the developer byte for byte; here is read what the records need.
"""

from dataclasses import dataclass
from typing import Any

from orders import notes
from orders.errors import OrderError
from orders.models import Notification, Order
from orders.payloads import RefundNotice, missing, read_object, read_text, read_time, read_whole

PAID, CLOSED = "TRANSACTION.SUCCESS", "TRANSACTION.CLOSED"
#: How a transaction ends without a payment → the move of the order.
ENDS = {"CLOSED": "close", "AUTO_CLOSED": "expire", "PAY_ERROR": "fail"}
#: event_type of a refund → its status as in 5.6.
REFUNDS = {
    "REFUND.PROCESSING": "PROCESSING", "REFUND.SUCCESS": "SUCCESS", "REFUND.CLOSED": "CLOSED", "REFUND.ABNORMAL": "FAILED",
}  # fmt: skip
Kind = Notification.Kind
#: event_type → kind of notification.
EVENTS = {PAID: Kind.PAYMENT, CLOSED: Kind.CLOSING, **dict.fromkeys(REFUNDS, Kind.REFUND)}
State = Order.Payment
TRADE_STATES = {
    State.CREATED: "WAIT_PAY", State.UNPAID: "WAIT_PAY", State.PAID: "SUCCESS", State.CLOSED: "CLOSED",
    State.EXPIRED: "AUTO_CLOSED", State.FAILED: "PAY_ERROR",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """How a payment stands. `total` in minor units; `end` is a key of ENDS, "" for one that is paid."""

    app_id: str
    merchant_no: str
    out_trade_no: str
    open_id: str
    total: int
    currency: str
    transaction_id: str
    end: str


@dataclass(frozen=True, kw_only=True)
class StandardRefund:
    """How a refund stands; its `notice` is as in 5.6, with an empty open_id where the superapp leaves the payer out."""

    app_id: str
    merchant_no: str
    notice: RefundNotice

    @property
    def out_trade_no(self) -> str:
        """Of the order."""
        return self.notice.out_trade_no


Told = Transaction | StandardRefund


def trade_state(order: Order) -> str:
    """WAIT_PAY, SUCCESS, CLOSED, AUTO_CLOSED, REFUND (some or all of it) or PAY_ERROR."""
    refunded = order.refund_state != Order.RefundState.NONE
    return "REFUND" if refunded else TRADE_STATES[State(order.payment_state)]


def read_told(text: str) -> Told:
    """What a notification says. Raises OrderError that names the field."""
    whole = read_object(text)
    event, resource = whole.get("event_type"), _part(whole, "resource")
    if event not in EVENTS:
        raise OrderError("BAD_JSON", notes.BAD_EVENT % {"known": ", ".join(EVENTS)})
    return _refund(whole, resource, REFUNDS[event]) if event in REFUNDS else _transaction(resource, event)


def _transaction(resource: dict[str, Any], event: str) -> Transaction:
    amount, state = _part(resource, "amount"), read_text(resource, "trade_state")
    allowed = ("SUCCESS",) if event == PAID else tuple(ENDS)
    if state not in allowed:
        raise OrderError("BAD_JSON", notes.BAD_TRADE_STATE % {"allowed": " | ".join(allowed)})
    return Transaction(
        app_id=read_text(resource, "appid", limit=32),
        merchant_no=read_text(resource, "mchid", limit=64),
        out_trade_no=read_text(resource, "out_trade_no", limit=64),
        open_id=_payer(resource, required=event == PAID),
        total=read_whole(amount, "total", code="PRICE_FORMAT"),
        currency=read_text(amount, "currency", limit=3),
        transaction_id=read_text(resource, "transaction_id", limit=64, empty=event != PAID),
        end="" if event == PAID else state,
    )


def _refund(whole: dict[str, Any], resource: dict[str, Any], status: str) -> StandardRefund:
    amount = _part(resource, "amount")
    notice = RefundNotice(
        open_id=_payer(resource, required=False),
        env=0,
        out_trade_no=read_text(resource, "out_trade_no", limit=64),
        refund_no=read_text(resource, "out_refund_no", limit=64),
        amount=read_whole(amount, "refund", code="PRICE_FORMAT"),
        currency=read_text(amount, "currency", limit=3),
        cause=read_text(resource, "reason", limit=256, empty=True),
        status=status,
        started_at=read_time(*((resource, "create_time") if "create_time" in resource else (whole, "create_time"))),
        succeeded_at=read_time(resource, "success_time") if resource.get("success_time") else None,
    )
    app_id, merchant_no = read_text(resource, "appid", limit=32), read_text(resource, "mchid", limit=64)
    return StandardRefund(app_id=app_id, merchant_no=merchant_no, notice=notice)


def _part(source: dict[str, Any], name: str) -> dict[str, Any]:
    value = source.get(name)
    if not isinstance(value, dict):
        raise missing(name)
    return value


def _payer(resource: dict[str, Any], *, required: bool) -> str:
    return read_text(_part(resource, "payer"), "openid") if required or "payer" in resource else ""
