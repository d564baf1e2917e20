"""The AppKeys and certificates that are accepted now, for openServer and the delivery dispatcher."""

from collections import defaultdict
from collections.abc import Iterable
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
    return keys_of_programs([mini_program_id], env).get(mini_program_id, [])


def has_keys(mini_program_id: int) -> bool:
    """Whether anything signs and verifies for this mini program now; nothing is unsealed."""
    return Credential.objects.filter(_accepted_now(timezone.now()), mini_program_id=mini_program_id).exists()


def keys_of_programs(mini_program_ids: Iterable[int], env: int) -> dict[int, list[AppKey]]:
    """As `accepted_keys` for many mini programs at once, by their ids; those without a key are left out."""
    name = "live_key" if env == LIVE else "sandbox_key"
    rows = Credential.objects.filter(_accepted_now(timezone.now()), mini_program_id__in=mini_program_ids)
    columns = ("mini_program_id", "pk", "serial_no", f"sealed_{name}", f"{name}_fingerprint")
    found = defaultdict[int, list[AppKey]](list)
    # "active" sorts before "overlapping"; among those the newest first.
    for program_id, pk, serial, sealed, mark in rows.order_by("state", "-issued_at").values_list(*columns):
        found[program_id].append(AppKey(_text(sealed, f"credential:{serial}:{name}"), pk, mark))
    return found


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
