"""Roles that a team makes for itself out of the permissions of the matrix (docs/roles.md, "A team's own roles")."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.actions.grants import write_grants
from console.actions.membership import MANAGE
from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock
from console.matrix import BASE, ROLES, TEAM_ROLES, complete, composable
from console.models import OPEN_LINK, Invitation, Team, TeamMembership, TeamRole, User
from console.names import checked_name
from console.permissions import require

LONGEST_NAME = 60
MOST_ROLES = 20


def create(team: Team, *, name: str, permissions: Iterable[str], actor: User) -> TeamRole:
    """A role of this team; what a permission is of no use without comes with it. Raises Refused, Invisible, Forbidden."""
    require(actor, MANAGE, team)
    row = TeamRole(team=team, name=_checked_name(name), permissions=_checked(permissions))
    with transaction.atomic():
        lock(team)
        if team.roles.count() >= MOST_ROLES:
            raise Refused(_("A team has at most %(most)d roles of its own. Remove one that nobody has.") % {"most": MOST_ROLES})
        _save(row)
        changes = {"name": [None, row.name], "permissions": [[], row.permissions]}
        record("console.team_role.create", row, actor=actor, changes=changes)
    return row


def edit(role: TeamRole, *, name: str, permissions: Iterable[str], actor: User) -> TeamRole:
    """Its members have the new rights from their next request on. Raises Refused, Invisible, Forbidden."""
    require(actor, MANAGE, role)
    name, wanted = _checked_name(name), _checked(permissions)
    with transaction.atomic():
        lock(role.team)
        row = lock(role)
        pairs = {"name": [row.name, name], "permissions": [row.permissions, wanted]}
        changes = {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
        if changes:
            row.name, row.permissions = name, wanted
            _save(row)
            write_grants(TeamMembership.objects.filter(own_role=row).select_related("user", "own_role"))
            record("console.team_role.edit", row, actor=actor, changes=changes)
    return row


def remove(role: TeamRole, *, actor: User) -> None:
    """Raises WrongState while somebody has it or is invited to it; Invisible, Forbidden."""
    require(actor, MANAGE, role)
    with transaction.atomic():
        lock(role.team)
        row = lock(role)
        if sentence := why_stays(row):
            raise WrongState(sentence)
        Invitation.objects.filter(own_role=row).update(own_role=None)
        record("console.team_role.remove", row, actor=actor, changes={"permissions": [row.permissions, []]})
        row.delete()


def why_stays(role: TeamRole) -> str:
    """Why the role cannot be removed, in a sentence, or ""."""
    members = role.memberships.count()
    if members:
        text = ngettext(
            "%(count)d member has this role. Give that member another one first.",
            "%(count)d members have this role. Give them another one first.",
            members,
        )
        return text % {"count": members}
    if Invitation.objects.filter(OPEN_LINK, own_role=role).exists():
        return _("Somebody is invited to this role. Revoke the invitation first.")
    return ""


def _checked_name(name: str) -> str:
    name = checked_name(name, longest=LONGEST_NAME)
    if name.casefold() in {str(ROLES[role]).casefold() for role in TEAM_ROLES}:
        raise Refused(name=_("There is a role of this name already. Choose another name."))
    return name


def _checked(permissions: Iterable[str]) -> list[str]:
    wanted, known = set(permissions), {row.permission for row in composable()}
    if not wanted <= known:
        raise Refused(permissions=_("Choose permissions out of the list."))
    if not wanted - {BASE}:
        raise Refused(permissions=_("Choose at least one permission."))
    return complete(wanted)


def _save(row: TeamRole) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Refused(name=_("There is a role of this name already. Choose another name.")) from None
