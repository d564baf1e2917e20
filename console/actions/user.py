"""Accounts: close, open again, the platform's own two roles."""

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Forbidden, WrongState
from console.lifecycle import lock
from console.models import User
from console.permissions import THE_PLATFORM, System, require

MANAGE = "console.manage_users"
MANAGE_ADMINS = "console.manage_platform_admins"


def end_sessions(user: User) -> None:
    """Whatever browser this person is signed in with has to sign in again; part of the caller's transaction."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)


def close(user: User, *, actor: User) -> User:
    """Nobody signs in with this account any more; memberships stay, so that it can be opened again as it was.

    Raises Forbidden (the own account, or one of the platform's without the right to), WrongState, Invisible.
    """
    _require_over(user, actor)
    with transaction.atomic():
        row = lock(user)
        if not row.is_active:
            raise WrongState(_("This account is closed already."))
        _set_active(row, False, verb="console.user.close", actor=actor)
        end_sessions(row)
    return row


def reopen(user: User, *, actor: User) -> User:
    """The account can sign in again, with the roles it has. Raises as `close` does."""
    _require_over(user, actor)
    with transaction.atomic():
        row = lock(user)
        if row.is_active:
            raise WrongState(_("This account is open already."))
        _set_active(row, True, verb="console.user.reopen", actor=actor)
    return row


def appoint_platform_admin(user: User, *, actor: User | System) -> User:
    """Raises Forbidden, Invisible, WrongState (a role of the platform already, a closed account)."""
    require(actor, MANAGE_ADMINS, THE_PLATFORM)
    with transaction.atomic():
        row = lock(user)
        if row.platform_role or not row.is_active:
            raise WrongState(_("Only an open account without a role of the platform can become platform admin."))
        return _set_platform_role(row, "platform_admin", actor=actor)


def dismiss_platform_admin(user: User, *, actor: User) -> User:
    """The role ends at once, and so do the sessions. Raises Forbidden, Invisible, WrongState."""
    require(actor, MANAGE_ADMINS, THE_PLATFORM)
    with transaction.atomic():
        row = lock(user)
        if row.platform_role != "platform_admin":
            raise WrongState(_("This person is no platform admin."))
        end_sessions(row)
        return _set_platform_role(row, "", actor=actor)


def _require_over(user: User, actor: User) -> None:
    """People of the platform are closed and opened by those who appoint them, and nobody closes the own account."""
    require(actor, MANAGE_ADMINS if user.platform_role else MANAGE, THE_PLATFORM)
    if user.pk == actor.pk:
        raise Forbidden(_("Nobody closes the own account. Ask somebody else who may."))


def _set_active(row: User, active: bool, *, verb: str, actor: User) -> None:
    row.is_active = active
    row.save(update_fields=["is_active"])
    record(verb, row, actor=actor, changes={"is_active": [not active, active]}, scope=THE_PLATFORM)


def _set_platform_role(row: User, role: str, *, actor: User | System) -> User:
    before, row.platform_role = row.platform_role, role
    row.save(update_fields=["platform_role"])
    record("console.user.set_platform_role", row, actor=actor, changes={"platform_role": [before, role]}, scope=THE_PLATFORM)
    return row
