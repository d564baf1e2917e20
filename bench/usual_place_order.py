"""The peer of `place_order`: the same endpoint as one usually writes it, with model instances and one query a check.

It is a whole WSGI application: `gunicorn bench.usual_place_order:application`.
"""

import hashlib
import json
import os
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
settings.ROOT_URLCONF = __name__
django.setup()

from django.db import transaction  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from console.audit import record  # noqa: E402
from console.lifecycle import move  # noqa: E402
from console.permissions import System  # noqa: E402
from console.secrets import unseal  # noqa: E402
from items.models import Item  # noqa: E402
from openserver.models import PlayerSession  # noqa: E402
from openserver.signatures import pay_sig, session_signature  # noqa: E402
from openserver.superapp import create_prepay_order  # noqa: E402
from orders.models import Order  # noqa: E402
from payments.models import Credential, MerchantBinding, PaymentRequest  # noqa: E402

ACTOR = System("openServer")


@csrf_exempt
def place(request: HttpRequest) -> JsonResponse:
    """Check, store, ask the superapp, store again."""
    body = json.loads(request.body)
    data = json.loads(body["signData"])
    session = PlayerSession.objects.get(token_hash=hashlib.sha256(body["token"].encode()).hexdigest())
    check(body, data, session)
    order = store(body, data, session)
    # The wire is the same for both sides: what is compared is the way there.
    order = move(order, "hold_prepay", actor=ACTOR, prepay_id=create_prepay_order(order, facts_of(session)))
    answer = {"outTradeNo": order.out_trade_no, "prepayId": order.prepay_id}
    return JsonResponse({"returnCode": "0", "returnMessage": "OK", "data": answer, "requestId": "-"})


def check(body: dict[str, Any], data: dict[str, Any], session: PlayerSession) -> None:
    """One query a check."""
    program = session.mini_program
    assert PaymentRequest.objects.filter(program=program, type="virtual", state="approved").exists()
    assert program.superapp.payment_enabled
    assert MerchantBinding.objects.filter(bound_team=program.team, effective=True).exists()
    credential = Credential.objects.get(mini_program=program, state="active")
    app_key = unseal(credential.sealed_live_key, bound_to=credential.binding("live_key")).decode()
    assert pay_sig(body["method"], body["signData"], app_key) == body["paySig"]
    assert session.expires_at > timezone.now()
    bound_to = f"player_session:{session.token_hash}:session_key"
    session_key = unseal(session.sealed_session_key, bound_to=bound_to).decode()
    assert session_signature(body["signData"], session_key) == body["signature"]
    assert data["currencyType"] in program.superapp.currencies
    item = Item.objects.get(mini_program=program, product_id=data["productId"], on_sale=True)
    assert item.live_price == data["goodsPrice"]
    assert not Order.objects.filter(mini_program=program, env=0, out_trade_no=data["outTradeNo"]).exists()


def facts_of(session: PlayerSession) -> Any:
    """What the client of the superapp reads, of instances that are loaded already."""
    program, superapp = session.mini_program, session.mini_program.superapp
    return SimpleNamespace(
        app_id=program.app_id, program_name=program.name, superapp_code=superapp.code, backend_url=superapp.backend_url,
        sealed_secret_key=superapp.sealed_secret_key, tc_compatible=superapp.tc_compatible,
    )  # fmt: skip


def store(body: dict[str, Any], data: dict[str, Any], session: PlayerSession) -> Order:
    """The order and its audit entry in one transaction."""
    program = session.mini_program
    item = Item.objects.get(mini_program=program, product_id=data["productId"])
    merchant = MerchantBinding.objects.get(bound_team=program.team, effective=True).merchant
    assert item.live_price is not None, "on sale"
    with transaction.atomic():
        order = Order.objects.create(
            mini_program=program, team=program.team, superapp=program.superapp, out_trade_no=data["outTradeNo"],
            open_id=session.open_id, item=item, product_id=item.product_id, product_name=item.live_name,
            unit_price=item.live_price, quantity=data["buyQuantity"], amount=item.live_price * data["buyQuantity"],
            currency=item.live_currency, merchant_no=merchant.merchant_id, attach=data["attach"], method=body["method"],
            sign_data=body["signData"], pay_sig=body["paySig"], signature=body["signature"],
        )  # fmt: skip
        record("orders.order.place", order, actor=ACTOR, changes={"payment_state": [None, "created"]})
    return order


urlpatterns = [path("usual/orders", place)]  # not below /openserver/v1/, whose calls do not come this way
application = get_wsgi_application()
