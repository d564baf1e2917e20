"""The AppKeys and certificates that are accepted now, for openServer and the delivery dispatcher."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from console import secrets
from payments.models import Credential

LIVE, SANDBOX = 0, 1


class AppKey(NamedTuple):
    """An AppKey: its text (the HMAC key), the credential it belongs to, and the fingerprint that pages show."""

    text: str
    credential_id: int
    fingerprint: str


def _accepted_now(now: datetime) -> Q:
    overlapping = Q(state=Credential.State.OVERLAPPING, overlaps_until__gt=now)
    return Q(state=Credential.State.ACTIVE) | overlapping


def accepted_keys(mini_program_id: int, env: int) -> list[AppKey]:
    """The AppKeys of the environment (0 live, 1 sandbox) that sign and verify now: the active one first, then overlapping ones.

    One query; the texts are unsealed once per process. An empty list: nothing verifies. Raises ValueError for another `env`.
    """
    if env not in (LIVE, SANDBOX):
        raise ValueError(f"env is 0 (live) or 1 (sandbox), not {env!r}.")
    name = "live_key" if env == LIVE else "sandbox_key"
    rows = Credential.objects.filter(_accepted_now(timezone.now()), mini_program_id=mini_program_id)
    columns = ("pk", "serial_no", f"sealed_{name}", f"{name}_fingerprint")
    # "active" sorts before "overlapping"; among those the newest first.
    found = rows.order_by("state", "-issued_at").values_list(*columns)
    return [AppKey(_text(sealed, f"credential:{serial}:{name}"), pk, mark) for pk, serial, sealed, mark in found]


@lru_cache(maxsize=4096)
def _text(sealed: str, bound_to: str) -> str:
    """A sealed value never changes its meaning, so the text is kept by the sealed value itself."""
    return secrets.unseal(sealed, bound_to=bound_to).decode("ascii")


def certificate_by_serial(serial_no: str) -> Credential | None:
    """The credential with this serial number (hexadecimal, any case), if it is accepted now; with its mini program."""
    now = timezone.now()
    rows = Credential.objects.filter(_accepted_now(now), serial_no=serial_no.upper(), not_before__lte=now, not_after__gt=now)
    return rows.select_related("mini_program").first()


def note_old_use(*, credential_id: int | None = None, serial_no: str = "") -> None:
    """Count one use of a credential that overlaps: an order, a notification, a call. Of any other nothing is counted.

    Call it only when another key than the first fitted, so that nobody pays for it but those who still use an old one.
    """
    which = Q(serial_no=serial_no) if serial_no else Q(pk=credential_id)
    rows = Credential.objects.filter(which, state=Credential.State.OVERLAPPING)
    rows.update(old_uses=F("old_uses") + 1, old_used_at=Now())
