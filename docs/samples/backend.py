"""A backend of a mini program: signs orders, receives pushes, asks how an order stands.

Python 3.9 or newer with `pip install cryptography`. The settings are environment variables:
OPENSERVER (https://…), APP_ID, SERIAL_NO, KEY_FILE (the private key in PEM), APP_KEY_LIVE, APP_KEY_SANDBOX, STORE (a folder),
MERCHANT_ID for a mini program (a mini game leaves it out), PORT for the receiver.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from signatures import pay_sig, push_fits, session_signature

SETTINGS = os.environ
# During a rotation each list has two keys: the new one and the old one, separated by a comma.
APP_KEYS = {env: SETTINGS.get(name, "").split(",") for env, name in enumerate(("APP_KEY_LIVE", "APP_KEY_SANDBOX"))}


# --- Calls to openServer, signed with the certificate's key ---------------------------------------------------------------


def call(method: str, path: str, content: object = None) -> dict:
    """Call openServer and return `data`. Raises RuntimeError with its code and message."""
    body = json.dumps(content) if content is not None else ""
    now, nonce = str(int(time.time())), secrets.token_hex(16)
    with open(SETTINGS["KEY_FILE"], "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    signed = f"{method}\n{path}\n{now}\n{nonce}\n{body}\n".encode()
    signature = base64.b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
    fields = {"appid": SETTINGS["APP_ID"], "serial_no": SETTINGS["SERIAL_NO"], "timestamp": now, "nonce_str": nonce}
    parts = ",".join(f'{name}="{value}"' for name, value in {**fields, "signature": signature}.items())
    headers = {"Authorization": f"SAS-SHA256-RSA2048 {parts}", "Content-Type": "application/json"}
    request = urllib.request.Request(SETTINGS["OPENSERVER"] + path, body.encode() or None, headers, method=method)
    try:
        answer = json.load(urllib.request.urlopen(request, timeout=20))
    except urllib.error.HTTPError as error:
        answer = json.load(error)
    if answer["returnCode"] != "0":
        raise RuntimeError(f"{answer['returnCode']}: {answer['returnMessage']}")
    return answer["data"]


# --- Place: the backend signs, the client SDK sends ------------------------------------------------------------------------


def signed_order(code: str, product_id: str, unit_price: int, currency: str, quantity: int = 1, env: int = 0) -> dict:
    """What the client SDK needs to place an order. `unit_price` in minor units; `code` is the player's, and works once."""
    session = call("POST", "/openserver/v1/jscode2session", {"appId": SETTINGS["APP_ID"], "code": code})
    number = "N" + secrets.token_hex(12)  # store it with the player before you hand it out; never use it again
    data = {"env": env, "outTradeNo": number, "productId": product_id, "goodsPrice": unit_price}
    data.update(buyQuantity=quantity, currencyType=currency, attach="")
    if "MERCHANT_ID" in SETTINGS:
        method, more = "requestVirtualPayment", {"mode": "short_series_goods"}
        data["offerId"] = SETTINGS["MERCHANT_ID"]
    else:
        method, more = "requestMidasPaymentGameItem", {}
        data.update(mode="goods", platform="android")
    text = json.dumps(data)  # from here on this very text: signed, sent, never written again
    signed = {"paySig": pay_sig(method, text, APP_KEYS[env][0]), "signature": session_signature(text, session["sessionKey"])}
    return {"method": method, "signData": text, **signed, **more}


# --- Verify and acknowledge ------------------------------------------------------------------------------------------------


def deliver_once(key: str, payload: dict) -> None:
    """Give the player what was paid, once for each key. The file stands for an INSERT with a unique key, in your transaction."""
    try:
        with open(os.path.join(SETTINGS["STORE"], hashlib.sha256(key.encode()).hexdigest()), "x") as file:
            json.dump(payload, file)
    except FileExistsError:
        pass  # the same push again: acknowledged, and nothing happens


def receive(body: bytes) -> tuple:
    """Status and returnCode for one push. "0" only after it was verified and stored."""
    try:
        envelope = json.loads(body)
        payload = json.loads(envelope["Payload"])
        keys = APP_KEYS[int(payload["Env"])]
    except (ValueError, TypeError, LookupError, RecursionError):
        return 400, "BAD_PUSH"
    if not push_fits(envelope, keys):
        return 401, "BAD_SIGNATURE"
    if envelope.get("IsMock") is True:
        return 200, "0"  # a test push: nothing to deliver
    number = str(payload.get("OutTradeNo"))
    if envelope["Event"] == "minigame_game_pay_goods_deliver_notify":
        deliver_once(f"goods {payload['Env']} {number}", payload)
    elif envelope["Event"] == "minigame_pay_refund_notify":
        deliver_once(f"refund {payload['Env']} {payload.get('RefundNo')}", payload)
    return 200, "0"


class Receiver(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        status, code = receive(self.rfile.read(length)) if length <= 65536 else (413, "TOO_LARGE")
        answer = json.dumps({"returnCode": code, "returnMessage": code, "data": "", "requestId": secrets.token_hex(8)}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


# --- Query -----------------------------------------------------------------------------------------------------------------


def query(number: str, env: int = 0) -> dict:
    """How an order stands: payment, delivery, refund, amounts in minor units."""
    return call("GET", f"/openserver/v1/orders/{number}?appId={SETTINGS['APP_ID']}&env={env}")


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "serve":
        server = ThreadingHTTPServer(("127.0.0.1", int(SETTINGS["PORT"])), Receiver)
        print("listening", server.server_port, flush=True)
        server.serve_forever()
    elif verb == "order":
        print(json.dumps(signed_order(rest[0], rest[1], int(rest[2]), rest[3])))
    elif verb == "query":
        print(json.dumps(query(rest[0])))
