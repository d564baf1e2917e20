"""POST orders: the checks in their order, then the order, then the superapp (docs/openserver.md, "Placing an order")."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from console.crash import mark
from openserver import keys, orderform
from openserver.actions.prepaying import answer_of_twin, ask_as_holder
from openserver.actions.sessions import hashed
from openserver.errors import ApiError
from openserver.facts import Facts, Offer, read_facts
from openserver.limits import count_program
from openserver.orderform import Hints, OrderForm, SignedData
from openserver.signatures import verify_pay_sig, verify_session_signature
from openserver.superapp import create_prepay_order
from orders.actions import placing
from orders.actions.price_refusal import count_refusal
from orders.models import Environment, Order
from payments.keys import note_old_use


def place_order(body: dict[str, Any], *, ask: Callable[[Order, Facts], str] | None = None) -> dict[str, str]:
    """Place the order that `body` asks for and return outTradeNo and prepayId. Raises ApiError; docs/openserver.md lists when.

    The identical request again, while unpaid, gets the same answer; anything else with a used number ORDER_NO_REUSED.
    `ask` gives the prepay id in place of the superapp's backend: a test purchase has a stand-in where there is none.
    """
    form = orderform.read_form(body)
    hints, token_hash = orderform.hints(form.sign_data), hashed(form.token)
    facts = read_facts(token_hash, product_id=hints.product_id, env=hints.env)
    if facts is None:
        raise ApiError("SESSION_INVALID", "token names no session. Let the player open the mini program again.")
    count_program(facts.program_id)
    orderform.check_method(form, facts.kind)
    check_payment(facts)
    check_caller(form, token_hash, facts, hints)
    order = _checked_order(form, facts)
    prepay_id = _prepay(order, facts, ask or create_prepay_order)
    return {"outTradeNo": order.out_trade_no, "prepayId": prepay_id}


def check_payment(facts: Facts) -> None:
    """Refuse a mini program that may not sell now. Raises PAYMENT_NOT_ENABLED, PAYMENT_SUSPENDED."""
    if not facts.approved:
        raise ApiError(
            "PAYMENT_NOT_ENABLED",
            "Virtual payment is not approved for this mini program. A team admin requests it in the console.",
        )
    if not facts.payment_enabled:
        raise ApiError(
            "PAYMENT_SUSPENDED", "The superapp has switched its payment feature off. Ask the superapp; nothing is lost."
        )
    if not facts.merchant_no:
        raise ApiError("PAYMENT_SUSPENDED", "The team has no merchant in effect. A team admin binds one in the console.")


def check_caller(form: OrderForm, token_hash: str, facts: Facts, hints: Hints) -> None:
    """Check paySig, then the session, then the signature. Raises PAY_SIG_INVALID, SESSION_EXPIRED, SESSION_SIG_INVALID."""
    app_keys = [keys.app_key(key, hints.env) for key in facts.keys]
    if not verify_pay_sig(form.pay_sig, method=form.method, sign_data=form.sign_data, app_keys=app_keys):
        raise ApiError(
            "PAY_SIG_INVALID",
            'paySig does not fit. Sign method + "&" + signData with the AppKey of the env in signData, byte for byte as sent.',
        )
    if len(app_keys) > 1:
        _note_old_key(form, app_keys, facts)
    if facts.session_expired:
        raise ApiError("SESSION_EXPIRED", "The session of token has expired. Let the player open the mini program again.")
    session_key = keys.opened(facts.sealed_session_key, keys.session_key_binding(token_hash))
    if not verify_session_signature(form.signature, sign_data=form.sign_data, session_key=session_key):
        raise ApiError(
            "SESSION_SIG_INVALID", "signature does not fit. Sign signData with the session_key of this player's session."
        )


def _note_old_key(form: OrderForm, app_keys: list[str], facts: Facts) -> None:
    """Count an order that an overlapping key signed; the newest comes first."""
    for key, text in zip(facts.keys, app_keys, strict=True):
        if verify_pay_sig(form.pay_sig, method=form.method, sign_data=form.sign_data, app_keys=[text]):
            note_old_use(serial_no=key.serial_no)
            return


def check_order(form: OrderForm, facts: Facts) -> Order:
    """Return the order, not stored yet, if all of signData is right. Raises ApiError, in the order of docs/openserver.md."""
    signed = orderform.read_signed(form.sign_data, facts.kind)
    check_merchant(signed, facts)
    check_currency(signed, facts)
    offer = facts.offer
    if offer is None:
        raise ApiError(
            "ITEM_NOT_ON_SALE", "productId names no item that is on sale. Check its spelling and its state in the console."
        )
    check_price(signed, offer)
    quantity = orderform.read_quantity(signed.quantity)
    amount = offer.price * quantity
    if amount > orderform.AMOUNT_LIMIT:
        raise ApiError(
            "AMOUNT_LIMIT", f"goodsPrice × buyQuantity is {amount}. One order costs at most {orderform.AMOUNT_LIMIT} minor units."
        )
    out_trade_no = orderform.read_number(signed.out_trade_no, *orderform.NUMBER_LENGTHS[facts.kind])
    return _new_order(form, facts, signed, offer, quantity, out_trade_no)


def _checked_order(form: OrderForm, facts: Facts) -> Order:
    """As `check_order`; a live order that is refused because of its price is counted for the mismatch desk."""
    try:
        return check_order(form, facts)
    except ApiError as error:
        if error.code == "PRICE_MISMATCH":
            _count_refusal(orderform.read_signed(form.sign_data, facts.kind), facts)
        raise


def _count_refusal(signed: SignedData, facts: Facts) -> None:
    if signed.env != Environment.LIVE or facts.offer is None:
        return
    count_refusal(
        {"mini_program_id": facts.program_id, "team_id": facts.team_id, "superapp_id": facts.superapp_id},
        product_id=signed.product_id,
        asked=(orderform.read_price(signed.price), signed.currency),
        priced=(facts.offer.price, facts.offer.currency),
        out_trade_no=orderform.number_or_nothing(signed.out_trade_no),
    )


def check_merchant(signed: SignedData, facts: Facts) -> None:
    """Refuse an offerId that is not the team's merchant. Raises MERCHANT_NOT_BOUND."""
    if facts.kind == orderform.MINI_PROGRAM and signed.offer_id != facts.merchant_no:
        raise ApiError("MERCHANT_NOT_BOUND", "offerId is not the merchant id your team is bound to. The console shows it.")


def check_currency(signed: SignedData, facts: Facts) -> None:
    """Refuse a currency the superapp does not offer or the merchant does not settle in. Raises CURRENCY_NOT_ENABLED."""
    if signed.currency not in facts.currencies:
        raise ApiError("CURRENCY_NOT_ENABLED", "currencyType is not one the superapp has enabled. Send the currency of the item.")
    if signed.currency != facts.merchant_currency:
        raise ApiError("CURRENCY_NOT_ENABLED", f"currencyType is not that of your merchant. Send {facts.merchant_currency}.")


def check_price(signed: SignedData, offer: Offer) -> None:
    """Refuse another price than the item's. Raises PRICE_FORMAT, PRICE_MISMATCH."""
    price = orderform.read_price(signed.price)
    if signed.currency != offer.currency:
        raise ApiError(
            "PRICE_MISMATCH", f"The item is priced in {offer.currency}, not in currencyType. Release it in your currency."
        )
    if price != offer.price:
        raise ApiError(
            "PRICE_MISMATCH", f"goodsPrice is {price}, the item costs {offer.price}. Send its unit price in minor units."
        )


def request_hash(form: OrderForm, open_id: str) -> str:
    """SHA-256 (hex) of what makes a request identical: all that was signed, both signatures, and the player."""
    same = [form.method, form.mode, form.sign_data, form.pay_sig, form.signature, open_id]
    return hashlib.sha256(json.dumps(same).encode()).hexdigest()


def _new_order(form: OrderForm, facts: Facts, signed: SignedData, offer: Offer, quantity: int, out_trade_no: str) -> Order:
    return Order(
        mini_program_id=facts.program_id,
        team_id=facts.team_id,
        superapp_id=facts.superapp_id,
        env=signed.env,
        out_trade_no=out_trade_no,
        open_id=facts.open_id,
        item_id=offer.item_id,
        product_id=signed.product_id,
        product_name=offer.name,
        unit_price=offer.price,
        quantity=quantity,
        amount=offer.price * quantity,
        currency=offer.currency,
        merchant_no=facts.merchant_no,
        platform=signed.platform,
        zone_id=signed.zone_id,
        attach=signed.attach,
        method=form.method,
        sign_data=form.sign_data,
        pay_sig=form.pay_sig,
        signature=form.signature,
        request_hash=request_hash(form, facts.open_id),
    )


def _prepay(order: Order, facts: Facts, superapp: Callable[[Order, Facts], str]) -> str:
    """Store the order and ask the superapp, or give the answer of a twin that did. Raises ApiError."""

    def ask(asked: Order) -> str:
        return superapp(asked, facts)

    lease = placing.place(order, order_id=facts.next_id)
    if lease is None:
        return answer_of_twin(order, ask)
    mark("after-order-stored")
    return ask_as_holder(order, lease, ask)
