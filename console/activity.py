"""Activity: the audit entries of a mini program, a team or a superapp as a list.

People's entries are listed by themselves unless asked otherwise: orders write many by the system. Partial indexes carry that
(console/models/audit.py). A mini program's list always is about people; what became of an order stands on its own page.
"""

import json
from typing import Any, ClassVar

import django_filters
from django.db.models import F, QuerySet
from django.db.models.functions import JSONObject
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, PeriodFilters
from console.listing import Listing, Sort
from console.models import AuditEntry, MiniProgram, Superapp, Team
from console.verbs import WORDS

SHOWN = 200  # characters of a value before and after; an entry may hold a whole description


class ActivityFilters(PeriodFilters):
    """By day, person and verb; a search compares whole values."""

    search_fields = ("object_label", "request_id", "address")
    axes: ClassVar[dict[str, tuple[str, Any]]] = {"at": ("created_at", _("Time"))}
    person = django_filters.CharFilter(field_name="actor_label", lookup_expr="icontains", label=_("Person"), max_length=100)
    verb = ChoiceFilter(choices=sorted(WORDS.items()), label=_("What"))


class PlaceFilters(ActivityFilters):
    """A team's and a superapp's list may also show what the system did."""

    who = ChoiceFilter(
        choices=[("", _("People")), ("all", _("People and the system"))], label=_("Who"), method="by", empty_label=None
    )

    def by(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """The choice is applied in filter_queryset: without it, people."""
        return rows

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """People's entries unless all are asked for."""
        rows = super().filter_queryset(queryset)
        return rows if self.values.get("who") == "all" else rows.filter(actor__isnull=False)


class ChangesColumn(Column):
    """Before and after of each field, then the note."""

    def word(self, value: Any) -> str:
        """One line of text."""
        pairs = value["changes"] or {}
        if isinstance(pairs, str):  # SQLite keeps JSON inside JSON as text
            pairs = json.loads(pairs)
        parts = [f"{name}: {_shown(pair)}" for name, pair in pairs.items()]
        return " · ".join([*parts, value["note"]] if value["note"] else parts)


def _shown(pair: Any) -> str:
    """A pair [before, after] with an arrow; whatever else an entry holds as it is."""
    if isinstance(pair, list) and len(pair) == 2:
        return f"{_value(pair[0])} → {_value(pair[1])}"
    return _value(pair)


def _value(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "–" if value in (None, "") else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


class ActivityListing(Listing):
    """Entries, the newest first. Numbers of entries rise with time, so a mini program's list is ordered by them."""

    caption = _("Activity")
    search_label = _("Object, request id or address")
    filters = ActivityFilters
    sorts = (Sort("newest", _("newest first"), "id"), Sort("oldest", _("oldest first"), "id", descending=False))
    columns = (
        Column("at", _("Time"), Kind.TIME, "created_at"),
        Column("who", _("Who"), source="actor_label"),
        Column("what", _("What"), source="verb", choices=tuple(WORDS.items())),
        Column("object", _("Object"), source="object_label"),
        ChangesColumn("changes", _("Before → after, note"), source=JSONObject(changes=F("changes"), note=F("note"))),
        Column("address", _("Address"), source="address"),
        Column("request", _("Request id"), source="request_id"),
    )

    def number(self, count: int) -> str:
        """So many entries."""
        return ngettext("%(count)s entry", "%(count)s entries", count) % {"count": f"{count:,}"}


class PlaceActivityListing(ActivityListing):
    """Of a team or a superapp: ordered by the time, as their indexes are."""

    filters = PlaceFilters
    sorts = (
        Sort("newest", _("newest first"), "created_at"),
        Sort("oldest", _("oldest first"), "created_at", descending=False),
    )


def activity_listing(place: MiniProgram | Team | Superapp, query: QueryDict) -> ActivityListing:
    """What happened in a mini program, in a team with its mini programs, or in a superapp with its teams."""
    if isinstance(place, MiniProgram):
        return ActivityListing(AuditEntry.objects.filter(mini_program=place, actor__isnull=False), query)
    if isinstance(place, Team):
        return PlaceActivityListing(AuditEntry.objects.filter(team=place), query)
    return PlaceActivityListing(AuditEntry.objects.filter(superapp=place), query)
