"""Buy an item's draft as a player would (docs/openserver.md, "Test purchase"): sandbox, through the code that real calls run.

The console plays the parties: the player, the developer's mini program, and the superapp telling of the payment. What those sign
with keys that the platform holds is signed and verified as for real. Each step that was carried out is told with what came back.
"""

import json
import secrets as random
import time
from io import BytesIO
from typing import Any, NamedTuple

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.urls import resolve
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.audit import record
from console.errors import WrongState
from console.models import MiniProgram, Superapp, User
from console.permissions import require
from items.models import Item
from openserver import strict_json
from openserver.actions import notifications, ordering, sessions
from openserver.envelope import Handler, answer_of, body_of
from openserver.facts import Facts
from openserver.keys import opened
from openserver.orderform import METHODS, MINI_GAME
from openserver.signatures import pay_event_sig, pay_sig, session_signature, sign_superapp
from orders.models import Environment, Notification, Order
from orders.payloads import GOODS_EVENT, envelope
from payments.keys import accepted_keys
from payments.models import MerchantBinding

SANDBOX = Environment.SANDBOX.value
PLAYER = "test-purchase-"  # open ids of played players begin with it
STAND_IN = "stand-in-"  # prepay ids of the stand-in begin with it
PATH = "/openserver/v1/"
SESSION, KEY = gettext_lazy("The player opens the mini program"), gettext_lazy("Your backend gets the session key")
ORDER, PAYMENT = gettext_lazy("The signed order is placed"), gettext_lazy("The superapp tells of the payment")


class Call(NamedTuple):
    """One call to openServer: what it is, what was sent, and its answer. Keys and sessions are not in `sent`."""

    title: str | Promise
    sent: str
    code: str
    message: str
    data: Any

    @property
    def passed(self) -> bool:
        """Whether openServer did what was asked."""
        return self.code == "0"


class Bought(NamedTuple):
    """The calls up to the first that was refused, and the order if it was stored."""

    calls: list[Call]
    order: Order | None


class Parties(NamedTuple):
    """Who plays the superapp: its own key and backend, or a stand-in where one of the two is not set."""

    superapp: Superapp
    secret_key: str

    @classmethod
    def of(cls, superapp: Superapp) -> "Parties":
        """The superapp's own backend when it can be called."""
        own = superapp.backend_url and superapp.sealed_secret_key
        return cls(superapp, opened(superapp.sealed_secret_key, superapp.secret_binding) if own else "")

    def call(self, title: str | Promise, path: str, body: dict[str, Any], stand_in: Handler) -> Call:
        """A call of the superapp: signed and to the endpoint, or without the signature that the stand-in has no key for."""
        raw = _compact(body).encode()
        if not self.secret_key:
            return _call(title, path, raw, handler=stand_in)
        signed = sign_superapp(
            superapp=self.superapp.code, secret_key=self.secret_key, method="POST", path_and_query=PATH + path, body=raw,
            timestamp=int(time.time()), nonce=random.token_hex(16),
        )  # fmt: skip
        return _call(title, path, raw, headers=signed)


def buy(item: Item, *, actor: User, quantity: int) -> Bought:
    """Buy `quantity` pieces of the item's draft in the sandbox, up to the payment; the dispatcher then pushes to the Test URL.

    Takes as long as the superapp's backend does, at most 10 s; in no transaction. Raises Invisible, Forbidden, or WrongState
    without an AppKey. What openServer refuses is the last of the calls.
    """
    program = item.mini_program
    require(actor, "items.edit_item", item)
    keys = accepted_keys(program.pk, SANDBOX)
    if not keys:
        raise WrongState(_("There is no AppKey yet. The first save of the delivery push issues it."))
    parties, player = Parties.of(program.superapp), PLAYER + random.token_hex(6)
    calls = _session(program, parties, player)
    if not calls[-1].passed:
        return Bought(calls, None)
    token, session_key = calls[0].data["token"], calls[1].data["sessionKey"]
    signed = _signed_order(item, quantity=quantity, app_key=keys[0].text, session_key=session_key)
    calls.append(_place(parties, {"token": token, **signed}))
    order = Order.objects.filter(mini_program=program, env=SANDBOX, open_id=player).first()
    if order:
        record("openserver.purchase.test", order, actor=actor)
    if order and calls[-1].passed:
        calls.append(_pay(order, parties, keys[0].text))
    return Bought(calls, order)


def stand_in_prepay(order: Order, facts: Facts) -> str:
    """The prepay id of a superapp without a backend; of sandbox orders only."""
    assert order.env == SANDBOX
    return STAND_IN + random.token_hex(12)


def _session(program: MiniProgram, parties: Parties, player: str) -> list[Call]:
    """The session that the superapp opens and its key; the certificate's signature is left out, its key is not ours."""

    def open_session(_request: HttpRequest) -> dict[str, Any]:
        got = sessions.open_session(program, open_id=player)
        return {"code": got.code, "token": got.token, "expiresIn": got.expires_in}

    def exchange_code(_request: HttpRequest) -> dict[str, Any]:
        got = sessions.exchange_code(program, code=code)
        return {"openId": got.open_id, "sessionKey": got.session_key, "expiresIn": got.expires_in}

    body = {"appId": program.app_id, "openId": player}
    session = parties.call(SESSION, "sessions", body, open_session)
    if not session.passed:
        return [session]
    code = session.data["code"]
    key = _call(KEY, "jscode2session", _compact({"appId": program.app_id, "code": code}).encode(), handler=exchange_code)
    return [session, key]


def _signed_order(item: Item, *, quantity: int, app_key: str, session_key: str) -> dict[str, Any]:
    """What the mini program hands to the SDK: signData with both signatures, for the draft's price in minor units."""
    program = item.mini_program
    data: dict[str, Any] = {
        "buyQuantity": quantity, "env": SANDBOX, "currencyType": item.currency, "productId": item.product_id,
        "goodsPrice": item.price, "outTradeNo": "TP" + random.token_hex(10), "attach": "test purchase",
    }  # fmt: skip
    is_game, method = program.kind == MINI_GAME, METHODS[program.kind]
    data |= {"mode": "goods", "zoneId": "1"} if is_game else {"offerId": _merchant_id(program)}
    text = _compact(data)
    signed = {"method": method, "signData": text, "paySig": pay_sig(method, text, app_key)}
    signed["signature"] = session_signature(text, session_key)
    return signed if is_game else {**signed, "mode": "short_series_goods"}


def _merchant_id(program: MiniProgram) -> str:
    rows = MerchantBinding.objects.filter(bound_team=program.team_id, effective=True)
    return rows.values_list("merchant__merchant_id", flat=True).first() or ""


def _place(parties: Parties, body: dict[str, Any]) -> Call:
    def place_with_stand_in(request: HttpRequest) -> dict[str, str]:
        return ordering.place_order(strict_json.parse(body_of(request)), ask=stand_in_prepay)

    handler = None if parties.secret_key else place_with_stand_in
    return _call(ORDER, "orders", _compact(body).encode(), handler=handler)._replace(sent=body["signData"])


def _pay(order: Order, parties: Parties, app_key: str) -> Call:
    def receive(request: HttpRequest) -> str:
        return notifications.receive(parties.superapp, strict_json.parse(body_of(request)), kind=Notification.Kind.PAYMENT)

    goods = {
        "ProductId": order.product_id, "Quantity": order.quantity, "ZoneId": order.zone_id or "1", "OrigPrice": order.unit_price,
        "ActualPrice": order.unit_price, "Attach": order.attach, "OrderSource": 1,
    }  # fmt: skip
    payload = _compact({"OpenId": order.open_id, "Env": str(SANDBOX), "OutTradeNo": order.out_trade_no, "GoodsInfo": goods})
    signature = pay_event_sig(GOODS_EVENT, payload, app_key)
    body = json.loads(envelope(event=GOODS_EVENT, pay_model="TEST", payload=payload, signature=signature))
    return parties.call(PAYMENT, "payment-notifications", body, receive)._replace(sent=payload)


def _call(
    title: str | Promise, path: str, body: bytes, *, headers: dict[str, str] | None = None, handler: Handler | None = None
) -> Call:
    """Give a request that came over no network to the endpoint of `path`, or to `handler`, and read the envelope it answers."""
    environ = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in (headers or {}).items()}
    environ |= {
        "REQUEST_METHOD": "POST", "PATH_INFO": PATH + path, "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "console", "SERVER_PORT": "0",
    }  # fmt: skip
    request = WSGIRequest({**environ, "wsgi.input": BytesIO(body), "wsgi.url_scheme": "https"})
    found = answer_of(handler, request, {}) if handler else resolve("/" + path, urlconf="openserver.urls").func(request)
    answer = json.loads(found.content)
    return Call(title, "", answer["returnCode"], answer["returnMessage"], answer["data"])


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
