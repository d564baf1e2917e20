"""Grant rows follow memberships: what a role says stands in the matrix, or in the team's own role (docs/roles.md)."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Exists, OuterRef

from console.matrix import SUPERAPP, TEAM, codename, complete, permissions_of
from console.models import Superapp, SuperappGrant, SuperappMembership, Team, TeamGrant, TeamMembership

CHUNK = 500  # memberships


class Synced(NamedTuple):
    """How many grants were added and how many taken away."""

    added: int
    removed: int


class _Kind(NamedTuple):
    memberships: Any
    grants: Any
    container: Any
    field: str


TEAMS = _Kind(TeamMembership, TeamGrant, Team, "team")
SUPERAPPS = _Kind(SuperappMembership, SuperappGrant, Superapp, "superapp")


def granted(row: TeamMembership | SuperappMembership) -> frozenset[str]:
    """The permissions that the role of a membership says."""
    if isinstance(row, TeamMembership):
        return frozenset(complete(row.own_role.permissions)) if row.own_role else permissions_of(row.role, TEAM)
    return permissions_of(row.role, SUPERAPP)


def write_grants(rows: Iterable[TeamMembership | SuperappMembership]) -> Synced:
    """Bring the grants of memberships of one kind in step with their roles, in the caller's transaction."""
    found = list(rows)
    if not found:
        return Synced(0, 0)
    kind = TEAMS if isinstance(found[0], TeamMembership) else SUPERAPPS
    ids = _permission_ids(kind)
    place = f"{kind.field}_id"
    wanted = {(row.user_id, getattr(row, place), ids[codename(name)]) for row in found for name in granted(row)}
    present = {}
    candidates = kind.grants.objects.filter(
        user__in={row.user_id for row in found}, content_object__in={getattr(row, place) for row in found}
    )
    members = {(row.user_id, getattr(row, place)) for row in found}
    for pk, *grant in candidates.values_list("pk", "user_id", "content_object_id", "permission_id"):
        if (grant[0], grant[1]) in members:
            present[tuple(grant)] = pk
    stale = [pk for grant, pk in present.items() if grant not in wanted]
    missing = [
        kind.grants(user_id=user, content_object_id=container, permission_id=permission)
        for user, container, permission in sorted(wanted - set(present))
    ]
    kind.grants.objects.filter(pk__in=stale).delete()
    kind.grants.objects.bulk_create(missing, ignore_conflicts=True)
    for row in found:
        row.user.__dict__.pop("_grants", None)  # what this instance remembered is no longer true
    return Synced(len(missing), len(stale))


def _permission_ids(kind: _Kind) -> dict[str, int]:
    rows = Permission.objects.filter(content_type=ContentType.objects.get_for_model(kind.container))
    return dict(rows.values_list("codename", "pk"))


def sync_grants() -> Synced:
    """Bring all grants in step with all roles, and take away those without a membership; may run at any time, twice too.

    A release that adds or changes a row of the matrix needs it: roles that people have already then mean something else.
    """
    added = removed = 0
    for kind in (TEAMS, SUPERAPPS):
        last = 0
        while chunk := list(kind.memberships.objects.filter(pk__gt=last).order_by("pk")[:CHUNK].values_list("pk", flat=True)):
            with transaction.atomic():
                step = write_grants(_locked(kind, chunk))
            added, removed, last = added + step.added, removed + step.removed, chunk[-1]
        removed += _remove_orphans(kind)
    return Synced(added, removed)


def _locked(kind: _Kind, ids: list[int]) -> Any:
    """The memberships; nobody changes their roles meanwhile."""
    rows = kind.memberships.objects.filter(pk__in=ids).select_for_update(of=("self",), no_key=True).order_by("pk")
    return rows.select_related("user", "own_role") if kind is TEAMS else rows.select_related("user")


def _remove_orphans(kind: _Kind) -> int:
    members = kind.memberships.objects.filter(user=OuterRef("user"), **{kind.field: OuterRef("content_object")})
    removed, _tables = kind.grants.objects.filter(~Exists(members)).delete()
    return removed
