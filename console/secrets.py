"""The one door for secrets at rest: what is stored is sealed here and opened here (docs/architecture.md).

A sealed value is the printable text `v1.<key id>.<wrapped data key>.<ciphertext>`. Every value has a fresh 256-bit data key;
AES-256-GCM encrypts the value with the data key and the data key with the current master key of `settings.MASTER_KEYS`. Both
are bound to the place the value belongs to, `table:row:field`: moved to another row or column it does not open.
The key id is bound to the wrapped key only, so a change of master key (`rewrap`) leaves the ciphertext as it is.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.translation import gettext as _

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12
# No 0/o, 1/i/l: somebody will read it from a screen and type it.
PASSPHRASE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
# 31 letters carry 4.95 bits each: 28 of them 138 bits, the first multiple of four above 128.
PASSPHRASE_GROUPS, PASSPHRASE_GROUP_LENGTH = 7, 4


class SecretError(Exception):
    """A sealed value cannot be opened or made; the sentence says why and never holds the value."""


class _Sealed(NamedTuple):
    key_id: str
    wrapped: bytes
    ciphertext: bytes


def seal(value: bytes | str, *, bound_to: str) -> str:
    """Return `value` encrypted under the current master key, bound to `bound_to` ("table:row:field").

    Raises SecretError when there is no master key or no place to bind to.
    """
    data_key = AESGCM.generate_key(KEY_BYTES * 8)
    key_id = _current_key_id()
    wrapped = _encrypt(_master_key(key_id), data_key, _wrap_context(key_id, bound_to))
    ciphertext = _encrypt(data_key, _bytes(value), _value_context(bound_to))
    return _join(_Sealed(key_id, wrapped, ciphertext))


def unseal(sealed: str, *, bound_to: str) -> bytes:
    """Return the bytes sealed for `bound_to`.

    Raises SecretError: not a sealed value, unknown master key, altered, or sealed for another row or field.
    """
    parts = _split(sealed)
    return _decrypt(_data_key(parts, bound_to), parts.ciphertext, _value_context(bound_to))


def rewrap(sealed: str, *, bound_to: str) -> str:
    """Return the same ciphertext with its data key wrapped by the current master key. Raises SecretError as `unseal` does.

    The value itself is not decrypted, so a rotation of the master key never has secrets in hand. Repeating it is harmless.
    """
    parts = _split(sealed)
    data_key, key_id = _data_key(parts, bound_to), _current_key_id()
    if parts.key_id == key_id:
        return sealed
    return _join(_Sealed(key_id, _encrypt(_master_key(key_id), data_key, _wrap_context(key_id, bound_to)), parts.ciphertext))


def key_id_of(sealed: str) -> str:
    """Return the id of the master key that wraps `sealed`. Raises SecretError."""
    return _split(sealed).key_id


def is_current(sealed: str) -> bool:
    """Say whether `sealed` is wrapped by the current master key; what is not, is due for `rewrap`. Raises SecretError."""
    return key_id_of(sealed) == _current_key_id()


def fingerprint(value: bytes | str) -> str:
    """Return 16 hexadecimal digits of the value's SHA-256: enough to recognise a key on a page, useless to guess it."""
    return hashlib.sha256(_bytes(value)).hexdigest()[:16]


def new_app_key() -> str:
    """Return a new AppKey: 32 random bytes in standard base64 (docs/domain.md, section 5)."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def new_passphrase() -> str:
    """Return a machine-made passphrase of at least 128 bits, as in `k7mp-…`: lower case, digits and hyphens."""
    groups = (
        "".join(secrets.choice(PASSPHRASE_ALPHABET) for _i in range(PASSPHRASE_GROUP_LENGTH)) for _g in range(PASSPHRASE_GROUPS)
    )
    return "-".join(groups)


def constant_time_equal(one: bytes | str, other: bytes | str) -> bool:
    """Compare on bytes, in a time that does not depend on where they differ."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _data_key(parts: _Sealed, bound_to: str) -> bytes:
    return _decrypt(_master_key(parts.key_id), parts.wrapped, _wrap_context(parts.key_id, bound_to))


def _current_key_id() -> str:
    for key_id in settings.MASTER_KEYS:
        return str(key_id)
    raise SecretError(_("There is no master key. Set MASTER_KEYS (docs/operations.md)."))


def _master_key(key_id: str) -> bytes:
    key: bytes | None = settings.MASTER_KEYS.get(key_id)
    if key is None:
        raise SecretError(
            _("The master key “%(key_id)s” is not in MASTER_KEYS. Put it back, after the current one, until all is rewrapped.")
            % {"key_id": key_id}
        )
    return key


def _wrap_context(key_id: str, bound_to: str) -> bytes:
    _require_place(bound_to)
    return f"{VERSION}|data key|{key_id}|{bound_to}".encode()


def _value_context(bound_to: str) -> bytes:
    _require_place(bound_to)
    return f"{VERSION}|value|{bound_to}".encode()


def _require_place(bound_to: str) -> None:
    # A value bound to "credential::app_key" (a row without an id yet) would open in every row.
    if not bound_to or not all(bound_to.split(":")) or "None" in bound_to.split(":"):
        raise SecretError(_("A secret is bound to “table:row:field”, and none of the three may be empty."))


def _encrypt(key: bytes, plain: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def _decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise SecretError(_("The secret does not open: it was altered, or sealed for another row or field.")) from error


def _join(parts: _Sealed) -> str:
    return f"{VERSION}.{parts.key_id}.{_to_text(parts.wrapped)}.{_to_text(parts.ciphertext)}"


def _split(sealed: str) -> _Sealed:
    try:
        version_and_key, wrapped, ciphertext = sealed.rsplit(".", 2)
        version, key_id = version_and_key.split(".", 1)
        if version != VERSION or not key_id:
            raise ValueError(version)
        return _Sealed(key_id, _from_text(wrapped), _from_text(ciphertext))
    except (ValueError, binascii.Error) as error:
        raise SecretError(
            _("This is not a sealed value: it does not begin with “v1.” and a key id, or it is cut off.")
        ) from error


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _from_text(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value)
