"""What the platform lists: superapps, teams, mini programs of a team, users and invitations."""

from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now, NullIf
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters
from console.listing import Listing, Sort
from console.matrix import PLATFORM_ROLES, ROLES
from console.models import Invitation, Superapp, Team, User, choices

BY_NAME = (
    Sort("name", _("by name"), "name", descending=False),
    Sort("name-down", _("by name, from the end"), "name"),
)
NEWEST = (
    Sort("newest", _("newest first"), "created_at"),
    Sort("oldest", _("oldest first"), "created_at", descending=False),
)

LINKED = Coalesce(NullIf("linked_email", Value("")), Value("–"), output_field=CharField())


class PlaceFilters(ListFilters):
    """The search knows the whole id and parts of the name."""

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Places of this id or with this in the name."""
        return rows.filter(Q(code=value) | Q(name__icontains=value))


class SuperappListing(Listing):
    caption = _("Superapps")
    search_label = _("Id or name")
    filters = PlaceFilters
    sorts = BY_NAME
    columns = (
        Column("name", _("Name"), source="name"),
        Column("code", _("Id"), Kind.ID, "code"),
        Column("payment", _("Payment"), source="payment_enabled", choices=((True, _("On")), (False, _("Off")))),
        Column("created", _("Created"), Kind.TIME, "created_at"),
    )
    extra = ("code",)

    def row_url(self, row: dict[str, Any]) -> str:
        """The superapp as the platform sees it."""
        return reverse("platform-superapp", kwargs={"code": row["code"]})

    def number(self, count: int) -> str:
        """So many superapps."""
        return ngettext("%(count)s superapp", "%(count)s superapps", count) % {"count": f"{count:,}"}


class TeamListing(Listing):
    caption = _("Teams")
    search_label = _("Id or name")
    filters = PlaceFilters
    sorts = BY_NAME
    columns = (
        Column("name", _("Name"), source="name"),
        Column("superapp", _("Superapp"), source="superapp__name"),
        Column("email", _("Linked e-mail"), source=LINKED),
        Column("created", _("Created"), Kind.TIME, "created_at"),
    )
    extra = ("code",)

    def row_url(self, row: dict[str, Any]) -> str:
        """The team as the platform sees it."""
        return reverse("platform-team", kwargs={"code": row["code"]})

    def number(self, count: int) -> str:
        """So many teams."""
        return ngettext("%(count)s team", "%(count)s teams", count) % {"count": f"{count:,}"}


class UserFilters(ListFilters):
    """The search knows parts of names and addresses."""

    role = ChoiceFilter(choices=choices(PLATFORM_ROLES), field_name="platform_role", label=_("Role"))
    active = ChoiceFilter(choices=[("1", _("Can sign in")), ("0", _("Closed"))], field_name="is_active", label=_("Account"))

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """People with this in the name or the e-mail address."""
        return rows.filter(Q(name__icontains=value) | Q(email__icontains=value))


class UserListing(Listing):
    caption = _("Users")
    search_label = _("Name or e-mail address")
    filters = UserFilters
    sorts = NEWEST
    columns = (
        Column("name", _("Name"), source=Coalesce(NullIf("name", Value("")), F("email"), output_field=CharField())),
        Column("email", _("E-mail"), source="email"),
        Column("role", _("Role on the platform"), source="platform_role", choices=(("", "–"), *ROLES.items())),
        Column("active", _("Account"), source="is_active", choices=((True, _("Can sign in")), (False, _("Closed")))),
        Column("created", _("Created"), Kind.TIME, "created_at"),
    )

    def row_url(self, row: dict[str, Any]) -> str:
        """The person's page."""
        return reverse("platform-user", kwargs={"pk": row["id"]})

    def number(self, count: int) -> str:
        """So many users."""
        return ngettext("%(count)s user", "%(count)s users", count) % {"count": f"{count:,}"}


#: In the order they are looked at; as MailedLink.what_became_of_it.
STATES = {"accepted": _("Accepted"), "revoked": _("Revoked"), "expired": _("Expired"), "open": _("Open")}
STATE = Case(
    When(used_at__isnull=False, then=Value("accepted")),
    When(revoked_at__isnull=False, then=Value("revoked")),
    When(expires_at__lte=Now(), then=Value("expired")),
    default=Value("open"),
    output_field=CharField(),
)
#: What the platform sent; what teams and superapps send is theirs.
BY_PLATFORM = Q(team=None, superapp=None) | ~Q(invited_by__platform_role="")
WHERE = Coalesce("team__name", "superapp__name", Value("–"))
ROLE = Coalesce("own_role__name", NullIf("role", Value("")), Value("–"))


class InvitationFilters(ListFilters):
    """The search knows parts of addresses."""

    state = ChoiceFilter(choices=list(STATES.items()), field_name="state", label=_("State"))

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Invitations to addresses with this in them."""
        return rows.filter(email__icontains=value)


class InvitationListing(Listing):
    caption = _("Invitations")
    search_label = _("E-mail address")
    filters = InvitationFilters
    sorts = NEWEST
    columns = (
        Column("email", _("E-mail"), source="email"),
        Column("where", _("Team or superapp"), source=WHERE),
        Column("role", _("Role"), source=ROLE, choices=tuple(ROLES.items())),
        Column("state", _("State"), source="state", choices=tuple(STATES.items())),
        Column("created", _("Invited"), Kind.TIME, "created_at"),
        Column("until", _("Works until"), Kind.TIME, "expires_at"),
    )
    route = "platform-invitation"

    def __init__(self, rows: QuerySet, query: QueryDict, *, names: dict[str, str] | None = None) -> None:
        super().__init__(rows, query)
        self.names = names or {}

    def row_url(self, row: dict[str, Any]) -> str:
        """The invitation's page."""
        return reverse(self.route, kwargs={**self.names, "pk": row["id"]})

    def number(self, count: int) -> str:
        """So many invitations."""
        return ngettext("%(count)s invitation", "%(count)s invitations", count) % {"count": f"{count:,}"}


def superapp_listing(query: QueryDict) -> SuperappListing:
    """All superapps."""
    return SuperappListing(Superapp.objects.all(), query)


def team_listing(query: QueryDict) -> TeamListing:
    """All teams."""
    return TeamListing(Team.objects.all(), query)


def user_listing(query: QueryDict) -> UserListing:
    """All people."""
    return UserListing(User.objects.all(), query)


def invitation_listing(query: QueryDict, *, place: Team | Superapp | None = None) -> InvitationListing:
    """The invitations to a team or a superapp; without one, all that the platform sent."""
    rows = Invitation.objects.annotate(state=STATE)
    if place is None:
        return InvitationListing(rows.filter(BY_PLATFORM), query)
    kind = "team" if isinstance(place, Team) else "superapp"
    found = InvitationListing(rows.filter(**{kind: place}), query, names={kind: place.code})
    found.route = f"{kind}-invitation"
    return found
