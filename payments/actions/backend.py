"""The superapp's backend: its address and the secret key that both sides sign with (docs/superapp.md).

A key is replaced without a gap: the new one is made and accepted, then it signs, then the old one ends.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console import secrets
from console.audit import record
from console.errors import Refused, WrongState
from console.http import DestinationRefused, check_destination
from console.lifecycle import lock
from console.models import Superapp, User
from console.permissions import require

EDIT = "payments.edit_backend"
OVERLAP_HOURS = 24  # the default
MAX_OVERLAP_HOURS = 7 * 24


class NewKey(NamedTuple):
    """A secret key just made. `text` is shown once and kept nowhere in clear; `signs`: it is the first and in use at once."""

    superapp: Superapp
    text: str
    signs: bool


def configure(superapp: Superapp, *, actor: User, address: str, tc_compatible: bool, shown: str = "") -> Superapp:
    """Store where openServer calls the superapp and whether the TC-* headers are sent too. `shown`: `content_mark()` of the page.

    Raises Refused for an address that may not be called or that has a query, and for a stale page; Invisible, Forbidden.
    """
    require(actor, EDIT, superapp)
    check_address(address)
    with transaction.atomic():
        row = lock(superapp)
        if shown and shown != content_mark(row):
            raise Refused(_("Somebody changed the backend while you edited it. Open the page again to see the change."))
        before = {"backend_url": row.backend_url, "tc_compatible": row.tc_compatible}
        row.backend_url, row.tc_compatible = address, tc_compatible
        changes = {name: [old, getattr(row, name)] for name, old in before.items() if old != getattr(row, name)}
        if changes:
            row.save(update_fields=list(changes))
            record("payments.backend.configure", row, actor=actor, changes=changes)
    return row


def check_address(address: str) -> None:
    """Raises Refused at `address`. The name is looked up by the form and again at every call."""
    try:
        check_destination(address)
    except DestinationRefused as refused:
        raise Refused(address=refused.sentence) from None
    if "?" in address:
        raise Refused(address=_("The address must have no “?”: paths such as /create-prepay-order are added to it."))


def content_mark(row: Superapp) -> str:
    """The configuration as one text, so that a stale page is noticed."""
    return f"{int(row.tc_compatible)}|{row.backend_url}"


def create_key(superapp: Superapp, *, actor: User) -> NewKey:
    """Make a secret key. The first signs at once; another is accepted at once and signs after `switch_key`.

    Raises WrongState while one waits already, Invisible, Forbidden.
    """
    require(actor, EDIT, superapp)
    with transaction.atomic():
        row = lock(superapp)
        if row.sealed_next_secret_key:
            raise WrongState(_("A new key is waiting already. Switch to it, or discard it and make another one."))
        text = secrets.new_app_key()
        signs = not row.sealed_secret_key
        name = "sealed_secret_key" if signs else "sealed_next_secret_key"
        setattr(row, name, secrets.seal(text, bound_to=row.secret_binding))
        row.save(update_fields=[name])
        record("payments.backend.create_key", row, actor=actor, changes={"secret_key": [None, secrets.fingerprint(text)]})
    return NewKey(row, text, signs)


def switch_key(superapp: Superapp, *, actor: User, overlap_hours: int = OVERLAP_HOURS) -> Superapp:
    """Sign with the new key from now on; the old one is accepted for `overlap_hours` (0 to 168) more.

    Raises Refused for another overlap, WrongState when no new key waits, Invisible, Forbidden.
    """
    require(actor, EDIT, superapp)
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Refused(overlap_hours=_("Enter 0 to 168 hours (seven days)."))
    with transaction.atomic():
        row = _waiting(superapp)
        old, new = fingerprint(row, row.sealed_secret_key), fingerprint(row, row.sealed_next_secret_key)
        row.sealed_previous_secret_key = row.sealed_secret_key if overlap_hours else ""
        row.previous_key_until = timezone.now() + timedelta(hours=overlap_hours) if overlap_hours else None
        row.sealed_secret_key, row.sealed_next_secret_key = row.sealed_next_secret_key, ""
        _save_keys(row)
        record("payments.backend.switch_key", row, actor=actor, changes={"secret_key": [old, new], **_until(row, None)})
    return row


def discard_key(superapp: Superapp, *, actor: User) -> Superapp:
    """Forget the new key that waits; it is not accepted any more. Raises WrongState when none waits, Invisible, Forbidden."""
    require(actor, EDIT, superapp)
    with transaction.atomic():
        row = _waiting(superapp)
        gone, row.sealed_next_secret_key = fingerprint(row, row.sealed_next_secret_key), ""
        _save_keys(row)
        record("payments.backend.discard_key", row, actor=actor, changes={"next_secret_key": [gone, None]})
    return row


def end_overlap(superapp: Superapp, *, actor: User) -> Superapp:
    """Accept the previous key no more, at once. Raises WrongState when it has ended, Invisible, Forbidden."""
    require(actor, EDIT, superapp)
    with transaction.atomic():
        row = lock(superapp)
        if not row.overlaps:
            raise WrongState(_("The previous key is not accepted any more; there is nothing to end."))
        before, row.previous_key_until, row.sealed_previous_secret_key = row.previous_key_until, None, ""
        _save_keys(row)
        record("payments.backend.end_overlap", row, actor=actor, changes=_until(row, before))
    return row


def fingerprint(superapp: Superapp, sealed: str) -> str:
    """What pages show of a key instead of the key; "" where none is set."""
    return secrets.fingerprint(secrets.unseal(sealed, bound_to=superapp.secret_binding).decode()) if sealed else ""


def _waiting(superapp: Superapp) -> Superapp:
    row = lock(superapp)
    if not row.sealed_next_secret_key:
        raise WrongState(_("No new key is waiting. Make one first."))
    return row


def _save_keys(row: Superapp) -> None:
    row.save(
        update_fields=["sealed_secret_key", "sealed_next_secret_key", "sealed_previous_secret_key", "previous_key_until"]
    )


def _until(row: Superapp, before: datetime | None) -> dict[str, list[str | None]]:
    moments = (before, row.previous_key_until)
    return {"previous_key_until": [moment.isoformat() if moment else None for moment in moments]}
