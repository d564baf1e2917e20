"""Who works where: a membership row says the role, grant rows follow from the matrix in the same transaction.

Changes in one team or superapp wait for each other, so that two admins cannot demote each other at the same moment.
"""

from typing import Any, NamedTuple

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock
from console.matrix import SUPERAPP, SUPERAPP_ROLES, TEAM, TEAM_ROLES, codename, permissions_of
from console.models import Superapp, SuperappGrant, SuperappMembership, Team, TeamGrant, TeamMembership, User
from console.permissions import System, require

MANAGE = "console.manage_members"


class _Kind(NamedTuple):
    """What differs between teams and superapps. `field` is the foreign key of a membership, `admin` the role that has to stay."""

    memberships: Any
    grants: Any
    field: str
    container: str
    roles: tuple[str, ...]
    admin: str
    last: str | Promise


_TEAM = _Kind(
    TeamMembership,
    TeamGrant,
    "team",
    TEAM,
    TEAM_ROLES,
    "team_admin",
    _("This is the last team admin. Make somebody else team admin first."),
)
_SUPERAPP = _Kind(
    SuperappMembership,
    SuperappGrant,
    "superapp",
    SUPERAPP,
    SUPERAPP_ROLES,
    "superapp_admin",
    _("This is the last superapp admin. Make somebody else superapp admin first."),
)


def set_team_role(user: User, team: Team, role: str, *, actor: User | System) -> TeamMembership:
    """Give `user` this role in the team, replacing the one they had; the grants follow.

    Raises Refused at `role` (no team role, or the last team admin would be gone), Invisible, Forbidden.
    """
    return _set_role(_TEAM, user, team, role, actor)


def set_superapp_role(user: User, superapp: Superapp, role: str, *, actor: User | System) -> SuperappMembership:
    """Give `user` this role in the superapp, replacing the one they had; the grants follow. Errors as in `set_team_role`."""
    return _set_role(_SUPERAPP, user, superapp, role, actor)


def add_to_team(team: Team, *, email: str, role: str, actor: User) -> TeamMembership:
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


def _set_role(kind: _Kind, user: User, place: Team | Superapp, role: str, actor: User | System) -> Any:
    require(actor, MANAGE, place)
    if role not in kind.roles:
        raise Refused(role=str(_("Choose one of the roles in the list.")))
    with transaction.atomic():
        lock(place)
        row = kind.memberships.objects.filter(user=user, **{kind.field: place}).first()
        before = row.role if row else None
        if before == role:
            return row
        if before == kind.admin and _is_last(kind, row):
            raise Refused(role=str(kind.last))
        row = row or kind.memberships(user=user, **{kind.field: place})
        row.role = role
        row.save()
        _grant(kind, user, place, role)
        record(f"console.{kind.field}_membership.set", row, actor=actor, changes={"role": [before, role]})
    return row


def _add(kind: _Kind, place: Team | Superapp, email: str, role: str, actor: User) -> Any:
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
        if row.role == kind.admin and _is_last(kind, row):
            raise Refused(str(kind.last))
        kind.grants.objects.filter(user=row.user, content_object=place).delete()
        record(f"console.{kind.field}_membership.leave", row, actor=actor, changes={"role": [row.role, None]})
        row.delete()
    membership.user.__dict__.pop("_grants", None)


def _is_last(kind: _Kind, row: Any) -> bool:
    """Whether nobody else who can sign in has the admin role there."""
    place = {kind.field: getattr(row, f"{kind.field}_id")}
    others = kind.memberships.objects.filter(role=kind.admin, user__is_active=True, **place).exclude(pk=row.pk)
    return not others.exists()


def _grant(kind: _Kind, user: User, place: Team | Superapp, role: str) -> None:
    codes = [codename(permission) for permission in permissions_of(role, kind.container)]
    wanted = Permission.objects.filter(content_type=ContentType.objects.get_for_model(place), codename__in=codes)
    kind.grants.objects.filter(user=user, content_object=place).delete()
    kind.grants.objects.bulk_create([kind.grants(user=user, content_object=place, permission=row) for row in wanted])
    user.__dict__.pop("_grants", None)  # what this instance remembered is no longer true
