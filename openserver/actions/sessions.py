"""Player sessions: opened by the superapp, exchanged by the developer (docs/openserver.md, "A player's session").

Neither is an audited verb: a session is a credential of minutes, opened for every visit of a player.
"""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from console import secrets as sealing
from console.models import MiniProgram
from openserver.errors import ApiError
from openserver.keys import opened, session_key_binding
from openserver.models import Nonce, PlayerSession
from payments.models import owners_of

LIFETIME = timedelta(hours=2)
NONCE_KEPT = timedelta(minutes=20)  # twice the clock window of 300 s either way
SESSION_KEPT = timedelta(days=1)  # after its end, so that a late caller reads "expired" and not "unknown"
BATCH = 5000


class Opened(NamedTuple):
    """What the superapp hands on: the code to the mini program, the token to the SDK. Neither is stored in clear."""

    code: str
    token: str
    expires_in: int


class Exchanged(NamedTuple):
    """What the developer's backend gets for a code; `expires_in` in seconds."""

    open_id: str
    session_key: str
    expires_in: int


def hashed(text: str) -> str:
    """SHA-256 hex: enough for random values of 256 bits, and useless to whoever reads the table."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_session(program: MiniProgram, *, open_id: str) -> Opened:
    """Open a session of LIFETIME for a player of `program`."""
    code, token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    session_key = base64.b64encode(secrets.token_bytes(24)).decode("ascii")
    PlayerSession.objects.create(
        **owners_of(program),
        open_id=open_id,
        code_hash=hashed(code),
        token_hash=hashed(token),
        sealed_session_key=sealing.seal(session_key, bound_to=session_key_binding(hashed(token))),
        expires_at=timezone.now() + LIFETIME,
    )
    return Opened(code, token, int(LIFETIME.total_seconds()))


def exchange_code(program: MiniProgram, *, code: str) -> Exchanged:
    """Give the session key for a code, once. Raises ApiError SESSION_INVALID (unknown or used) or SESSION_EXPIRED."""
    now, own = timezone.now(), PlayerSession.objects.filter(mini_program=program, code_hash=hashed(code))
    # One guarded update: of two callers at once one gets it.
    if not own.filter(code_used_at=None, expires_at__gt=now).update(code_used_at=now):
        if own.filter(code_used_at=None).exists():
            raise ApiError("SESSION_EXPIRED", "The code has expired. Let the player open the mini program again.")
        raise ApiError("SESSION_INVALID", "The code is unknown or was used before. Each code works once; get a new one.")
    session = own.get()
    left = int((session.expires_at - now).total_seconds())
    return Exchanged(session.open_id, opened(session.sealed_session_key, session_key_binding(session.token_hash)), left)


def prune() -> int:
    """Delete nonces outside the clock window and sessions long over, at most BATCH of each; returns how many rows."""
    now, gone = timezone.now(), 0
    for rows in (
        Nonce.objects.filter(seen_at__lt=now - NONCE_KEPT).order_by("seen_at"),
        PlayerSession.objects.filter(expires_at__lt=now - SESSION_KEPT).order_by("expires_at"),
    ):
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
        gone += rows.model._base_manager.filter(pk__in=ids).delete()[0]
    return gone
