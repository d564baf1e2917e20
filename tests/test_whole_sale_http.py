"""One sale by a plain HTTP client that knows var/demo.json and the wire formats of docs/domain.md, and none of our code."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

GOODS, REFUND = "minigame_game_pay_goods_deliver_notify", "minigame_pay_refund_notify"
METHODS = {"mini_game": "requestMidasPaymentGameItem", "mini_program": "requestVirtualPayment"}


def hmac_hex(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Client:
    """Plays the superapp, the developer and the SDK of one mini program."""

    def __init__(self, demo: dict[str, Any], program: dict[str, Any]) -> None:
        self.demo, self.program = demo, program
        self.key = serialization.load_pem_private_key(Path(program["certificate"]["key_file"]).read_bytes(), None)

    def send(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        where = urlsplit(self.demo["base_url"])
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        connection.request(method, path, body.encode(), {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    def as_superapp(self, method: str, path: str, body: str = "") -> tuple[int, dict[str, Any]]:
        superapp, now, nonce = self.demo["superapp"], str(int(time.time())), secrets.token_hex(16)
        signature = hmac_hex(superapp["secret_key"], f"{method}\n{path}\n{now}\n{nonce}\n{body}\n")
        names = {"SAS-Superapp": superapp["id"], "SAS-Timestamp": now, "SAS-Nonce": nonce, "SAS-Signature": signature}
        return self.send(method, path, body, names)

    def as_developer(self, method: str, path: str, body: str = "") -> tuple[int, dict[str, Any]]:
        now, nonce = str(int(time.time())), secrets.token_hex(16)
        signed = f"{method}\n{path}\n{now}\n{nonce}\n{body}\n".encode()
        signature = base64.b64encode(self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()  # type: ignore
        serial_no = self.program["certificate"]["serial_no"]
        value = f'appid="{self.program["app_id"]}",serial_no="{serial_no}",timestamp="{now}",nonce_str="{nonce}"'
        return self.send(method, path, body, {"Authorization": f'SAS-SHA256-RSA2048 {value},signature="{signature}"'})

    def session(self, open_id: str) -> dict[str, Any]:
        """A player opens the mini program: superapp and developer each get their half."""
        _status, opened = self.as_superapp(
            "POST", "/openserver/v1/sessions", json.dumps({"appId": self.program["app_id"], "openId": open_id})
        )
        _status, exchanged = self.as_developer(
            "POST", "/openserver/v1/jscode2session", json.dumps({"appId": self.program["app_id"], "code": opened["data"]["code"]})
        )
        assert exchanged["data"]["openId"] == open_id
        return {"token": opened["data"]["token"], "session_key": exchanged["data"]["sessionKey"]}

    def order(self, session: dict[str, Any], item: dict[str, Any], number: str, quantity: int) -> dict[str, Any]:
        """The signed body of POST orders."""
        game = self.program["kind"] == "mini_game"
        data = {"buyQuantity": quantity, "env": 0, "currencyType": item["currency"], "productId": item["product_id"]}
        data |= {"goodsPrice": item["price"], "outTradeNo": number, "attach": "from a plain client"}
        data |= {"mode": "goods", "platform": "android"} if game else {"offerId": self.program["merchant_id"]}
        text, method = json.dumps(data), METHODS[self.program["kind"]]
        signed = {"token": session["token"], "method": method, "signData": text}
        signed["paySig"] = hmac_hex(self.program["app_keys"]["live"], f"{method}&{text}")
        signed["signature"] = hmac_hex(session["session_key"], text)
        return signed if game else {**signed, "mode": "short_series_goods"}

    def notify(self, event: str, path: str, payload: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        text = json.dumps(payload)
        signature = hmac_hex(self.program["app_keys"]["live"], f"{event}&{text}")
        body = {"EventType": "event", "Event": event, "PayModel": "wallet", "Payload": text, "PayEventSig": signature}
        return self.as_superapp("POST", f"/openserver/v1/{path}", json.dumps(body))

    def query(self, number: str) -> dict[str, Any]:
        status, answer = self.as_developer("GET", f"/openserver/v1/orders/{number}?appId={self.program['app_id']}")
        assert (status, answer["returnCode"]) == (200, "0"), answer
        return answer["data"]

    def query_until(self, number: str, state: str) -> dict[str, Any]:
        """Ask until the push has got so far; the dispatcher is woken by the payment itself."""
        while (found := self.query(number))["deliveryState"] != state:
            time.sleep(0.02)
        return found


@pytest.mark.parametrize(("name", "delivered"), [("Moonlit Cards", "delivered"), ("Harbor Reader", "held")])
def test_a_sale_from_session_to_refund(site, name, delivered):
    program = site.program(name)
    client, item = Client(site.demo, program), program["items"][0]
    order = client.order(client.session("o-plain-client"), item, "PLAIN-0001", 2)
    forged = order | {"paySig": hmac_hex(program["app_keys"]["sandbox"], f"{order['method']}&{order['signData']}")}
    status, refused = client.send("POST", "/openserver/v1/orders", json.dumps(forged))
    assert (status, refused["returnCode"]) == (401, "PAY_SIG_INVALID")
    status, placed = client.send("POST", "/openserver/v1/orders", json.dumps(order))
    assert (status, placed["returnCode"], placed["data"]["outTradeNo"]) == (200, "0", "PLAIN-0001"), placed
    assert client.send("POST", "/openserver/v1/orders", json.dumps(order))[1]["data"] == placed["data"]
    assert client.query("PLAIN-0001")["paymentState"] == "unpaid"

    goods = {"ProductId": item["product_id"], "Quantity": 2, "ZoneId": "1", "OrigPrice": item["price"]}
    goods |= {"ActualPrice": item["price"], "Attach": "from a plain client", "OrderSource": 1}
    paid = {"OpenId": "o-plain-client", "Env": 0, "OutTradeNo": "PLAIN-0001", "GoodsInfo": goods}
    assert client.notify(GOODS, "payment-notifications", paid)[1]["returnCode"] == "0"
    found = client.query_until("PLAIN-0001", delivered)
    assert (found["paymentState"], found["paidAmount"]) == ("paid", 2 * item["price"])

    refund = {"OpenId": "o-plain-client", "Env": 0, "OutTradeNo": "PLAIN-0001", "RefundNo": "R-1", "RefundAmount": item["price"]}
    refund |= {"Currency": item["currency"], "RefundReason": "one too many", "RefundStatus": "SUCCESS"}
    refund |= {"RefundStartTime": "2026-01-05T10:00:00Z", "RefundSuccTime": "2026-01-05T10:01:00Z"}
    assert client.notify(REFUND, "refund-notifications", refund)[1]["returnCode"] == "0"
    found = client.query("PLAIN-0001")
    assert (found["refundState"], found["refundedAmount"]) == ("partially_refunded", item["price"])
    too_much = refund | {"RefundNo": "R-2", "RefundAmount": item["price"] + 1}
    assert client.notify(REFUND, "refund-notifications", too_much)[1]["returnCode"] == "REFUND_EXCEEDS_PAID"


def test_a_standard_payment_from_placing_to_refund(site):
    program = site.program("Harbor Reader")
    client, app_id, merchant = Client(site.demo, program), program["app_id"], program["merchant_id"]
    developers = f"{site.url}/simulator/developer/{app_id}/"
    order = {"appid": app_id, "mchid": merchant, "description": "A printed book", "out_trade_no": "BOOK-1"}
    order |= {"notify_url": developers + "notify", "payer": {"openid": "o-plain-client"}}
    order |= {"amount": {"total": 1800, "currency": program["currency"]}}
    status, placed = client.as_developer("POST", "/openserver/v1/pay/transactions/jsapi", json.dumps(order))
    assert (status, placed["returnCode"]) == (200, "0"), placed
    assert client.as_developer("POST", "/openserver/v1/pay/transactions/jsapi", json.dumps(order))[1]["data"] == placed["data"]

    def tell(event: str, **told: Any) -> str:
        resource = {name: order[name] for name in ("appid", "mchid", "out_trade_no", "amount", "payer")} | told
        content = {"id": secrets.token_hex(4), "create_time": "2026-01-05T10:00:00Z", "event_type": event, "resource": resource}
        return client.as_superapp("POST", "/openserver/v1/pay/notifications", json.dumps(content))[1]["returnCode"]

    def stands() -> dict[str, Any]:
        path = f"/openserver/v1/pay/transactions/out-trade-no/BOOK-1?mchid={merchant}"
        return client.as_developer("GET", path)[1]["data"]

    assert stands()["trade_state"] == "WAIT_PAY"
    assert tell("TRANSACTION.SUCCESS", transaction_id="42001", trade_state="SUCCESS") == "0"
    assert (stands()["trade_state"], stands()["transaction_id"]) == ("SUCCESS", "42001")
    page = ""
    while "BOOK-1" not in page:  # the stand-in developers are told by the dispatcher
        page = urllib.request.urlopen(developers).read().decode()
        time.sleep(0.02)
    assert "TRANSACTION.SUCCESS" in page
    assert "200 · 0" in page  # and believed it: a wrong signature is answered with 401

    back = {"total": 1800, "refund": 800, "currency": program["currency"]}
    assert tell("REFUND.SUCCESS", out_refund_no="R-1", amount=back, success_time="2026-01-05T10:01:00Z") == "0"
    assert (stands()["trade_state"], stands()["refunded_total"]) == ("REFUND", 800)
    assert tell("REFUND.SUCCESS", out_refund_no="R-2", amount=back | {"refund": 1001}) == "REFUND_EXCEEDS_PAID"
