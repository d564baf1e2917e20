"""The approver's queue: one query over one table, whatever the kind of the request (docs/superapp.md)."""

from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.db.models import BooleanField, Case, CharField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.lookups import Exact
from django.http import QueryDict
from django.utils.timezone import localtime
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters
from console.listing import Listing, Sort
from console.models import MiniProgram, Superapp, Team, User
from console.permissions import can
from payments.models import PaymentRequest, Request
from payments.notices import review_url

TABS = (("pending", pgettext_lazy("requests", "Pending")), ("decided", _("Decided")), ("in-force", _("In force")))
KINDS = tuple((kind.value, kind.label) for kind in Request.Kind)
#: The kinds in words, with the two payments that a mini program may ask for told apart. The type is asked for each row that is
#: shown; a join would be made for all that match, before they are cut.
TYPE = Subquery(PaymentRequest.objects.filter(pk=OuterRef("pk")).values("type"))
WHAT = Case(
    When(Exact(TYPE, Value(PaymentRequest.Type.STANDARD.value)), then=Value("standard")),
    default=F("kind"),
    output_field=CharField(),
)
WORDS = (*KINDS, ("standard", _("Standard payment permission")))
STATES = tuple((state.value, state.label) for state in Request.State)


class RequestFilters(ListFilters):
    """By kind; the search knows whole app ids and parts of the names of mini program, team and requester."""

    record = ("tab",)
    tab = ChoiceFilter(choices=TABS, label=_("Tab"), method="keep")
    kind = ChoiceFilter(choices=KINDS, label=_("Kind"))

    def keep(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """request_listing() has chosen the rows of the tab."""
        return rows

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Requests about this mini program, of this team or by this person.

        These are looked up first: a condition with OR over four tables would read all requests, one with their numbers reads
        indexes. Three queries, whatever is found.
        """
        named = Q(name__icontains=value)
        asked = {
            "mini_program": MiniProgram.objects.filter(named | Q(app_id=value)),
            "team": Team.objects.filter(named),
            "requested_by": User.objects.filter(named | Q(email=value)),
        }
        numbers = {name: list(found.values_list("pk", flat=True)) for name, found in asked.items()}
        conditions = [Q(**{f"{name}__in": pks}) for name, pks in numbers.items() if pks]
        return rows.filter(reduce(or_, conditions)) if conditions else rows.none()


class RequestListing(Listing):
    """What the lists of the desk share."""

    caption = _("Requests")
    search_label = _("Mini program, team or person")
    filters = RequestFilters
    extra: ClassVar[tuple[str, ...]] = ("superapp__code", "kind")
    about = (
        Column("kind", pgettext_lazy("of a team", "Request"), source=WHAT, choices=WORDS),
        Column("program", _("Mini program"), source="mini_program__name"),
        Column("team", _("Team"), source="team__name"),
        Column("by", _("Requested by"), source="requested_by__name"),
    )

    def row_url(self, row: dict[str, Any]) -> str:
        """The page of the review."""
        return review_url(row["kind"], superapp=row["superapp__code"], pk=row["id"])

    def number(self, count: int) -> str:
        """So many requests."""
        return ngettext("%(count)s request", "%(count)s requests", count) % {"count": f"{count:,}"}


class PendingFilters(RequestFilters):
    """Narrows to what the reader may decide: nothing of their own and nothing of a team they are in (docs/roles.md)."""

    waiting = ChoiceFilter(choices=(("long", _("Too long")),), method="too_long", label=_("Waiting"))
    mine = ChoiceFilter(choices=(("1", _("Me")),), method="awaiting", label=_("Awaiting"))

    def too_long(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """Rows of which the superapp's admins were told that they wait too long."""
        return rows.filter(escalated_at__isnull=False)

    def awaiting(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """Rows that request_listing() marked for the reader."""
        return rows.filter(decidable=True)


class PendingListing(RequestListing):
    """What waits for a decision, the longest first."""

    filters = PendingFilters
    select = "request"
    extra = (*RequestListing.extra, "team__name", "mini_program__name", "requested_at")
    sorts = (
        Sort("oldest", _("longest waiting first"), "requested_at", descending=False),
        Sort("newest", _("newest first"), "requested_at"),
    )
    columns = (
        *RequestListing.about,
        Column("waiting", _("Waiting"), Kind.WAITING, "requested_at"),
        Column("message", _("Message"), Kind.EXCERPT, "message"),
    )

    def row_name(self, row: dict[str, Any]) -> str:
        """What is asked, for whom, and since when: a mini program may have several releases in review."""
        kind = dict(WORDS)[row[self.about[0].alias]]
        since = f"{localtime(row['requested_at']):%Y-%m-%d %H:%M}"
        words = {"kind": kind, "of": row["mini_program__name"] or row["team__name"], "since": since}
        return _now("%(kind)s of %(of)s, since %(since)s") % words


class PendingToRead(PendingListing):
    """For those who decide nothing: without boxes to tick."""

    select = ""


class DecidedListing(RequestListing):
    """What was decided or has ended, the last first."""

    sorts = (
        Sort("newest", _("newest first"), "closed_at"),
        Sort("oldest", _("oldest first"), "closed_at", descending=False),
    )
    columns = (
        *RequestListing.about,
        Column("state", _("State"), Kind.STATE, "state", choices=STATES),
        Column("decider", _("Decided by"), source="decided_by__name"),
        Column("closed", _("Since"), Kind.TIME, "closed_at"),
        Column("reason", _("Reason"), Kind.EXCERPT, "reason"),
    )


def request_listing(superapp: Superapp, query: QueryDict, *, tab: str, reader: User) -> RequestListing:
    """The requests of `superapp` on one of TABS, as `reader` looks at them."""
    rows = Request.objects.filter(superapp=superapp)
    if tab == "pending":
        own = Q(requested_by=reader) | Q(team__in=reader.team_memberships.values("team"))
        marked = rows.filter(state=Request.State.IN_PROGRESS).annotate(decidable=ExpressionWrapper(~own, BooleanField()))
        return (PendingListing if can(reader, "payments.decide", superapp) else PendingToRead)(marked, query)
    if tab == "in-force":
        return DecidedListing(rows.in_force().exclude(kind=Request.Kind.RELEASE), query)
    return DecidedListing(rows.exclude(state=Request.State.IN_PROGRESS), query)
