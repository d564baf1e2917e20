"""What the parties of a standard payment send."""

import random
from typing import Any

from tests.openserver.conftest import Answered, Shop

NOTIFY_URL = "https://shop.example/notify"
JSAPI = "/pay/transactions/jsapi"


def content(shop: Shop, **changes: Any) -> dict[str, Any]:
    """The body of POST pay/transactions/jsapi; ... removes a field."""
    body = {
        "appid": shop.program.app_id, "mchid": shop.merchant_id, "description": "A ticket to the moon", "out_trade_no": "S-1",
        "notify_url": NOTIFY_URL, "amount": {"total": 2500, "currency": "USD"}, "payer": {"openid": "player-1"},
        "attach": "seat 7",
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not ...}


def place(shop: Shop, body: dict[str, Any] | None = None, **changes: Any) -> Answered:
    """The developer places a standard payment."""
    return shop.by_developer("POST", JSAPI, content(shop, **changes) if body is None else body)


def query(shop: Shop, number: str = "S-1", mchid: str = "M-1", **changes: Any) -> Answered:
    """The developer asks how it stands."""
    return shop.by_developer("GET", f"/pay/transactions/out-trade-no/{number}?mchid={mchid}", **changes)


def transaction(shop: Shop, event: str = "TRANSACTION.SUCCESS", **changes: Any) -> dict[str, Any]:
    """The body of a notification about the payment; `changes` are of the resource."""
    state = {"TRANSACTION.SUCCESS": "SUCCESS"}.get(event, "CLOSED")
    resource = {
        "appid": shop.program.app_id, "mchid": shop.merchant_id, "out_trade_no": "S-1", "transaction_id": "42001",
        "trade_type": "JSAPI", "trade_state": state, "bank_type": "OTHERS", "success_time": "2026-11-20T10:00:00+00:00",
        "payer": {"openid": "player-1"}, "amount": {"total": 2500, "payer_total": 2500, "currency": "USD"},
    }  # fmt: skip
    return _notification(event, resource | changes)


def refund(shop: Shop, event: str = "REFUND.SUCCESS", *, amount: int = 2500, **changes: Any) -> dict[str, Any]:
    """The body of a notification about a refund."""
    resource = {
        "appid": shop.program.app_id, "mchid": shop.merchant_id, "out_trade_no": "S-1", "out_refund_no": "R-1",
        "refund_id": "50001", "reason": "asked for", "amount": {"total": 2500, "refund": amount, "currency": "USD"},
        "success_time": "2026-11-20T12:00:00Z",
    }  # fmt: skip
    return _notification(event, resource | changes)


def _notification(event: str, resource: dict[str, Any]) -> dict[str, Any]:
    resource = {name: value for name, value in resource.items() if value is not ...}
    return {
        "id": f"n{random.getrandbits(64):x}", "create_time": "2026-11-20T11:59:00Z", "event_type": event,
        "resource_type": "plain", "summary": "told", "resource": resource,
    }  # fmt: skip


def tell(shop: Shop, body: Any, **changes: Any) -> Answered:
    """The superapp tells it."""
    return shop.by_superapp("POST", "/pay/notifications", body, **changes)
