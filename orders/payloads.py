"""The Payloads that superapps send, and the envelopes that developers get (docs/domain.md, 5.4 to 5.6).

A Payload is a JSON *string* that was signed: it is read here, but passed on byte for byte.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orders import notes
from orders.errors import OrderError
from orders.models import Notification

GOODS_EVENT = "minigame_game_pay_goods_deliver_notify"
REFUND_EVENT = "minigame_pay_refund_notify"
TEXT_LIMIT = 128  # characters


@dataclass(frozen=True, kw_only=True)
class PaidGoods:
    """What a payment notification says. Prices in minor units, as a unit price or as the total: the order tells which."""

    open_id: str
    env: int
    out_trade_no: str
    product_id: str
    quantity: int
    orig_price: int
    actual_price: int


@dataclass(frozen=True, kw_only=True)
class RefundNotice:
    """What a refund notification says. `amount` in minor units, times aware, `status` as in the wire format."""

    open_id: str
    env: int
    out_trade_no: str
    refund_no: str
    amount: int
    currency: str
    cause: str
    status: str
    started_at: datetime
    succeeded_at: datetime | None = None


def read_goods(payload: str) -> PaidGoods:
    """The Payload of a payment notification. Raises OrderError that names the field."""
    whole = read_object(payload)
    goods = whole.get("GoodsInfo")
    if not isinstance(goods, dict):
        raise missing("GoodsInfo")
    return PaidGoods(
        open_id=read_text(whole, "OpenId"),
        env=_env(whole),
        out_trade_no=read_text(whole, "OutTradeNo"),
        product_id=read_text(goods, "ProductId"),
        quantity=read_whole(goods, "Quantity", code="QUANTITY_FORMAT"),
        orig_price=read_whole(goods, "OrigPrice", code="PRICE_FORMAT"),
        actual_price=read_whole(goods, "ActualPrice", code="PRICE_FORMAT"),
    )


def read_refund(payload: str) -> RefundNotice:
    """The Payload of a refund notification. Raises OrderError that names the field."""
    whole = read_object(payload)
    status = read_text(whole, "RefundStatus")
    if status not in {"PROCESSING", "SUCCESS", "CLOSED", "FAILED"}:
        raise OrderError("BAD_JSON", notes.BAD_REFUND_STATUS)
    return RefundNotice(
        open_id=read_text(whole, "OpenId"),
        env=_env(whole),
        out_trade_no=read_text(whole, "OutTradeNo"),
        refund_no=read_text(whole, "RefundNo", limit=64),
        amount=read_whole(whole, "RefundAmount", code="PRICE_FORMAT"),
        currency=read_text(whole, "Currency", limit=3),
        cause=read_text(whole, "RefundReason", limit=256, empty=True),
        status=status,
        started_at=read_time(whole, "RefundStartTime"),
        succeeded_at=read_time(whole, "RefundSuccTime") if whole.get("RefundSuccTime") else None,
    )


def refund_no_in(notification: Notification) -> str:
    """The number of the refund that is told of, "" where none can be read."""
    try:
        whole = read_object(notification.payload)
    except OrderError:
        return ""
    told = whole.get("resource") if notification.is_standard else whole
    number = told.get("out_refund_no" if notification.is_standard else "RefundNo") if isinstance(told, dict) else ""
    return number if isinstance(number, str) else ""


def push_body(notification: Notification) -> str:
    """What the developer gets: what the superapp sent, byte for byte; of a standard payment that is the whole body."""
    if notification.is_standard:
        return notification.payload
    return envelope(
        event=notification.event,
        pay_model=notification.pay_model,
        payload=notification.payload,
        signature=notification.pay_event_sig,
    )


def envelope(*, event: str, pay_model: str, payload: str, signature: str, **more: object) -> str:
    """The JSON text of an envelope. It is made once and stored; every attempt posts the same bytes."""
    fields = {"EventType": "event", "Event": event, "PayModel": pay_model, "Payload": payload, "PayEventSig": signature}
    return json.dumps({**fields, **more}, ensure_ascii=False, separators=(",", ":"))


def test_payload(out_trade_no: str) -> str:
    """The Payload of a test push: the types of the callback's documentation (Env a string, Quantity and prices numbers)."""
    goods = {
        "ProductId": "test_item", "Quantity": 1, "ZoneId": "1", "OrigPrice": 100, "ActualPrice": 100, "Attach": "test",
        "OrderSource": 1,
    }  # fmt: skip
    payload = {"OpenId": "test_player", "Env": "1", "OutTradeNo": out_trade_no, "GoodsInfo": goods}
    return json.dumps(payload, separators=(",", ":"))


def unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the pairs. Raises ValueError for a key that stands twice: two readers would take two different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A key stands twice.")
    return found


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is no whole number.")


def read_object(payload: str) -> dict[str, Any]:
    """The object in a JSON text. Raises OrderError BAD_JSON."""
    try:
        value = json.loads(payload, object_pairs_hook=unique_object, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise OrderError("BAD_JSON", notes.NO_OBJECT)
    return value


def missing(name: str) -> OrderError:
    """What to raise when a field is not there, or not what it has to be."""
    return OrderError("MISSING_FIELD", notes.NO_FIELD % {"field": name})


def read_text(source: dict[str, Any], name: str, *, limit: int = TEXT_LIMIT, empty: bool = False) -> str:
    """A printable text of at most `limit` characters. Raises OrderError MISSING_FIELD."""
    value = source.get(name, "" if empty else None)
    if not isinstance(value, str) or not (value or empty) or len(value) > limit or not (value.isprintable() or not value):
        raise missing(name)
    return value


def read_whole(source: dict[str, Any], name: str, *, code: str) -> int:
    """A whole number below 10^18, or its digits. Raises OrderError `code`."""
    value = source.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**18:
        raise OrderError(code, notes.NO_NUMBER % {"field": name})
    return value


def _env(source: dict[str, Any]) -> int:
    value = source.get("Env")
    if isinstance(value, bool) or value not in (0, 1, "0", "1"):
        raise OrderError("ENV_INVALID", notes.BAD_ENV)
    return int(value)


def read_time(source: dict[str, Any], name: str) -> datetime:
    """A time in RFC 3339, in UTC. Raises OrderError BAD_JSON."""
    try:
        value = datetime.fromisoformat(read_text(source, name))
        if value.tzinfo is None:
            raise ValueError("no offset")
        return value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise OrderError("BAD_JSON", notes.NO_TIME % {"field": name}) from None
