"""Opened keys, kept in memory by their sealed text: what a sealed text opens to never changes, and opening costs two AES runs."""

from functools import lru_cache

from console import secrets
from openserver.facts import Key
from orders.models import Environment


@lru_cache(maxsize=4096)
def opened(sealed: str, bound_to: str) -> str:
    """Return the text sealed for `bound_to`, "" when nothing is set. Raises SecretError."""
    return secrets.unseal(sealed, bound_to=bound_to).decode() if sealed else ""


def app_key(key: Key, env: int) -> str:
    """Return the AppKey of an environment (0 live, 1 sandbox) of one credential."""
    sealed, field = (key.sealed_live, "live_key") if env == Environment.LIVE else (key.sealed_sandbox, "sandbox_key")
    return opened(sealed, f"credential:{key.serial_no}:{field}")


def session_key_binding(token_hash: str) -> str:
    """What a player's session key is bound to: the hash of the token is known before the row is."""
    return f"player_session:{token_hash}:session_key"
