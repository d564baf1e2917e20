"""Signatures of orders and pushes. Python 3.9 or newer, standard library only."""

import base64
import hashlib
import hmac
import time


def utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half a character is wrong, but must not raise


def hmac_hex(key: str, text: str) -> str:
    return hmac.new(utf8(key), utf8(text), hashlib.sha256).hexdigest()


def pay_sig(method: str, sign_data: str, app_key: str) -> str:
    """paySig of an order; send exactly this sign_data, never one that was serialised again."""
    return hmac_hex(app_key, f"{method}&{sign_data}")


def session_signature(sign_data: str, session_key: str) -> str:
    """The user-state signature of an order."""
    return hmac_hex(session_key, sign_data)


def push_fits(envelope: dict, app_keys: list[str]) -> bool:
    """Whether PayEventSig of a received push fits; app_keys has two entries during a rotation."""
    event, payload, given = (envelope.get(name) for name in ("Event", "Payload", "PayEventSig"))
    if not (isinstance(event, str) and isinstance(payload, str) and isinstance(given, str)):
        return False
    expected = [hmac_hex(key, f"{event}&{payload}") for key in app_keys if key]
    return any(hmac.compare_digest(utf8(given), utf8(each)) for each in expected)


def webhook_fits(headers: dict, body: bytes, app_keys: list[str], tolerance: int = 300) -> bool:
    """Whether one part of webhook-signature fits; names of headers in lower case, body as it came, tolerance in seconds."""
    sent_at = headers.get("webhook-timestamp", "")
    if not (sent_at.isascii() and sent_at.isdigit()) or abs(time.time() - int(sent_at)) > tolerance:
        return False
    signed = f"{headers.get('webhook-id', '')}.{sent_at}.".encode() + body
    given = utf8(headers.get("webhook-signature", "")).split(b" ")
    keys = [base64.b64decode(key) for key in app_keys if key]
    expected = [b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)
