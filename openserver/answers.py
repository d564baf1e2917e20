"""What openServer says about an order: the data of the order query (docs/openserver.md, "Order query")."""

from datetime import UTC, datetime
from typing import Any

from orders.models import Order


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


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
