"""A mini game that may sell, its superapp's stand-in backend, and the parties' signatures."""

import datetime
import json
import secrets as random
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.test import Client
from werkzeug import Request, Response

from console import secrets
from console.models import MiniProgram
from items.models import Item
from openserver import signatures
from payments import certificates
from payments.models import Credential, Merchant, MerchantBinding, PaymentRequest, owners_of

BASE = "/openserver/v1"
SECRET = "the secret key that Orbit shares with us"
GOODS_EVENT = "minigame_game_pay_goods_deliver_notify"
REFUND_EVENT = "minigame_pay_refund_notify"


def text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass
class Answered:
    """An answer of openServer; every one has the envelope."""

    response: Any

    def __post_init__(self):
        self.body = self.response.json()
        assert set(self.body) == {"returnCode", "returnMessage", "data", "requestId"}, self.body
        assert self.body["requestId"]
        assert self.body["returnMessage"]
        self.status, self.code, self.data = self.response.status_code, self.body["returnCode"], self.body["data"]
        self.message = self.body["returnMessage"]
        assert (self.code == "0") == (self.status == 200), self.body


@dataclass
class Shop:
    """A mini program with everything its parties hold."""

    program: MiniProgram
    credential: Credential
    live_key: str
    sandbox_key: str
    private_key: Any
    client: Client = field(default_factory=Client)
    token: str = ""
    session_key: str = ""
    merchant_id: str = "M-1"

    @property
    def is_game(self) -> bool:
        return self.program.kind == "mini_game"

    @property
    def superapp(self):
        return self.program.superapp

    # --- the superapp
    def superapp_headers(self, method, path, body=b"", **changes) -> dict[str, str]:
        values = {
            "superapp": self.superapp.code,
            "secret_key": SECRET,
            "timestamp": int(time.time()),
            "nonce": random.token_hex(16),
        }
        return signatures.sign_superapp(**(values | changes), method=method, path_and_query=path, body=body)

    def by_superapp(self, method, path, body: Any = None, **changes) -> Answered:
        raw = b"" if body is None else body if isinstance(body, bytes) else text_of(body).encode()
        headers = self.superapp_headers(method, BASE + path, raw, **changes)
        return Answered(self.client.generic(method, BASE + path, raw, content_type="application/json", headers=headers))

    # --- the developer
    def authorization(self, method, path, body=b"", **changes) -> str:
        values = {
            "app_id": self.program.app_id, "serial_no": self.credential.serial_no, "timestamp": int(time.time()),
            "nonce": random.token_hex(16),
        }  # fmt: skip
        key = changes.pop("private_key", self.private_key)
        return signatures.sign_developer(key, **(values | changes), method=method, path_and_query=path, body=body)

    def by_developer(self, method, path, body: Any = None, **changes) -> Answered:
        raw = b"" if body is None else text_of(body).encode()
        header = self.authorization(method, BASE + path, raw, **changes)
        headers = {"Authorization": header}
        return Answered(self.client.generic(method, BASE + path, raw, content_type="application/json", headers=headers))

    # --- the player
    def sign_in(self, open_id: str = "player-1") -> "Shop":
        opened = self.by_superapp("POST", "/sessions", {"appId": self.program.app_id, "openId": open_id})
        got = self.by_developer("POST", "/jscode2session", {"appId": self.program.app_id, "code": opened.data["code"]})
        self.token, self.session_key = opened.data["token"], got.data["sessionKey"]
        return self

    def sign_data(self, **changes) -> dict[str, Any]:
        data: dict[str, Any] = {"buyQuantity": 1, "env": 0, "currencyType": "USD", "productId": "gem", "goodsPrice": 990}
        data |= {"outTradeNo": "N" + random.token_hex(6), "attach": "level 3"}
        data |= {"mode": "goods", "platform": "android", "zoneId": "1"} if self.is_game else {"offerId": self.merchant_id}
        data |= changes
        return {name: value for name, value in data.items() if value is not ...}

    def order(self, data: Any = None, *, key: str = "", session_key: str = "", **changes) -> dict[str, Any]:
        """The body of an order, signed; `changes` replace fields of the envelope (... removes one)."""
        data = self.sign_data() if data is None else data
        text = data if isinstance(data, str) else text_of(data)
        env = data.get("env", 0) if isinstance(data, dict) else 0
        method = changes.get("method", "requestMidasPaymentGameItem" if self.is_game else "requestVirtualPayment")
        key = key or (self.sandbox_key if env in (1, "1") and env is not True else self.live_key)
        body = {"token": self.token, "method": method, "signData": text}
        body |= {"paySig": signatures.pay_sig(str(method), text, key)}
        body |= {"signature": signatures.session_signature(text, session_key or self.session_key)}
        body |= changes
        return {name: value for name, value in body.items() if value is not ...}

    def place(self, body: Any = None, **changes) -> Answered:
        body = self.order(**changes) if body is None else body
        raw = body if isinstance(body, bytes) else text_of(body).encode()
        return Answered(self.client.post(f"{BASE}/orders", raw, content_type="application/json"))

    # --- notifications
    def goods(self, number: str, **changes) -> dict[str, Any]:
        goods = {"ProductId": "gem", "Quantity": 1, "ZoneId": "1", "OrigPrice": 990, "ActualPrice": 990, "Attach": "level 3"}
        goods |= {"OrderSource": 1} | changes.pop("goods", {})
        return {"OpenId": "player-1", "Env": 0, "OutTradeNo": number, "GoodsInfo": goods} | changes

    def refund(self, number: str, **changes) -> dict[str, Any]:
        fields = {"OpenId": "player-1", "Env": 0, "OutTradeNo": number, "RefundNo": "R-" + number, "RefundAmount": 990}
        fields |= {"Currency": "USD", "RefundReason": "asked", "RefundStatus": "SUCCESS"}
        return fields | {"RefundStartTime": "2026-11-20T10:00:00Z", "RefundSuccTime": "2026-11-20T10:01:00+00:00"} | changes

    def envelope(self, event: str, payload: Any, *, key: str = "", **changes) -> dict[str, Any]:
        text = payload if isinstance(payload, str) else text_of(payload)
        signature = signatures.pay_event_sig(event, text, key or self.live_key)
        fields = {"EventType": "event", "Event": event, "PayModel": "wallet", "Payload": text, "PayEventSig": signature}
        return {name: value for name, value in (fields | changes).items() if value is not ...}

    def notify_paid(self, number: str, **changes) -> Answered:
        return self.by_superapp("POST", "/payment-notifications", self.envelope(GOODS_EVENT, self.goods(number, **changes)))

    def notify_refund(self, number: str, **changes) -> Answered:
        return self.by_superapp("POST", "/refund-notifications", self.envelope(REFUND_EVENT, self.refund(number, **changes)))


@pytest.fixture(scope="session")
def issued():
    """One certificate for all tests: making keys takes a second."""
    now = datetime.datetime.now(datetime.UTC)
    authority = certificates.new_authority("Test CA", now)
    return certificates.issue(authority, app_id="test", organization="Northlight", now=now)


def credential_of(
    program: MiniProgram, issued, person, *, serial_no: str, state: str = "active", **fields
) -> tuple[Credential, str, str]:
    live, sandbox = secrets.new_app_key(), secrets.new_app_key()
    row = Credential(
        **owners_of(program), serial_no=serial_no, certificate_pem=issued.certificate_pem.decode(), fingerprint="-",
        not_before=issued.not_before, not_after=issued.not_after, live_key_fingerprint="-", sandbox_key_fingerprint="-",
        issued_by=person, **fields,
    )  # fmt: skip
    row.sealed_live_key = secrets.seal(live, bound_to=row.binding("live_key"))
    row.sealed_sandbox_key = secrets.seal(sandbox, bound_to=row.binding("sandbox_key"))
    row.__dict__["state"] = state
    row.save()
    return row, live, sandbox


def open_shop(program: MiniProgram, person, decider, issued, *, serial_no: str) -> Shop:
    """Payment approved, merchant in effect, credential issued, one item on sale and one draft."""
    own = owners_of(program)
    approved = PaymentRequest.objects.create(**own, program=program, type="virtual", requested_by=person)
    PaymentRequest.objects.filter(pk=approved.pk).update(state="approved", decided_by=decider)
    merchant, _new = Merchant.objects.get_or_create(
        superapp=program.superapp, merchant_id="M-1", defaults={"name": "Northlight", "currency": "USD"}
    )
    where = {"team": program.team, "superapp": program.superapp, "bound_team": program.team}
    binding = MerchantBinding.objects.create(**where, merchant=merchant, requested_by=person)
    MerchantBinding.objects.filter(pk=binding.pk).update(state="effective", effective=True, pending=None, decided_by=decider)
    common = {"currency": "USD", "edited_by": person, **own}
    gem = Item.objects.create(product_id="gem", name="Gem", price=990, **common)
    Item.objects.filter(pk=gem.pk).update(state="released", on_sale=True, live_name="Gem", live_price=990, live_currency="USD")
    Item.objects.create(product_id="draft", name="Draft", price=50, **common)
    dear = Item.objects.create(product_id="dear", name="Dear", price=99_999_999, **common)
    Item.objects.filter(pk=dear.pk).update(
        state="released", on_sale=True, live_name="Dear", live_price=99_999_999, live_currency="USD"
    )
    row, live, sandbox = credential_of(program, issued, person, serial_no=serial_no)
    key = serialization.load_pem_private_key(issued.private_key_pem, None)
    return Shop(program, row, live, sandbox, key)


@dataclass
class StandIn:
    """The superapp's backend: counts what it was asked, per order number."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Any = None  # a callable of the order, or None for "the prepay id of the number"
    url: str = ""

    def __call__(self, request: Request) -> Response:
        order = json.loads(request.data)
        self.asked.append(order)
        self.headers.append(dict(request.headers))
        if self.answer is not None:
            return self.answer(order)
        if "out_trade_no" in order:  # a standard payment
            return Response(text_of({"prepay_id": "pp-" + order["out_trade_no"]}), content_type="application/json")
        prepay_id = "pp-" + order["outTradeNo"]
        return Response(text_of({"returnCode": "0", "data": {"prepayId": prepay_id}}), content_type="application/json")


@pytest.fixture
def backend(httpserver, settings, orbit) -> StandIn:
    """Orbit's backend, listening on this machine."""
    settings.LOCAL_DESTINATIONS = frozenset({f"{httpserver.host}:{httpserver.port}"})
    stand_in = StandIn(url=httpserver.url_for("/backend"))
    httpserver.expect_request("/backend/create-prepay-order", method="POST").respond_with_handler(stand_in)
    httpserver.expect_request("/backend/v3/pay/transactions/jsapi", method="POST").respond_with_handler(stand_in)
    orbit.backend_url = stand_in.url
    orbit.sealed_secret_key = secrets.seal(SECRET, bound_to=orbit.secret_binding)
    orbit.save()
    return stand_in


@pytest.fixture
def shop(backend, starfall, team_admin, approver, issued) -> Shop:
    """Starfall, a mini game, with a signed-in player."""
    starfall.superapp.refresh_from_db()
    return open_shop(starfall, team_admin, approver, issued, serial_no="A1").sign_in()


@pytest.fixture
def seller(shop, team_admin, approver) -> Shop:
    """The same, which may take standard payments too."""
    own = owners_of(shop.program)
    row = PaymentRequest.objects.create(**own, program=shop.program, type="standard", requested_by=team_admin)
    PaymentRequest.objects.filter(pk=row.pk).update(state="approved", decided_by=approver)
    return shop


@pytest.fixture
def reader(backend, harbor_reader, stranger, approver, issued) -> Shop:
    """Harbor Reader, a mini program of the other team, with a signed-in player."""
    harbor_reader.superapp.refresh_from_db()
    return open_shop(harbor_reader, stranger, approver, issued, serial_no="B2").sign_in()
