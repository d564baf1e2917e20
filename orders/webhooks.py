"""What makes a push trustworthy: PayEventSig and the three Standard Webhooks headers (docs/domain.md, section 5).

They are here and not in openserver because the dispatcher, which sends pushes, may not import to its right.
"""

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache


def pay_event_sig(event: str, payload: str, app_key: str) -> str:
    """Return PayEventSig: HMAC-SHA256 of `event + "&" + payload` as 64 lower-case hexadecimal digits.

    `payload` is the JSON *string* as sent; the key is the text of the AppKey. Raises ValueError for an empty key.
    """
    if not app_key:
        raise ValueError("An AppKey that is not set signs nothing.")
    return hmac.digest(_bytes(app_key), _bytes(f"{event}&{payload}"), "sha256").hex()


def webhook_headers(*, webhook_id: str, timestamp: int, body: bytes, app_keys: Sequence[str]) -> dict[str, str]:
    """Return the Standard Webhooks headers of `body`, one signature for each of `app_keys` (two during an overlap).

    `timestamp` is in seconds since 1970 UTC. The key is the AppKey's 32 *bytes*: receivers configure `whsec_` + AppKey.
    Raises ValueError without a key, or for an AppKey that is not base64, or for an id that holds a full stop.
    """
    if not app_keys or not all(app_keys):
        raise ValueError("An AppKey that is not set signs nothing.")
    if not webhook_id or "." in webhook_id:
        # The signed text is id.timestamp.body: a full stop in the id would make it ambiguous.
        raise ValueError("A webhook id is not empty and holds no full stop.")
    signed = f"{webhook_id}.{timestamp}.".encode("ascii") + body
    signatures = (hmac.digest(_webhook_key(key), signed, "sha256") for key in app_keys)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join("v1," + base64.b64encode(signature).decode("ascii") for signature in signatures),
    }


@lru_cache(maxsize=4096)
def _webhook_key(app_key: str) -> bytes:
    return base64.b64decode(app_key, validate=True)


def webhook_secret(app_key: str) -> str:
    """Return the text a Standard Webhooks library wants as its secret."""
    return f"whsec_{app_key}"


def _bytes(value: str) -> bytes:
    # Strict JSON refuses lone surrogates; "surrogatepass" keeps a signature check from raising if one comes another way.
    return value.encode("utf-8", "surrogatepass")
