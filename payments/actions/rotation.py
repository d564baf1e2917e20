"""Replace a credential with time for both, end the old one early, revoke one at once (docs/credentials.md, "Rotation").

As with the first credential, keys are made before any lock is taken.
"""

from datetime import timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.errors import Refused, WrongState
from console.lifecycle import move
from console.models import MiniProgram, User
from console.permissions import require
from payments.actions import credential as credentials
from payments.models import Credential, DeliveryConfig

MANAGE = "payments.manage_credentials"
LONGEST_OVERLAP = timedelta(days=7)
ACTIVE, OVERLAPPING = Credential.State.ACTIVE, Credential.State.OVERLAPPING


class Renewed(NamedTuple):
    """The new credential, and the passphrase that is shown once; "" when the team made its key itself."""

    credential: Credential
    passphrase: str


def rotate(credential: Credential, *, actor: User, overlap: timedelta, request_pem: str = "") -> Renewed:
    """Issue a new credential; the old one is accepted for `overlap` more, at most 7 days, and not at all after 0.

    Raises Refused (field `overlap` or `request`), Invisible, Forbidden, or WrongState: it is not active any more, or an earlier
    one overlaps still, so that three would be accepted.
    """
    require(actor, MANAGE, credential)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Refused(overlap=_("Choose an overlap of 0 to 7 days."))
    program = credential.mini_program
    _refuse_third(program)
    prepared = credentials.prepare(program, request_pem=request_pem)
    with transaction.atomic():
        old = move(credential, "rotate", actor=actor, until=timezone.now() + overlap)
        _refuse_third(program, apart_from=old.pk)
        if not overlap:
            move(old, "retire", actor=actor)
        return Renewed(credentials.issue(program, prepared, actor=actor), prepared.passphrase)


def issue_anew(program: MiniProgram, *, actor: User, request_pem: str = "") -> Renewed:
    """Issue a credential where none is active: the last one was revoked.

    Raises Refused at `request`, Invisible, Forbidden, or WrongState while one is active or the push was never configured.
    """
    require(actor, MANAGE, program)
    if not DeliveryConfig.objects.filter(mini_program=program).exists():
        raise WrongState(_("Configure the delivery push first: its first save issues the certificate and the AppKeys."))
    if Credential.objects.filter(mini_program=program, state=ACTIVE).exists():
        raise WrongState(_already_active())
    prepared = credentials.prepare(program, request_pem=request_pem)
    try:
        return Renewed(credentials.issue(program, prepared, actor=actor), prepared.passphrase)
    except IntegrityError:  # two confirms at once: this one came second
        raise WrongState(_already_active()) from None


def retire_now(credential: Credential, *, actor: User) -> Credential:
    """End an overlap early. Raises Invisible, Forbidden, WrongState."""
    require(actor, MANAGE, credential)
    return move(credential, "retire", actor=actor)


def revoke(credential: Credential, *, actor: User) -> Credential:
    """Accept it nowhere, at once. Raises Invisible, Forbidden, WrongState."""
    return move(credential, "revoke", actor=actor)


def _refuse_third(program: MiniProgram, *, apart_from: int = 0) -> None:
    rows = Credential.objects.filter(mini_program=program, state=OVERLAPPING, overlaps_until__gt=timezone.now())
    if rows.exclude(pk=apart_from).exists():
        raise WrongState(_("An earlier credential still overlaps. Retire or revoke it first; then rotate."))


def _already_active() -> str:
    return _("A credential is active already. Reload the page; to replace it, rotate it.")
