"""What openServer says about an order: the data of the queries (docs/openserver.md, "Order query", "Standard payment")."""

from datetime import UTC, datetime
from typing import Any

from console.models import MiniProgram
from openserver.errors import ApiError
from orders.archived import archived_order
from orders.models import Order
from orders.transactions import trade_state


def order_data(order: Order) -> dict[str, Any]:
    """Return states, amounts in minor units and times in RFC 3339, UTC; null is "not yet"."""
    return {
        "appId": order.mini_program.app_id,
        "env": order.env,
        "outTradeNo": order.out_trade_no,
        "prepayId": order.prepay_id,
        "openId": order.open_id,
        "productId": order.product_id,
        "productName": order.product_name,
        "quantity": order.quantity,
        "unitPrice": order.unit_price,
        "totalAmount": order.amount,
        "currencyType": order.currency,
        "attach": order.attach,
        "paymentState": order.payment_state,
        "deliveryState": order.delivery_state,
        "refundState": order.refund_state,
        "paidAmount": order.paid_amount,
        "refundingAmount": order.refunding_amount,
        "refundedAmount": order.refunded_amount,
        "createdAt": _time(order.created_at),
        "paidAt": _time(order.paid_at),
        "closedAt": _time(order.closed_at),
        "deliveredAt": _time(order.delivered_at),
    }


def transaction_data(order: Order) -> dict[str, Any]:
    """Return a standard payment, named as in its own interface; amounts in minor units, times in RFC 3339, UTC."""
    return {
        "appid": order.mini_program.app_id,
        "mchid": order.merchant_no,
        "out_trade_no": order.out_trade_no,
        "prepay_id": order.prepay_id,
        "transaction_id": order.transaction_id,
        "trade_type": "JSAPI",
        "trade_state": trade_state(order),
        "description": order.product_name,
        "attach": order.attach,
        "amount": {"total": order.amount, "currency": order.currency},
        "refunded_total": order.refunded_amount,
        "payer": {"openid": order.open_id},
        "create_time": _time(order.created_at),
        "success_time": _time(order.paid_at),
    }


def refuse_archived(program: MiniProgram, *, env: int, out_trade_no: str) -> None:
    """Raise ORDER_ARCHIVED when the number is that of an order in the archive."""
    gone = archived_order(program.pk, env=env, out_trade_no=out_trade_no)
    if gone:
        raise ApiError(
            "ORDER_ARCHIVED",
            f"The order is of {gone.archive.month:%Y-%m} and was archived on {gone.archive.made_at:%Y-%m-%d}: nothing of it was"
            f" pending, and its number stays used. Ask the platform for its record, in archive {gone.archive_id}.",
        )


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
