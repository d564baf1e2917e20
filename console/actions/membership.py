"""Who works where: a membership row says the role, grant rows follow from the matrix in the same transaction."""

from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from console.audit import record
from console.matrix import SUPERAPP, TEAM, codename, permissions_of
from console.models import Superapp, SuperappGrant, SuperappMembership, Team, TeamGrant, TeamMembership, User
from console.permissions import System


def set_team_role(user: User, team: Team, role: str, *, actor: User | System) -> TeamMembership:
    """Give `user` this role in the team, replacing the one they had; the grants follow."""
    with transaction.atomic():
        membership, _created = TeamMembership.objects.update_or_create(user=user, team=team, defaults={"role": role})
        _grant(TeamGrant, user, team, role, TEAM)
        record("console.team_membership.set", membership, actor=actor, changes={"role": [None, role]})
    return membership


def set_superapp_role(user: User, superapp: Superapp, role: str, *, actor: User | System) -> SuperappMembership:
    """Give `user` this role in the superapp, replacing the one they had; the grants follow."""
    with transaction.atomic():
        membership, _created = SuperappMembership.objects.update_or_create(user=user, superapp=superapp, defaults={"role": role})
        _grant(SuperappGrant, user, superapp, role, SUPERAPP)
        record("console.superapp_membership.set", membership, actor=actor, changes={"role": [None, role]})
    return membership


def leave_team(membership: TeamMembership, *, actor: User | System) -> None:
    """End a membership; its grants go with it, so that the next request finds none."""
    with transaction.atomic():
        TeamGrant.objects.filter(user=membership.user, content_object=membership.team).delete()
        record("console.team_membership.leave", membership, actor=actor, changes={"role": [membership.role, None]})
        membership.delete()


def _grant(grants: Any, user: User, container: Team | Superapp, role: str, kind: str) -> None:
    codes = [codename(permission) for permission in permissions_of(role, kind)]
    wanted = Permission.objects.filter(content_type=ContentType.objects.get_for_model(container), codename__in=codes)
    grants.objects.filter(user=user, content_object=container).delete()
    grants.objects.bulk_create([grants(user=user, content_object=container, permission=permission) for permission in wanted])
    user.__dict__.pop("_grants", None)  # what this instance remembered is no longer true
