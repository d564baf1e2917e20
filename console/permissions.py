"""Who may do what: the answers read off the matrix and the guardian grants (docs/roles.md).

Grants stand on a container, a team or a superapp (console.models.TeamGrant and SuperappGrant); rows follow their container.
Platform roles hold theirs on every container and need no grant rows.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.apps import apps
from django.db.models import CharField, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from console.errors import Forbidden, Invisible
from console.matrix import OWN, PERMISSIONS, PLATFORM, PLATFORM_ROLES, SUPERAPP, TEAM, codename, permissions_of

if TYPE_CHECKING:
    from console.models import MiniProgram, User


class Scope(NamedTuple):
    """The containers of an object: ids of its team (None for what belongs to the superapp itself) and its superapp.

    Without either it belongs to the platform.
    """

    team_id: int | None
    superapp_id: int | None

    @property
    def container(self) -> str:
        """Which part of the matrix says what the platform's roles may do here."""
        if self.team_id is not None:
            return TEAM
        return PLATFORM if self.superapp_id is None else SUPERAPP


def narrowed(permission: str, scope: Scope) -> Scope:
    """The containers whose grants count: for permissions in OWN a team's superapp is none of them."""
    return Scope(scope.team_id, None) if permission in OWN and scope.team_id is not None else scope


class Scoped(Protocol):
    """Anything that stands in a container."""

    @property
    def scope(self) -> Scope: ...


class Platform:
    """The platform itself: where superapps, teams and users are made. Only its own two roles see it."""

    scope = Scope(None, None)

    def __str__(self) -> str:
        return str(_("Platform"))


THE_PLATFORM = Platform()


class System(str):
    """An actor that is no person: openServer, a sweeper, a superapp's backend. The text is what the audit entry shows."""


def _model(name: str) -> Any:
    """A model of this app by name: the models' own querysets import this module."""
    return apps.get_model("console", name)


class Grants:
    """All grants of one user, read with one query and then answered from memory."""

    def __init__(self, user: "User") -> None:
        self.platform_role = user.platform_role if user.is_active else ""
        self.team: dict[int, set[str]] = {}
        self.superapp: dict[int, set[str]] = {}
        if user.is_active:
            self._read(user)

    def _read(self, user: "User") -> None:
        columns = ("content_object_id", "permission__codename", "container")
        teams = _model("TeamGrant").objects.filter(user=user).annotate(container=Value(TEAM, output_field=CharField()))
        superapps = (
            _model("SuperappGrant").objects.filter(user=user).annotate(container=Value(SUPERAPP, output_field=CharField()))
        )
        for pk, code, container in teams.values_list(*columns).union(superapps.values_list(*columns)):
            (self.team if container == TEAM else self.superapp).setdefault(pk, set()).add(code)

    def allows(self, permission: str, scope: Scope) -> bool:
        """Whether the permission is held on one of the two containers."""
        code = codename(permission)
        if scope.team_id is not None and code in self.team.get(scope.team_id, ()):
            return True
        scope = narrowed(permission, scope)
        if scope.superapp_id is not None and code in self.superapp.get(scope.superapp_id, ()):
            return True
        return bool(self.platform_role) and self._platform_allows(permission, scope)

    def _platform_allows(self, permission: str, scope: Scope) -> bool:
        return permission in permissions_of(self.platform_role, scope.container)

    def sees(self, scope: Scope) -> bool:
        """Whether anything at all is held on one of the containers; decides between 404 and 403."""
        return bool(self.platform_role) or scope.team_id in self.team or scope.superapp_id in self.superapp

    def containers(self, permission: str) -> tuple[list[int], list[int]]:
        """Ids of the teams and of the superapps on which the permission is granted by rows."""
        code = codename(permission)
        teams = [pk for pk, codes in self.team.items() if code in codes]
        superapps = [pk for pk, codes in self.superapp.items() if code in codes]
        return teams, superapps


def grants_of(user: "User") -> Grants:
    """The user's grants, read once for the life of this instance, that is once a request."""
    grants = getattr(user, "_grants", None)
    if grants is None:
        grants = user._grants = Grants(user)  # type: ignore[attr-defined]
    return grants


def can(actor: "User", permission: str, obj: Scoped) -> bool:
    """Whether `actor` holds `permission` on the team or the superapp of `obj`. An unknown permission is a programming error."""
    if permission not in PERMISSIONS:
        raise ValueError(f"Unknown permission {permission!r}; the matrix in console/permissions.py names them all.")
    return bool(actor.is_authenticated) and grants_of(actor).allows(permission, obj.scope)


def sees_players(actor: "User", permission: str, program: "MiniProgram | None") -> bool:
    """Whole open ids are for the team, which talks to its players; the superapp and the platform see them masked."""
    return program is not None and program.team_id in grants_of(actor).containers(permission)[0]


def sees(actor: "User", obj: Scoped) -> bool:
    """Whether `obj` exists for `actor`."""
    return bool(actor.is_authenticated) and grants_of(actor).sees(obj.scope)


def require(actor: "User | System", permission: str, obj: Scoped) -> None:
    """Raise Invisible (404) or Forbidden (403) unless `actor` may. The system itself may do what its code does."""
    if isinstance(actor, System):
        return
    if not sees(actor, obj):
        raise Invisible
    if not can(actor, permission, obj):
        raise Forbidden(not_allowed_sentence(permission, obj), permission=permission, obj=obj)


def names_of_holders(permission: str, obj: Scoped) -> str:
    """The first few people who can, "" for nobody."""
    return ", ".join(str(user) for user in holders(permission, obj)[:5])


def not_allowed_sentence(permission: str, obj: Scoped) -> str:
    """Why not, and who can: the same words on the 403 page and beside a button that rests."""
    names = names_of_holders(permission, obj)
    if not names:
        return str(_("Your role does not allow this, and nobody has a role that does yet."))
    return str(_("Your role does not allow this. Ask one of those who can: %(names)s.") % {"names": names})


def resting(
    actor: "User", obj: Scoped, acts: Mapping[str, Sequence[Any]], *, not_now: Mapping[Any, str] | None = None
) -> dict[str, list[Any]]:
    """Of the buttons of a page, their labels by permission, those that rest for `actor`: labels by why not.

    Where the role does not allow an act, that is who can; else `not_now` has by label what the state of things forbids, "" for
    nothing.
    """
    found: dict[str, list[Any]] = {}
    for permission, labels in acts.items():
        if labels and not can(actor, permission, obj):
            found.setdefault(not_allowed_sentence(permission, obj), []).extend(labels)
            continue
        for label in labels:
            if why := (not_now or {}).get(label):
                found.setdefault(why, []).append(label)
    return found


def visible_filter(actor: "User", permission: str, *, team: str = "team_id", superapp: str = "superapp_id") -> Q:
    """A condition for rows on which `actor` holds `permission`; `team` and `superapp` name the columns ("" for none)."""
    grants = grants_of(actor)
    if grants.platform_role and permission in permissions_of(grants.platform_role, TEAM if team else SUPERAPP):
        return Q()
    teams, superapps = grants.containers(permission)
    condition = Q(**{f"{superapp}__in": superapps})
    return condition | Q(**{f"{team}__in": teams}) if team else condition


def holders(permission: str, obj: Scoped) -> "QuerySet[User]":
    """The active people who hold `permission` on a container of `obj`, for "who can do this" beside a disabled button."""
    code, scope = codename(permission), narrowed(permission, obj.scope)
    if scope.container == PLATFORM:
        roles = [role for role in PLATFORM_ROLES if permission in permissions_of(role, PLATFORM)]
        return _model("User").objects.filter(platform_role__in=roles, is_active=True).order_by("name", "email")
    by_team = Q(teamgrant__permission__codename=code, teamgrant__content_object_id=scope.team_id)
    by_superapp = Q(superappgrant__permission__codename=code, superappgrant__content_object_id=scope.superapp_id)
    return _model("User").objects.filter(by_team | by_superapp, is_active=True).distinct().order_by("name", "email")
