"""Who works where: a membership row says the role, grant rows follow from the matrix in the same transaction.

Changes in one team or superapp wait for each other, so that two admins cannot demote each other at the same moment.
"""

from typing import Any, NamedTuple

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.actions.grants import write_grants
from console.actions.user import end_sessions
from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock
from console.matrix import SUPERAPP_ROLES, TEAM_ROLES
from console.models import (
    OWN_ROLE,
    Superapp,
    SuperappGrant,
    SuperappMembership,
    Team,
    TeamGrant,
    TeamMembership,
    TeamRole,
    User,
)
from console.permissions import System, require

MANAGE = "console.manage_members"


class _Kind(NamedTuple):
    """What differs between teams and superapps. `field` is the foreign key of a membership, `admin` the role that has to stay."""

    memberships: Any
    grants: Any
    field: str
    roles: tuple[str, ...]
    admin: str
    last: str | Promise


_TEAM = _Kind(
    TeamMembership,
    TeamGrant,
    "team",
    TEAM_ROLES,
    "team_admin",
    _("This is the last team admin. Make somebody else team admin first."),
)
_SUPERAPP = _Kind(
    SuperappMembership,
    SuperappGrant,
    "superapp",
    SUPERAPP_ROLES,
    "superapp_admin",
    _("This is the last superapp admin. Make somebody else superapp admin first."),
)


def set_team_role(user: User, team: Team, role: str | TeamRole, *, actor: User | System) -> TeamMembership:
    """Give `user` this role in the team, replacing the one they had; the grants follow. `role` may be one of the team's own.

    Raises Refused at `role` (no role of this team, or the last team admin would be gone), Invisible, Forbidden.
    """
    return _set_role(_TEAM, user, team, role, actor)


def set_superapp_role(user: User, superapp: Superapp, role: str, *, actor: User | System) -> SuperappMembership:
    """Give `user` this role in the superapp, replacing the one they had; the grants follow. Errors as in `set_team_role`."""
    return _set_role(_SUPERAPP, user, superapp, role, actor)


def add_to_team(team: Team, *, email: str, role: str | TeamRole, actor: User) -> TeamMembership:
    """Make the person with this e-mail address a member. Raises Refused (no account, a member already), Invisible, Forbidden."""
    return _add(_TEAM, team, email, role, actor)


def add_to_superapp(superapp: Superapp, *, email: str, role: str, actor: User) -> SuperappMembership:
    """As `add_to_team`, for a superapp."""
    return _add(_SUPERAPP, superapp, email, role, actor)


def leave_team(membership: TeamMembership, *, actor: User | System) -> None:
    """End a membership; its grants go with it, so that the next request finds none.

    Raises Refused for the last team admin, WrongState when it has ended already, Invisible, Forbidden.
    """
    _leave(_TEAM, membership, membership.team, actor)


def leave_superapp(membership: SuperappMembership, *, actor: User | System) -> None:
    """As `leave_team`, for a superapp."""
    _leave(_SUPERAPP, membership, membership.superapp, actor)


def _set_role(kind: _Kind, user: User, place: Team | Superapp, role: str | TeamRole, actor: User | System) -> Any:
    require(actor, MANAGE, place)
    check_role(place, role)
    with transaction.atomic():
        lock(place)
        return _give(kind, user, place, role, actor)


def check_role(place: Team | Superapp, role: str | TeamRole) -> None:
    """Raises Refused for a role that this team or superapp does not have."""
    known = role.team_id == place.pk if isinstance(role, TeamRole) else role in _kind_of(place).roles
    if not known or (isinstance(role, TeamRole) and not isinstance(place, Team)):
        raise Refused(role=str(_("Choose one of the roles in the list.")))


def give(user: User, place: Team | Superapp, role: str | TeamRole, *, actor: User | System) -> Any:
    """Store a role after the caller has checked that it may be given, in the caller's transaction and with `place` locked.

    Raises Refused when the last admin would be gone.
    """
    return _give(_kind_of(place), user, place, role, actor)


def _kind_of(place: Team | Superapp) -> _Kind:
    return _TEAM if isinstance(place, Team) else _SUPERAPP


def _give(kind: _Kind, user: User, place: Team | Superapp, role: str | TeamRole, actor: User | System) -> Any:
    row = kind.memberships.objects.filter(user=user, **{kind.field: place}).first()
    before = _key(row) if row else None
    columns: dict[str, Any] = {"role": OWN_ROLE, "own_role": role} if isinstance(role, TeamRole) else {"role": role}
    if kind is _TEAM:
        columns = {"own_role": None} | columns
    row = row or kind.memberships(user=user, **{kind.field: place})
    if columns["role"] != kind.admin and (last := why_stays(row)):
        raise Refused(role=last)
    for name, value in columns.items():
        setattr(row, name, value)
    if before == _key(row):
        return row
    row.user = user  # the instance of the caller, whose remembered grants end
    row.save()
    write_grants([row])
    record(f"console.{kind.field}_membership.set", row, actor=actor, changes={"role": [before, _key(row)]})
    return row


def _key(row: Any) -> str:
    """The role as the audit trail names it: its name in the code, or the name the team gave it."""
    return row.own_role.name if getattr(row, "own_role", None) else row.role


def _add(kind: _Kind, place: Team | Superapp, email: str, role: str | TeamRole, actor: User) -> Any:
    require(actor, MANAGE, place)
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        sentence = _("Nobody with this e-mail address has an account. Check it, or ask the platform for an account.")
        raise Refused(email=str(sentence))
    with transaction.atomic():
        lock(place)
        if kind.memberships.objects.filter(user=user, **{kind.field: place}).exists():
            raise Refused(email=str(_("%(name)s is a member already. Change the role in the list.") % {"name": user}))
        return _set_role(kind, user, place, role, actor)


def _leave(kind: _Kind, membership: Any, place: Team | Superapp, actor: User | System) -> None:
    require(actor, MANAGE, place)
    with transaction.atomic():
        lock(place)
        row = kind.memberships.objects.filter(pk=membership.pk).select_related("user").first()
        if row is None:
            raise WrongState(str(_("This membership has ended already.")))
        if last := why_stays(row):
            raise Refused(last)
        kind.grants.objects.filter(user=row.user, content_object=place).delete()
        record(f"console.{kind.field}_membership.leave", row, actor=actor, changes={"role": [_key(row), None]})
        row.delete()
        end_sessions(row.user)
    membership.user.__dict__.pop("_grants", None)


def has_admin(place: Team | Superapp) -> bool:
    """Whether somebody who can sign in has the admin role there."""
    kind = _kind_of(place)
    return kind.memberships.objects.filter(role=kind.admin, user__is_active=True, **{kind.field: place}).exists()


def why_stays(row: TeamMembership | SuperappMembership) -> str:
    """Why this membership can neither end nor change its role, "" when it can: the last admin stays."""
    kind = _TEAM if isinstance(row, TeamMembership) else _SUPERAPP
    return str(kind.last) if row.role == kind.admin and _is_last(kind, row) else ""


def _is_last(kind: _Kind, row: Any) -> bool:
    """Whether nobody else who can sign in has the admin role there."""
    place = {kind.field: getattr(row, f"{kind.field}_id")}
    others = kind.memberships.objects.filter(role=kind.admin, user__is_active=True, **place).exclude(pk=row.pk)
    return not others.exists()
