"""A player buys: mini program, developer backend, SDK and superapp each make the calls they would make for real."""

import secrets as random

from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import MiniProgram
from items.models import Item
from payments.models import MerchantBinding
from simulator import developer, superapp
from simulator.calls import OPENSERVER, Call, compact, to_openserver
from simulator.models import Prepay, Purchase

PLAYER = "o-player-"


def shelf(program: MiniProgram, env: int) -> list[Item]:
    """What the shop shows: the items on sale, or in the sandbox every item that exists."""
    items = Item.objects.filter(mini_program=program).select_related("mini_program").order_by("product_id")
    return list((items.existing() if env else items.on_sale())[:60])


def buy(program: MiniProgram, item: Item, *, quantity: int, env: int, open_id: str = "") -> Purchase:
    """Play the order placement up to the prepay id; every call is kept in the purchase, failed ones too."""
    backend = developer.backend_of(program)
    if not backend.installed_at:
        raise Refused(_("The developers have not installed their keys yet: do that under “Developer backend” first."))
    purchase = Purchase(mini_program=program, env=env, open_id=open_id or PLAYER + random.token_hex(6))
    calls: list[Call] = []
    order = _order(backend, item, purchase, calls, quantity=quantity)
    if order:
        calls.append(
            to_openserver("SDK → openServer: place the order", "POST", f"{OPENSERVER}/orders", body=compact(order).encode())
        )
        data = calls[-1].answer.get("data")
        purchase.prepay_id = str(data.get("prepayId", "")) if isinstance(data, dict) else ""
    purchase.calls = [call.as_record() for call in calls]
    purchase.save()
    return purchase


def buy_standard(program: MiniProgram, *, description: str, total: int, currency: str) -> Purchase:
    """Play a standard payment up to the prepay id."""
    backend = developer.backend_of(program)
    if not backend.installed_at:
        raise Refused(_("The developers have not installed their keys yet: do that under “Developer backend” first."))
    purchase = Purchase(mini_program=program, env=0, open_id=PLAYER + random.token_hex(6))
    call = developer.place_transaction(
        backend, description=description, total=total, currency=currency, merchant_id=merchant_id(program),
        open_id=purchase.open_id,
    )  # fmt: skip
    purchase.out_trade_no = developer.as_object(call.request)["out_trade_no"]
    data = call.answer.get("data")
    purchase.prepay_id = str(data.get("prepay_id", "")) if isinstance(data, dict) else ""
    purchase.calls = [call.as_record()]
    purchase.save()
    return purchase


def _order(
    backend: developer.DeveloperBackend, item: Item, purchase: Purchase, calls: list[Call], *, quantity: int
) -> dict[str, object]:
    """Session, session key and signed order; {} when one of the calls failed."""
    program = backend.mini_program
    calls.append(superapp.open_session(program.superapp, app_id=program.app_id, open_id=purchase.open_id))
    if not calls[-1].ok:
        return {}
    session = calls[-1].answer["data"]
    calls.append(developer.exchange_code(backend, session["code"]))
    if not calls[-1].ok:
        return {}
    key, merchant = calls[-1].answer["data"]["sessionKey"], merchant_id(program)
    order = developer.signed_order(backend, item, quantity=quantity, env=purchase.env, session_key=key, merchant_id=merchant)
    purchase.out_trade_no = developer.as_object(order["signData"])["outTradeNo"]
    return {"token": session["token"], **order}


def merchant_id(program: MiniProgram) -> str:
    """The merchant id developers write into signData as offerId."""
    binding = MerchantBinding.objects.filter(bound_team_id=program.team_id, effective=True).select_related("merchant").first()
    return binding.merchant.merchant_id if binding else ""


def pay(purchase: Purchase) -> Call:
    """The player pays in the superapp, which notifies openServer."""
    prepay = Prepay.objects.select_related("superapp").get(prepay_id=purchase.prepay_id)
    call = superapp.pay(prepay)
    purchase.calls = [*purchase.calls, call.as_record()]
    purchase.save(update_fields=["calls"])
    return call


def query(purchase: Purchase) -> Call:
    """The developers ask openServer how the order stands."""
    backend = developer.backend_of(purchase.mini_program)
    prepay = Prepay.objects.filter(prepay_id=purchase.prepay_id or "none").first()
    if prepay and "standard" in prepay.request:
        call = developer.query_transaction(backend, purchase.out_trade_no, prepay.request["merchantId"])
    else:
        call = developer.query_order(backend, purchase.out_trade_no, purchase.env)
    purchase.calls = [*purchase.calls, call.as_record()]
    purchase.save(update_fields=["calls"])
    return call
