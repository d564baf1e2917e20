"""Invitations: somebody without an account is mailed a link, chooses a password, and has an account with its role."""

from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.actions import user as users
from console.actions.membership import MANAGE, check_role, give, has_admin
from console.audit import record
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import lock
from console.links import find, send
from console.models import OPEN_LINK, Invitation, Superapp, Team, TeamRole, User
from console.names import checked_name
from console.permissions import THE_PLATFORM, Scoped, require
from console.sentences import joined

FIRST_ADMIN = {Team: "team_admin", Superapp: "superapp_admin"}
MANAGE_PLACES = {Team: "console.manage_teams", Superapp: "console.manage_superapps"}


def invite(place: Team | Superapp, *, email: str, role: str | TeamRole, actor: User, name: str = "") -> Invitation:
    """Ask somebody without an account to join with this role. Raises Refused (email, role), Invisible, Forbidden."""
    require(actor, MANAGE, place)
    check_role(place, role)
    return _invite(place, email, role, name, actor)


def invite_user(*, email: str, actor: User, name: str = "", platform_admin: bool = False) -> Invitation:
    """Ask somebody to make an account, as a platform admin or without a role. Raises Refused (email), Invisible, Forbidden."""
    require(actor, users.MANAGE_ADMINS if platform_admin else users.MANAGE, THE_PLATFORM)
    return _invite(None, email, "platform_admin" if platform_admin else "", name, actor)


def appoint(place: Team | Superapp, *, email: str, actor: User, name: str = "") -> Invitation | None:
    """The platform makes somebody the first admin of a team or a superapp: at once, or by invitation, which is returned.

    Only where nobody who can sign in is admin: from then on admins appoint each other, and the platform just looks. Nobody of the
    platform is appointed. Raises Refused (email), WrongState, Invisible, Forbidden.
    """
    require(actor, MANAGE_PLACES[type(place)], THE_PLATFORM)
    with transaction.atomic():
        lock(place)
        if has_admin(place):
            raise WrongState(_("There is an admin who can sign in. Admins appoint each other under Members."))
        role = FIRST_ADMIN[type(place)]
        user = User.objects.filter(email=_address(email), is_active=True).first()
        if user is None:
            return _invite(place, email, role, name, actor)
        if user.platform_role:
            raise Refused(email=_("Whoever has a role of the platform cannot be appointed. Name somebody else."))
        give(user, place, role, actor=actor)
    return None


def resend(invitation: Invitation, *, actor: User) -> Invitation:
    """Mail a new link; earlier ones stop working. Raises WrongState (accepted, revoked), Invisible, Forbidden."""
    _require_invite(invitation, actor)
    with transaction.atomic():
        row = _open(invitation)
        send(row)
        record("console.invitation.resend", row, actor=actor, scope=_scope(row))
    return row


def revoke(invitation: Invitation, *, actor: User) -> Invitation:
    """The link stops working. Raises WrongState (accepted, revoked), Invisible, Forbidden."""
    _require_invite(invitation, actor)
    with transaction.atomic():
        row = _open(invitation)
        row.revoked_at, row.next_attempt_at = timezone.now(), None
        row.save(update_fields=["revoked_at", "next_attempt_at"])
        record("console.invitation.revoke", row, actor=actor, scope=_scope(row))
    return row


def accept(token: str, *, name: str, password: str) -> User:
    """Make the account and give it its roles: of this invitation and of every other open one to the same address.

    A role counts only if whoever gave it may still give it. Raises Invisible (no such link), WrongState (used, revoked, expired),
    Refused (name, password1).
    """
    found = find(Invitation, token)
    if found is None:
        raise Invisible
    name = checked_name(name)
    _check_password(password, User(email=found.email, name=name))
    with transaction.atomic():
        row = lock(found)
        if not row.is_open or row.token_hash != found.token_hash:
            raise WrongState(why_closed(row))
        user = _make_account(row.email, name, password)
        now = timezone.now()
        for each in Invitation.objects.filter(OPEN_LINK, email=row.email, expires_at__gt=now).order_by("pk"):
            _use(each, user, now)
    return user


def why_closed(row: Invitation) -> str:
    """Why a link does not work, and what to do."""
    if row.used_at:
        return _("This invitation was accepted already. Sign in, or ask for a new password on the sign-in page.")
    if row.revoked_at:
        return _("This invitation was taken back. Ask whoever sent it.")
    return _("This invitation is too old. Ask %(name)s to send it again.") % {"name": row.invited_by}


def _address(email: str) -> str:
    return email.strip().lower()


def _invite(place: Team | Superapp | None, email: str, role: str | TeamRole, name: str, actor: User) -> Invitation:
    email = _address(email)
    existing = User.objects.filter(email=email).first()
    if existing and not existing.is_active:
        raise Refused(email=_("This person's account is closed. The platform can open it again."))
    if existing:
        raise Refused(email=_("Somebody with this e-mail address has an account already. Nobody has to be invited."))
    row = Invitation(email=email, name=checked_name(name) if name.strip() else "", invited_by=actor)
    if isinstance(place, Team):
        row.team = place
    elif place:
        row.superapp = place
    if isinstance(role, TeamRole):
        row.own_role = role
    else:
        row.role = role
    try:
        with transaction.atomic():
            send(row)
            record("console.invitation.send", row, actor=actor, scope=_scope(row), changes={"role": [None, _key(row)]})
    except IntegrityError:
        raise Refused(email=_("This person has been invited already. Send that invitation again, or revoke it first.")) from None
    return row


def _key(row: Invitation) -> str:
    return row.own_role.name if row.own_role else row.role


def _scope(row: Invitation) -> Scoped:
    return row.place or THE_PLATFORM


def _require_invite(row: Invitation, actor: User) -> None:
    """Whoever may make an invitation may take it back."""
    if row.place is None:
        require(actor, users.MANAGE_ADMINS if row.role else users.MANAGE, THE_PLATFORM)
    elif actor.platform_role and row.invited_by.platform_role:
        require(actor, MANAGE_PLACES[type(row.place)], THE_PLATFORM)
    else:
        require(actor, MANAGE, row.place)


def _open(invitation: Invitation) -> Invitation:
    row = lock(invitation)
    if row.used_at or row.revoked_at:
        raise WrongState(why_closed(row))
    return row


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refused(password1=joined(error.messages)) from None


def _make_account(email: str, name: str, password: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise WrongState(_("There is an account with this e-mail address already. Sign in with it.")) from None


def _use(row: Invitation, user: User, now: datetime) -> None:
    row.used_at, row.user, row.next_attempt_at = now, user, None
    row.save(update_fields=["used_at", "user", "next_attempt_at"])
    given = _may_still(row)
    if given and row.place:
        lock(row.place)
        give(user, row.place, row.own_role or row.role, actor=row.invited_by)
    elif given and row.role == "platform_admin":
        users.appoint_platform_admin(user, actor=row.invited_by)
    note = "" if given else "The role was not given: whoever invited may not give it any more."
    record("console.invitation.accept", row, actor=user, scope=_scope(row), note=note)


def _may_still(row: Invitation) -> bool:
    """Whether whoever invited could give the role now."""
    inviter: Any = row.invited_by
    if not inviter.is_active:
        return False
    try:
        _require_invite(row, inviter)
    except (Forbidden, Invisible):
        return False
    return not (inviter.platform_role and row.place and has_admin(row.place))
