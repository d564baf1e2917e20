"""Activity: the audit entries of a mini program, a team or a superapp as a list.

People's entries are listed by themselves unless asked otherwise: orders write many by the system. Partial indexes carry that
(console/models/audit.py). The history of one object has everybody's entries in every list, by the index of the object.
"""

import json
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

import django_filters
from django.apps import apps
from django.db import connection
from django.db.models import CharField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Coalesce, JSONObject
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.exports import Exportable, register
from console.filters import ChoiceFilter, Period, PeriodFilters
from console.listing import Listing, Sort
from console.matrix import MATRIX, ROLES
from console.models import AuditEntry, MiniProgram, Superapp, Team
from console.permissions import Platform
from console.subjects import BETWEEN, FIELDS, subject_of
from console.verbs import WORDS

SUBJECT = JSONObject(label=F("object_label"), type=F("object_type"))
#: Fields whose values are names of the matrix, and the words for those.
RIGHTS = ("role", "platform_role", "permissions")
SPOKEN = {**ROLES, **{row.permission: row.label for row in MATRIX}}
CHANGES = JSONObject(changes=F("changes"), note=F("note"), type=F("object_type"))
NOTHING = [[before, after] for before in (None, "") for after in (None, "")]
SHOWN = 200  # characters of a value before and after; an entry may hold a whole description


class LastPart(Func):
    """What stands behind the last " · " of a label, or all of it. Written as the index `audit_people_name` has it."""

    template = "split_part(%(expressions)s, ' · ', -1)"
    output_field = CharField()


class ActivityFilters(PeriodFilters):
    """By day, person and verb; a search compares whole values."""

    folded = ("object",)
    axes: ClassVar[dict[str, tuple[str, Any]]] = {"at": ("created_at", _("Time"))}
    person = django_filters.CharFilter(field_name="actor_label", lookup_expr="icontains", label=_("Person"), max_length=100)
    verb = ChoiceFilter(choices=sorted(WORDS.items()), label=_("What"))
    object = django_filters.CharFilter(method="about", label=_("History of"), max_length=165)

    @property
    def has_everybody(self) -> bool:
        """Whether what the system did is listed too: the history of one object has all of it, as the object's own page."""
        return "object" in self.values

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """People's entries unless everybody's are meant."""
        rows = super().filter_queryset(queryset)
        return rows if self.has_everybody else rows.filter(actor__isnull=False)

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """By label, request id or address; also by the name alone, which stands behind the kind in the labels of requests."""
        named = Q(object_label=value) | Q(object_label__endswith=f"{BETWEEN}{value}")
        if connection.vendor == "postgresql":
            # Implied by the two, and what there is an index for.
            rows, named = rows.alias(name=LastPart("object_label")), named & Q(name=value.rpartition(BETWEEN)[2])
        return rows.filter(named | Q(request_id=value) | Q(address=value))

    def _words(self, name: str, value: Any) -> dict[str, Any]:
        """An object by its name, as its newest entry here has it."""
        words = super()._words(name, value)
        if name == "object":
            rows = self.about(self.queryset, name, value).order_by("-id")
            words["value"] = next((subject_of(*row) for row in rows.values_list("object_type", "object_label")[:1]), value)
        return words

    def about(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Entries about one object, named as in object_key()."""
        kind, _colon, pk = value.partition(":")
        return rows.filter(object_type=kind, object_id=pk)


class PlaceFilters(ActivityFilters):
    """A team's and a superapp's list may also show what the system did."""

    SEARCHED_DAYS = 7  # of what the system did: nothing but the time narrows that
    who = ChoiceFilter(
        choices=[("", _("People")), ("all", _("People and the system"))], label=_("Who"), method="by", empty_label=None
    )

    def by(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """The choice is applied in filter_queryset: without it, people."""
        return rows

    @property
    def has_everybody(self) -> bool:
        """Also when it is asked for."""
        return self.values.get("who") == "all" or super().has_everybody

    @property
    def period(self) -> Period:
        """A search in what the system did looks at the past week, unless days are asked for."""
        values = self.values
        if values.get("who") == "all" and "q" in values and not {"since", "until"} & values.keys():
            told = _now("What the system did is searched for the past %(days)s days; choose the days for earlier ones.")
            first = timezone.localdate() - timedelta(days=self.SEARCHED_DAYS - 1)
            return Period(first, None, told % {"days": self.SEARCHED_DAYS})
        return super().period


class PlatformFilters(ActivityFilters):
    """What people of the platform did; the history of one object has everybody's entries, as on the object's own pages."""

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Their entries unless an object is asked for."""
        rows = super().filter_queryset(queryset)
        return rows if self.has_everybody else rows.filter(by_platform=True)


class ChangesColumn(Column):
    """Before and after of each field in words, then the note."""

    in_python = True

    def word(self, value: Any) -> str:
        """One line of text."""
        pairs = value["changes"] or {}
        if isinstance(pairs, str):  # SQLite keeps JSON inside JSON as text
            pairs = json.loads(pairs)
        return changes_text(value["type"], pairs, value["note"])


def changes_text(kind: str, changes: dict[str, Any], note: str) -> str:
    """Before and after of each field of an entry about a `kind`, such as "items.item", then its note; one line.

    What was empty and stays empty, such as the role of somebody who is invited without one, is left out.
    """
    fields = _fields(kind)
    parts = [_shown(name, pair, fields.get(name)) for name, pair in changes.items() if pair not in NOTHING]
    return BETWEEN.join([*parts, note] if note else parts)


@cache
def _fields(label: str) -> dict[str, Any]:
    """The fields of the model that entries call `label`, such as "items.item"; none for what is no model any more."""
    try:
        return {field.name: field for field in apps.get_model(label)._meta.fields}
    except (LookupError, ValueError):
        return {}


def _shown(name: str, pair: Any, field: Any) -> str:
    """A pair [before, after] with an arrow; whatever else an entry holds as it is. States and choices as the pages say them."""
    choices = {**(SPOKEN if name in RIGHTS else {}), **(dict(field.flatchoices) if field else {})}
    words = {"name": FIELDS.get(name) or (field.verbose_name if field else name), "before": "", "after": ""}
    if not isinstance(pair, list) or len(pair) != 2:
        return _now("%(name)s: %(after)s") % {**words, "after": _value(pair, choices)}
    return _now("%(name)s: %(before)s → %(after)s") % {
        **words, "before": _value(pair[0], choices), "after": _value(pair[1], choices),
    }  # fmt: skip


def _value(value: Any, choices: dict[Any, Any]) -> str:
    if isinstance(value, list):
        text = ", ".join(str(choices.get(one, one)) for one in value)
    elif isinstance(value, bool):
        text = _now("Yes") if value else _now("No")
    else:
        text = "–" if value in (None, "") else str(choices.get(value, value))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


class SubjectColumn(Column):
    """The kind of the object and its name."""

    in_python = True

    @property
    def css(self) -> str:
        """Names may be long."""
        return "wrap"

    def word(self, value: Any) -> str:
        """In the reader's language, whatever language the entry was written in."""
        return subject_of(value["type"], value["label"])


class ActivityListing(Listing):
    """Entries, the newest first. Numbers of entries rise with time, so a mini program's list is ordered by them."""

    caption = _("Activity")
    select = "ids"
    currency = ""
    search_label = _("Object, request id or address")
    filters = ActivityFilters
    sorts = (Sort("newest", _("newest first"), "id"), Sort("oldest", _("oldest first"), "id", descending=False))
    columns: ClassVar[tuple[Column, ...]] = (
        Column("at", _("Time"), Kind.TIME, "created_at"),
        Column("who", _("Who"), source="actor_label"),
        Column("what", _("What"), source="verb", choices=tuple(WORDS.items())),
        SubjectColumn("object", _("Object"), source=SUBJECT),
        ChangesColumn("changes", _("Before → after, note"), Kind.EXCERPT, CHANGES),
        Column("address", _("Address"), source="address"),
        Column("request", _("Request id"), source="request_id"),
    )

    extra = ("object_type", "object_id")

    def row_url(self, row: dict[str, Any]) -> str:
        """The history of the object that the entry is about."""
        return self.url(object=object_key(row["object_type"], row["object_id"]))

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


class PlatformActivityListing(PlaceActivityListing):
    """Of the platform's own people, wherever they did it."""

    filters = PlatformFilters
    columns: ClassVar[tuple[Column, ...]] = (
        *ActivityListing.columns[:4],
        Column("where", _("Team or superapp"), source=Coalesce("team__name", "superapp__name", Value("–"))),
        *ActivityListing.columns[4:],
    )


def object_key(kind: str, pk: Any) -> str:
    """How the address names an object: the `object_type` and the `object_id` of its entries."""
    return f"{kind}:{pk}"


def activity_listing(place: MiniProgram | Team | Superapp | Platform, query: QueryDict) -> ActivityListing:
    """What happened in a mini program, in a team with its mini programs, in a superapp with its teams; what the platform did."""
    if isinstance(place, Platform):
        return PlatformActivityListing(AuditEntry.objects.all(), query)
    if isinstance(place, MiniProgram):
        return ActivityListing(AuditEntry.objects.filter(mini_program=place), query)
    if isinstance(place, Team):
        return PlaceActivityListing(AuditEntry.objects.filter(team=place), query)
    return PlaceActivityListing(AuditEntry.objects.filter(superapp=place), query)


register(Exportable("activity", "console.view_activity", _("Export of the activity: %(place)s"), activity_listing))
