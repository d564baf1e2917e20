"""Signatures of openServer's callers (docs/domain.md, sections 5 and 5.9); vectors in tests/vectors/signatures.json.

Nothing is ever re-serialised: what was signed is the text or the bytes as they came. Comparisons take constant time, on
bytes, and a key that is not set verifies nothing.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from openserver.errors import ApiError
from orders.webhooks import pay_event_sig as pay_event_sig

SCHEME = "SAS-SHA256-RSA2048"
MAX_CLOCK_SKEW = 300  # seconds, either way
MAX_AUTHORIZATION = 2048  # characters

_HEX_64 = re.compile(r"[0-9a-f]{64}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{8,10}")
_PARAMETER = re.compile(r'([a-z_]+)="([^"\\]*)"')


class SignatureFormat(ApiError):
    """A signature that is not 64 lower-case hexadecimal digits."""

    def __init__(self, field: str) -> None:
        super().__init__("SIG_FORMAT", f"{field} must be 64 lower-case hexadecimal digits (HMAC-SHA256). Check how it is made.")


class SuperappAuth(NamedTuple):
    """The four SAS-* headers of a superapp, well-formed but not yet verified. `timestamp` in seconds since 1970 UTC."""

    superapp: str
    timestamp: int
    nonce: str
    signature: str


class DeveloperAuth(NamedTuple):
    """An Authorization header of a developer, well-formed but not yet verified. `timestamp` in seconds since 1970 UTC."""

    app_id: str
    serial_no: str
    timestamp: int
    nonce: str
    signature: bytes


# --- Signatures inside an order and a notification ----------------------------------------------------------------------


def pay_sig(method: str, sign_data: str, app_key: str) -> str:
    """Return paySig: HMAC-SHA256 of `method + "&" + sign_data` with the AppKey's text, in hex. Raises ValueError: no key."""
    return _hmac_hex(app_key, _bytes(f"{method}&{sign_data}"))


def session_signature(sign_data: str, session_key: str) -> str:
    """Return the user-state signature: HMAC-SHA256 of `sign_data` with the session_key's text, in hex.

    Raises ValueError without a key.
    """
    return _hmac_hex(session_key, _bytes(sign_data))


def verify_pay_sig(provided: object, *, method: str, sign_data: str, app_keys: Sequence[str]) -> bool:
    """Say whether `provided` is the paySig under one of `app_keys` (two during an overlap). Raises SignatureFormat."""
    return verify(provided, message=_bytes(f"{method}&{sign_data}"), keys=app_keys, field="paySig")


def verify_session_signature(provided: object, *, sign_data: str, session_key: str) -> bool:
    """Say whether `provided` is the user-state signature of `sign_data`. Raises SignatureFormat."""
    return verify(provided, message=_bytes(sign_data), keys=[session_key], field="signature")


def verify_pay_event_sig(provided: object, *, event: str, payload: str, app_keys: Sequence[str]) -> bool:
    """Say whether `provided` is the PayEventSig under one of `app_keys`. Raises SignatureFormat."""
    return verify(provided, message=_bytes(f"{event}&{payload}"), keys=app_keys, field="PayEventSig")


def verify(provided: object, *, message: bytes, keys: Sequence[str], field: str) -> bool:
    """Say whether `provided` is the HMAC-SHA256 of `message` in hex under one of `keys`; an empty key verifies nothing.

    Raises SignatureFormat when `provided` is not exactly 64 lower-case hexadecimal digits.
    """
    if not isinstance(provided, str) or not _HEX_64.fullmatch(provided):
        raise SignatureFormat(field)
    # Every key is tried, so that the time does not tell which one fitted.
    results = [_equal(provided, _hmac_hex(key, message)) for key in keys if key]
    return any(results)


# --- Who calls: superapps by HMAC, developers by certificate ----------------------------------------------------------------


def sas_string(method: str, path_and_query: str, timestamp: int | str, nonce: str, body: bytes) -> bytes:
    """Return the five lines that are signed: `METHOD\\nPATH?QUERY\\nTIMESTAMP\\nNONCE\\nBODY\\n`.

    Path and query as they stand in the request line. Raises ValueError for a line break before the body: lines could be
    moved from one field into another under the same signature.
    """
    lines = (method, path_and_query, str(timestamp), nonce)
    if any("\n" in line for line in lines):
        raise ValueError("A signed line holds a line break.")
    return _bytes("\n".join(lines)) + b"\n" + body + b"\n"


def sign_superapp(
    *, superapp: str, secret_key: str, method: str, path_and_query: str, body: bytes, timestamp: int, nonce: str
) -> dict[str, str]:
    """Return the SAS-* headers of a call between openServer and a superapp's backend, in either direction.

    `timestamp` in seconds since 1970 UTC. Raises ValueError without a key.
    """
    return {
        "SAS-Superapp": superapp,
        "SAS-Timestamp": str(timestamp),
        "SAS-Nonce": nonce,
        "SAS-Signature": _hmac_hex(secret_key, sas_string(method, path_and_query, timestamp, nonce, body)),
    }


def read_superapp_headers(headers: Mapping[str, str]) -> SuperappAuth:
    """Return the SAS-* headers, well-formed; `headers` must not care about case (Django's do not). Raises AUTH_INVALID."""
    superapp = _header(headers, "SAS-Superapp", _IDENTIFIER)
    timestamp = _header(headers, "SAS-Timestamp", _TIMESTAMP)
    nonce = _header(headers, "SAS-Nonce", _NONCE)
    return SuperappAuth(superapp, int(timestamp), nonce, _header(headers, "SAS-Signature", _HEX_64))


def verify_superapp(auth: SuperappAuth, *, secret_key: str, method: str, path_and_query: str, body: bytes, now: float) -> None:
    """Accept a superapp's call or raise ApiError AUTH_INVALID. `now` in seconds since 1970 UTC.

    The caller must still spend the nonce (once per superapp, kept in the database).
    """
    _check_clock(auth.timestamp, now)
    message = sas_string(method, path_and_query, auth.timestamp, auth.nonce, body)
    if not secret_key or not _equal(auth.signature, _hmac_hex(secret_key, message)):
        raise _refused("SAS-Signature does not fit this request. Sign the five lines as sent, with the superapp's secret key.")


def sign_developer(
    private_key: RSAPrivateKey,
    *,
    app_id: str,
    serial_no: str,
    method: str,
    path_and_query: str,
    body: bytes,
    timestamp: int,
    nonce: str,
) -> str:
    """Return the Authorization header of a developer's call (RSA-SHA256, PKCS#1 v1.5). `timestamp` in seconds since 1970 UTC."""
    signed = sas_string(method, path_and_query, timestamp, nonce, body)
    signature = base64.b64encode(private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode("ascii")
    return (
        f'{SCHEME} appid="{app_id}",serial_no="{serial_no}",timestamp="{timestamp}",nonce_str="{nonce}",signature="{signature}"'
    )


def parse_authorization(header: str) -> DeveloperAuth:
    """Return the five parameters of a developer's Authorization header, in any order, each once. Raises AUTH_INVALID."""
    scheme, _space, rest = header[: MAX_AUTHORIZATION + 1].partition(" ")
    if scheme != SCHEME or len(header) > MAX_AUTHORIZATION:
        raise _refused(f"The Authorization header must begin with {SCHEME} and have at most {MAX_AUTHORIZATION} characters.")
    values = _parameters(rest)
    return DeveloperAuth(
        _header(values, "appid", _IDENTIFIER),
        _header(values, "serial_no", _IDENTIFIER),
        int(_header(values, "timestamp", _TIMESTAMP)),
        _header(values, "nonce_str", _NONCE),
        _base64(values["signature"]),
    )


def verify_developer(
    public_key: RSAPublicKey, auth: DeveloperAuth, *, method: str, path_and_query: str, body: bytes, now: float
) -> None:
    """Accept a developer's call signed with the issued certificate's key, or raise ApiError AUTH_INVALID.

    `now` in seconds since 1970 UTC. The caller looks up the certificate by `auth.serial_no`, checks that it is the app's and
    neither revoked nor expired, and spends the nonce.
    """
    _check_clock(auth.timestamp, now)
    message = sas_string(method, path_and_query, auth.timestamp, auth.nonce, body)
    try:
        public_key.verify(auth.signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise _refused("The signature does not fit this request. Sign the five lines with the certificate's key.") from None


def tc_headers(timestamp_ms: int, secret_key: str, merchant_id: str) -> dict[str, str]:
    """Return the headers of the compatibility switch: TC-Signature is AES-ECB-PKCS7 of the millisecond timestamp, in hex.

    Decision: the key is the secret key's UTF-8 bytes if they are 16, 24 or 32, otherwise their SHA-256 (AES-256), because the
    documents name no derivation and our secret keys are longer. ECB is their choice; these headers prove nothing to us.
    Raises ValueError without a key.
    """
    if not secret_key:
        raise ValueError("A secret key that is not set signs nothing.")
    key = _bytes(secret_key)
    if len(key) not in (16, 24, 32):
        key = hashlib.sha256(key).digest()
    padder = PKCS7(128).padder()
    padded = padder.update(str(timestamp_ms).encode("ascii")) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    signature = (encryptor.update(padded) + encryptor.finalize()).hex()
    return {"TC-Timestamp": str(timestamp_ms), "TC-Signature": signature, "TC-MerchantId": merchant_id}


def _hmac_hex(key: str, message: bytes) -> str:
    if not key:
        raise ValueError("A key that is not set signs nothing.")
    return hmac.digest(_bytes(key), message, "sha256").hex()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _check_clock(timestamp: int, now: float) -> None:
    if abs(now - timestamp) > MAX_CLOCK_SKEW:
        raise _refused(f"The timestamp is more than {MAX_CLOCK_SKEW} seconds from our clock. Send seconds since 1970, UTC.")


def _header(values: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str:
    value = values.get(name) or ""
    if not pattern.fullmatch(value):
        raise _refused(f"{name} is missing or malformed. Send it as documented (docs/integrating.md).")
    return value


def _parameters(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in text.split(","):
        match = _PARAMETER.fullmatch(part.strip(" "))
        if match is None or match[1] in values:
            raise _refused('The Authorization header is malformed: each parameter once, as name="value", separated by commas.')
        values[match[1]] = match[2]
    if values.keys() != {"appid", "serial_no", "timestamp", "nonce_str", "signature"}:
        raise _refused("The Authorization header needs appid, serial_no, timestamp, nonce_str and signature, and nothing else.")
    return values


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("The signature is not standard base64.") from None


def _refused(message: str) -> ApiError:
    return ApiError("AUTH_INVALID", message)


def _bytes(value: str) -> bytes:
    # As in orders.webhooks: a check answers no, it does not raise.
    return value.encode("utf-8", "surrogatepass")
