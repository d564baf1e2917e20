"""A superapp's backend: opens sessions, answers create-prepay-order, tells of payments. Python 3.9 or newer.

The settings are environment variables: OPENSERVER (https://…), SUPERAPP (its id), SECRET_KEY (two during a replacement, separated
by a comma, the one to sign with first), STORE (a folder), PORT.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SETTINGS = os.environ
SECRET_KEYS = SETTINGS["SECRET_KEY"].split(",")
SEEN: set = set()  # nonces of the last ten minutes; a table if you have several processes


def signature(key: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """SAS-Signature: HMAC-SHA256 in lower-case hex over five lines, each with a line feed at its end."""
    signed = f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


# --- Calls to openServer ---------------------------------------------------------------------------------------------------


def call(path: str, content: object) -> dict:
    """Call openServer and return its answer. A new nonce each time, also when the same content is sent again."""
    body, now, nonce = json.dumps(content).encode(), str(int(time.time())), secrets.token_hex(16)
    headers = {"SAS-Superapp": SETTINGS["SUPERAPP"], "SAS-Timestamp": now, "SAS-Nonce": nonce, "Content-Type": "application/json"}
    headers["SAS-Signature"] = signature(SECRET_KEYS[0], "POST", path, now, nonce, body)
    request = urllib.request.Request(SETTINGS["OPENSERVER"] + path, body, headers, method="POST")
    try:
        return json.load(urllib.request.urlopen(request, timeout=20))
    except urllib.error.HTTPError as error:
        return json.load(error)


def notify_paid(order: dict, app_key: str) -> dict:
    """Tell that an order was paid. Repeat until returnCode is "0"; `order` is what create-prepay-order brought."""
    goods = {"ProductId": order["productId"], "Quantity": order["quantity"], "ZoneId": "", "OrigPrice": order["unitPrice"]}
    goods.update(ActualPrice=order["unitPrice"], Attach=order["attach"], OrderSource=1)
    payload = {"OpenId": order["openId"], "Env": order["env"], "OutTradeNo": order["outTradeNo"], "GoodsInfo": goods}
    event, text = "minigame_game_pay_goods_deliver_notify", json.dumps(payload)
    fits = hmac.new(app_key.encode(), f"{event}&{text}".encode(), hashlib.sha256).hexdigest()
    body = {"EventType": "event", "Event": event, "PayModel": "wallet", "Payload": text, "PayEventSig": fits}
    return call("/openserver/v1/payment-notifications", body)


# --- What openServer calls -------------------------------------------------------------------------------------------------


def is_openserver(headers: dict, method: str, path: str, body: bytes) -> bool:
    """Whether openServer signed this request just now, and it did not come before."""
    sent_at, nonce = headers.get("sas-timestamp", ""), headers.get("sas-nonce", "")
    if not (sent_at.isascii() and sent_at.isdigit()) or abs(time.time() - int(sent_at)) > 300 or nonce in SEEN:
        return False
    given = headers.get("sas-signature", "").encode()
    expected = [signature(key, method, path, sent_at, nonce, body).encode() for key in SECRET_KEYS]
    if not any(hmac.compare_digest(given, each) for each in expected):
        return False
    SEEN.add(nonce)
    return True


def prepay(order: dict) -> str:
    """The prepay id: one for each order number, the same again. The file stands for an INSERT with a unique key."""
    name = hashlib.sha256(f"{order['appId']} {order['env']} {order['outTradeNo']}".encode()).hexdigest()
    path = os.path.join(SETTINGS["STORE"], name)
    try:
        with open(path, "x") as file:
            json.dump({**order, "prepayId": "pp" + secrets.token_hex(12)}, file)
    except FileExistsError:
        pass
    with open(path) as file:
        return json.load(file)["prepayId"]


class Backend(BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 65536))
        names = {name.lower(): value for name, value in self.headers.items()}
        if not is_openserver(names, "POST", self.path, body):
            self.answer(401, {"returnCode": "AUTH_INVALID"})
        elif self.path.endswith("/create-prepay-order"):
            self.answer(200, {"returnCode": "0", "data": {"prepayId": prepay(json.loads(body))}})
        else:
            self.answer(404, {"returnCode": "NOT_FOUND"})

    def answer(self, status: int, content: dict) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "serve":
        server = ThreadingHTTPServer(("127.0.0.1", int(SETTINGS["PORT"])), Backend)
        print("listening", server.server_port, flush=True)
        server.serve_forever()
    elif verb == "session":
        print(json.dumps(call("/openserver/v1/sessions", {"appId": rest[0], "openId": rest[1]})["data"]))
    elif verb == "paid":
        with open(rest[0]) as file:
            print(json.dumps(notify_paid(json.load(file), rest[1])))
