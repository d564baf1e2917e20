"""The superapp's side of the demo's orders: its payment channel knows them, so they can be paid, refunded and compared."""

from typing import Any

from openserver.superapp import transaction_body
from orders.models import Order, Refund
from simulator.models import Prepay, PrepayRefund
from simulator.superapp import standard_order

Payment = Order.Payment
STATES = {
    Payment.UNPAID: Prepay.State.WAITING, Payment.PAID: Prepay.State.PAID, Payment.CLOSED: Prepay.State.CLOSED,
    Payment.EXPIRED: Prepay.State.EXPIRED, Payment.FAILED: Prepay.State.FAILED,
}  # fmt: skip


def build() -> None:
    """A prepay for each order that has a prepay id, and its refunds."""
    orders = Order.objects.exclude(prepay_id="").select_related("mini_program").order_by("pk")
    prepays = {order.pk: _prepay(order) for order in orders}
    Prepay.objects.bulk_create(prepays.values(), batch_size=500)
    PrepayRefund.objects.bulk_create(
        [
            PrepayRefund(
                prepay=prepays[refund.order_id], refund_no=refund.refund_no, amount=refund.amount,
                status=refund.state.upper(), started_at=refund.started_at,
            )
            for refund in Refund.objects.filter(order__in=prepays)
        ],
        batch_size=500,
    )  # fmt: skip


def _prepay(order: Order) -> Prepay:
    # A payment of another price was paid all the same: that is what the superapp's list says otherwise.
    paid = order.paid_at or order.alert == "payment_mismatch"
    return Prepay(
        superapp_id=order.superapp_id, app_id=order.mini_program.app_id, env=order.env, out_trade_no=order.out_trade_no,
        prepay_id=order.prepay_id, request=_request(order), created_at=order.created_at, paid_at=order.paid_at,
        state=Prepay.State.PAID if paid else STATES[Payment(order.payment_state)],
    )  # fmt: skip


def _request(order: Order) -> dict[str, Any]:
    if order.kind == Order.Kind.STANDARD:
        return standard_order(transaction_body(order))
    return {
        "appId": order.mini_program.app_id, "miniProgramName": order.mini_program.name, "merchantId": order.merchant_no,
        "openId": order.open_id, "outTradeNo": order.out_trade_no, "productId": order.product_id,
        "productName": order.product_name, "quantity": order.quantity, "unitPrice": order.unit_price,
        "totalAmount": order.amount, "currencyType": order.currency, "env": order.env, "platform": order.platform,
        "attach": order.attach, "method": order.method, "signData": order.sign_data, "paySig": order.pay_sig,
        "signature": order.signature,
    }  # fmt: skip
