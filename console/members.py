"""The members of a team or a superapp as a list."""

from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters
from console.listing import Listing, Sort
from console.matrix import ROLES, SUPERAPP_ROLES, TEAM_ROLES
from console.models import OWN_ROLE, Superapp, SuperappMembership, Team, TeamMembership, choices


class MemberFilters(ListFilters):
    """The search knows parts of names and addresses."""

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Members with this in the name or the e-mail address."""
        return rows.filter(Q(user__name__icontains=value) | Q(user__email__icontains=value))


class TeamMemberFilters(MemberFilters):
    role = ChoiceFilter(choices=[*choices(TEAM_ROLES), (OWN_ROLE, _("Roles of the team's own"))], label=_("Role"))


class SuperappMemberFilters(MemberFilters):
    role = ChoiceFilter(choices=choices(SUPERAPP_ROLES), label=_("Role"))


class MemberListing(Listing):
    """Members, the newest last. A row leads to the change of the role for those who may change it."""

    caption = _("Members")
    search_label = _("Name or e-mail address")
    sorts = (
        Sort("oldest", _("oldest first"), "created_at", descending=False),
        Sort("newest", _("newest first"), "created_at"),
    )
    columns: ClassVar[tuple[Column, ...]] = (
        Column("name", _("Name"), source="user__name"),
        Column("email", _("E-mail"), source="user__email"),
        Column("role", _("Role"), source="role", choices=tuple(ROLES.items())),
        Column("active", _("Account"), source="user__is_active", choices=((True, _("Can sign in")), (False, _("Closed")))),
        Column("since", _("Member since"), Kind.TIME, "created_at"),
    )
    may_manage = False
    route = ""

    def row_url(self, row: dict[str, Any]) -> str:
        """The page of the member's role."""
        place = {name: row[f"{name}__code"] for name in ("team", "superapp") if f"{name}__code" in row}
        return reverse(self.route, kwargs={**place, "pk": row["id"]}) if self.may_manage else ""

    def number(self, count: int) -> str:
        """So many members."""
        return ngettext("%(count)s member", "%(count)s members", count) % {"count": f"{count:,}"}


class TeamMemberListing(MemberListing):
    filters = TeamMemberFilters
    #: A role of the team's own by the name the team gave it.
    columns = tuple(
        replace(column, source=Coalesce("own_role__name", "role")) if column.name == "role" else column
        for column in MemberListing.columns
    )
    extra = ("team__code",)
    route = "team-member-role"


class SuperappMemberListing(MemberListing):
    filters = SuperappMemberFilters
    extra = ("superapp__code",)
    route = "superapp-member-role"


def member_listing(place: Team | Superapp, query: QueryDict, *, may_manage: bool) -> MemberListing:
    """The members of a team or a superapp."""
    found: MemberListing
    if isinstance(place, Team):
        found = TeamMemberListing(TeamMembership.objects.filter(team=place), query)
    else:
        found = SuperappMemberListing(SuperappMembership.objects.filter(superapp=place), query)
    found.may_manage = may_manage
    return found
