"""Standard payment: place it, find it (docs/openserver.md, "Standard payment")."""

from functools import partial

from console.crash import mark
from console.models import MiniProgram
from openserver.actions.prepaying import answer_of_twin
from openserver.answers import refuse_archived
from openserver.errors import ApiError
from openserver.superapp import Backend, create_transaction
from openserver.transactionform import TransactionForm
from orders.actions import placing
from orders.models import Environment, Order
from payments.models import Merchant, PaymentRequest, owners_of
from payments.selling import selling_state

STANDARD = PaymentRequest.Type.STANDARD
REFUSALS = {
    "PAYMENT_NOT_ENABLED": "Standard payment is not approved for this mini program. A team admin requests it in the console.",
    "feature_off": "The superapp has switched its payment feature off. Ask the superapp; nothing is lost.",
    "": "The team has no merchant in effect. A team admin binds one in the console.",
}


def place_transaction(program: MiniProgram, form: TransactionForm) -> dict[str, str]:
    """Place a standard payment of the mini program that signed; return its prepay_id. Raises ApiError, in the documented order.

    The identical content again, while unpaid, gets the same answer; anything else with a used number ORDER_NO_REUSED.
    """
    merchant = check_payment(program)
    check_content(form, program, merchant)
    order = _new_order(form, program)
    placing.place_standard(order)
    mark("after-order-stored")
    prepay_id = answer_of_twin(order, partial(create_transaction, backend=Backend.of(program.superapp)))
    return {"prepay_id": prepay_id}


def find_transaction(program: MiniProgram, *, out_trade_no: str, merchant_no: str | None) -> Order:
    """Return a standard payment of the mini program under this merchant.

    Raises MISSING_FIELD, ORDER_NOT_FOUND, ORDER_ARCHIVED.
    """
    if not merchant_no:
        raise ApiError("MISSING_FIELD", "The query has no mchid. Send the merchant id that the payment was placed with.")
    # NUL is refused by PostgreSQL and found by nobody.
    named = {"out_trade_no": out_trade_no.replace("\0", " "), "merchant_no": merchant_no.replace("\0", " ")}
    rows = Order.objects.filter(mini_program=program, env=Environment.LIVE, kind=Order.Kind.STANDARD, **named)
    order = rows.select_related("mini_program").first()
    if order is None:
        refuse_archived(program, env=Environment.LIVE, out_trade_no=named["out_trade_no"])
        raise ApiError("ORDER_NOT_FOUND", "out_trade_no names no standard payment of this mini program and mchid. Check both.")
    return order


def check_payment(program: MiniProgram) -> Merchant:
    """Return the merchant of a mini program that may take standard payments now. Raises PAYMENT_NOT_ENABLED,
    PAYMENT_SUSPENDED."""
    selling = selling_state(program, type=STANDARD)
    if selling.enabled and selling.merchant:
        return selling.merchant
    if selling.code == "PAYMENT_NOT_ENABLED":
        raise ApiError(selling.code, REFUSALS[selling.code])
    raise ApiError("PAYMENT_SUSPENDED", REFUSALS.get(selling.suspended_reason, REFUSALS[""]))


def check_content(form: TransactionForm, program: MiniProgram, merchant: Merchant) -> None:
    """Refuse another merchant or a currency that is not its own. Raises MERCHANT_NOT_BOUND, CURRENCY_NOT_ENABLED."""
    if form.merchant_no != merchant.merchant_id:
        raise ApiError("MERCHANT_NOT_BOUND", "mchid is not the merchant id your team is bound to. The console shows it.")
    if form.currency not in program.superapp.currencies:
        raise ApiError("CURRENCY_NOT_ENABLED", "amount.currency is not one the superapp has enabled. Send your merchant's.")
    if form.currency != merchant.currency:
        raise ApiError("CURRENCY_NOT_ENABLED", f"amount.currency is not that of your merchant. Send {merchant.currency}.")


def _new_order(form: TransactionForm, program: MiniProgram) -> Order:
    return Order(
        **owners_of(program), kind=Order.Kind.STANDARD, env=Environment.LIVE, out_trade_no=form.out_trade_no,
        open_id=form.open_id, product_name=form.description, unit_price=form.total, amount=form.total, currency=form.currency,
        merchant_no=form.merchant_no, attach=form.attach, notify_url=form.notify_url, request_hash=form.request_hash,
    )  # fmt: skip
