"""Filters of listings: what the address may say, how it is checked, and how an active filter reads in words.

A filter set is declared with django-filter. Time is filtered by whole days in the reader's zone, the end day included.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote_plus

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.templatetags.moments import day_text

MAX_SEARCH = 200  # characters of a word; the longest id has 128
MAX_NUMBERS = 200  # words of a search that looks for whole numbers
MAX_IN_ADDRESS = 7000  # characters of a search as the address writes them; a request line has 8,190 (console/gunicorn_conf.py)
BETWEEN_NUMBERS = re.compile(r"[\s,;]+")
MAX_MONTHS = 12
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
DATE_WRONG = gettext_lazy("“%(value)s” is not a day of the calendar. Enter one such as 2026-11-21.")


class Chip(NamedTuple):
    """An active filter in words, and the names in the address that make it."""

    label: str
    names: tuple[str, ...]


class SearchField(forms.CharField):
    """One word or sentence; with `several`, up to MAX_NUMBERS numbers with spaces, commas or line ends between them.

    Where a number may hold such signs itself, `whole` is how many characters it has at most.
    The field has no maxlength: a browser would cut a pasted list and say nothing. console.js asks `most` and says it.
    """

    most = MAX_IN_ADDRESS

    def __init__(self, *, several: bool = False, whole: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.several = several
        self.whole = whole

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        words = numbers_in(text) if self.several else [text]
        if len(words) > MAX_NUMBERS:
            told = _("Search for at most %(most)s numbers at once; these are %(count)s. Take some away.")
            raise ValidationError(told % {"most": MAX_NUMBERS, "count": len(words)})
        longest = max(map(len, words), default=0)
        if longest > MAX_SEARCH:
            raise ValidationError(_("A search has at most 200 characters; this one has %s. Shorten it.") % longest)
        found = self.shortened(text)
        if len(quote_plus(found)) > MAX_IN_ADDRESS:
            raise ValidationError(self.too_long)
        return found

    def shortened(self, text: str) -> str:
        """The same search as short as an address holds it: numbers with one space between; what may be one number stays."""
        text = text.strip()
        return " ".join(numbers_in(text)) if self.several and len(text) > self.whole else text

    @property
    def too_long(self) -> str:
        """What to do about more than `most`."""
        if not self.several:
            return _("A search has at most 200 characters. Shorten it.")
        words = {"numbers": f"{MAX_NUMBERS:,}", "most": f"{MAX_IN_ADDRESS:,}"}
        told = _("Search for at most %(numbers)s numbers of %(most)s characters in all at once. Take some away.")
        return told % words


def numbers_in(text: str) -> list[str]:
    """The numbers of a pasted list, each once, in its order."""
    return list(dict.fromkeys(word for word in BETWEEN_NUMBERS.split(text) if word))


def id_in(text: str) -> int:
    """The id that the text names, 0 for none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def ids_in(texts: Iterable[str]) -> list[int]:
    """The ids that these texts name."""
    return [pk for pk in map(id_in, texts) if pk]


def words_searched(query: QueryDict) -> set[str]:
    """What the search of a list names, as a whole and word by word."""
    asked = str(query.get("q", "")).replace("\x00", "").strip()
    return {asked, *numbers_in(asked)} - {""}


class SearchFilter(django_filters.Filter):
    field_class = SearchField


class DayField(forms.DateField):
    """A day; what is no day is repeated in the message, so that the reader sees what was understood."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> date | None:
        try:
            found = super().to_python(value)
        except ValidationError:
            raise ValidationError(DATE_WRONG, params={"value": str(value)[:20]}) from None
        if found and not EARLIEST <= found <= LATEST:
            raise ValidationError(_("Enter a day between 1 January 2000 and 31 December 2100."))
        return found


class DayFilter(django_filters.Filter):
    field_class = DayField


class ChoiceFilter(django_filters.ChoiceFilter):
    """One value of a field; the empty choice means any."""

    def __init__(self, *, choices: Any, label: str | Promise, **options: Any) -> None:
        wrong = gettext_lazy("“%(value)s” is not one of the choices. Choose one of those offered.")
        options = {"empty_label": gettext_lazy("Any"), "error_messages": {"invalid_choice": wrong}} | options
        super().__init__(choices=choices, label=label, **options)


class ListFilters(django_filters.FilterSet):
    """Base of all filter sets: a search over `search_fields`, which are compared as a whole."""

    search_fields: ClassVar[tuple[str, ...]] = ()
    #: Filters that fewer people need; they unfold.
    folded: ClassVar[tuple[str, ...]] = ()
    #: Filters that links set, such as tabs: they narrow the list and have a chip, but no field.
    linked: ClassVar[tuple[str, ...]] = ()
    #: Names that say which record is shown rather than narrow it: no chip removes them, and clearing the filters keeps them.
    record: ClassVar[tuple[str, ...]] = ()
    q = SearchFilter(method="search", label=gettext_lazy("Search"))

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Rows of which one search field is exactly `value`; override it to search otherwise."""
        condition = Q()
        for name in self.search_fields:
            condition |= Q(**{name: value})
        return rows.filter(condition)

    @property
    def numbers(self) -> list[str]:
        """The numbers of a pasted list; none for a search for one thing."""
        found = numbers_in(self.values.get("q", "")) if getattr(self.form.fields["q"], "several", False) else []
        return found if len(found) > 1 else []

    @property
    def values(self) -> dict[str, Any]:
        """The cleaned values of the filters that narrow the list; empty while the form has faults."""
        return (
            {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")} if self.is_valid() else {}
        )

    @property
    def faults(self) -> list[str]:
        """What cannot be understood, in sentences that name the filter."""
        found = [(name, sentence) for name, sentences in self.form.errors.items() for sentence in sentences]
        return [_("%(filter)s: %(value)s") % {"filter": self.form.fields[name].label, "value": told} for name, told in found]

    @property
    def narrowing(self) -> dict[str, Any]:
        """The values of the filters, without those that say which record is shown."""
        return {name: value for name, value in self.values.items() if name not in self.record}

    @property
    def record_words(self) -> list[str]:
        """Which record is shown, in words."""
        return []

    @property
    def chips(self) -> list[Chip]:
        """The active filters in words."""
        return [Chip(_("%(filter)s: %(value)s") % self._words(name, value), (name,)) for name, value in self.narrowing.items()]

    def _words(self, name: str, value: Any) -> dict[str, Any]:
        field = self.form.fields[name]
        if name == "q" and (numbers := self.numbers):
            value = ngettext("%(count)s number", "%(count)s numbers", len(numbers)) % {"count": len(numbers)}
        choices = {str(key): label for key, label in getattr(field, "choices", [])}
        return {"filter": field.label, "value": choices.get(str(value), value)}

    @property
    def notices(self) -> list[str]:
        """What was understood otherwise than it was asked, in sentences."""
        return []

    @property
    def fixed(self) -> dict[str, str]:
        """Values that keep the list what it is when another day begins."""
        return {}


class Period(NamedTuple):
    """Days that a list is about, both included; None is open. `notice` says what was clamped.

    A period that ends before it starts has no day: what was asked for is older than the list goes back.
    """

    since: date | None
    until: date | None
    notice: str = ""


class PeriodForm(forms.Form):
    """Checks the two days against each other."""

    field_order = ("q", "time", "since", "until")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            words = {"since": day_text(since), "until": day_text(until)}
            self.add_error("until", _("The last day, %(until)s, is before the first, %(since)s. Swap them.") % words)
        return cleaned


class PeriodFilters(ListFilters):
    """Filters with a time. `axes` maps what `time` may say to a field and its label; the first is the default."""

    axes: ClassVar[dict[str, tuple[str, str | Promise]]] = {}
    default_days: ClassVar[int] = 0  # without days and without a search; 0 is MAX_MONTHS
    since = DayFilter(method="keep", label=gettext_lazy("From"))
    until = DayFilter(method="keep", label=gettext_lazy("To"))

    class Meta:
        form = PeriodForm

    def keep(self, rows: QuerySet, _name: str, _value: Any) -> QuerySet:
        """The days are applied together, in filter_queryset."""
        return rows

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Rows inside the period."""
        return within(super().filter_queryset(queryset), self.time_field, self.period)

    @property
    def axis(self) -> str:
        """Which time the list is about."""
        chosen = self.values.get("time", "")
        return chosen if chosen in self.axes else next(iter(self.axes))

    @property
    def axis_of_periods(self) -> str:
        """The axis on which a scheduled export counts its periods: that of the address, else one that leaves out no row."""
        return self.axis

    @property
    def left_out(self) -> Sequence[str | Promise]:
        """Which rows are in no file of a scheduled export with these filters, and what to choose instead, in sentences."""
        return []

    @property
    def time_field(self) -> str:
        """The model field of the axis."""
        return self.axes[self.axis][0]

    @property
    def period(self) -> Period:
        """The days that apply: as asked, at most twelve months, else the default."""
        values, today = self.values, timezone.localdate()
        since, until = values.get("since"), values.get("until")
        if not since and not until and self.default_days and "q" not in values:
            return Period(today - timedelta(days=self.default_days - 1), None)
        earliest = self.earliest(until or today)
        if until and until < earliest:
            told = _("This list goes back at most 12 months, to %(first)s; the days asked for end before that, on %(last)s.")
            return Period(earliest, until, told % {"first": day_text(earliest), "last": day_text(until)})
        if since is None or since >= earliest:
            return Period(since or earliest, until)
        return Period(earliest, until, _("A list covers at most 12 months, so it starts on %s.") % day_text(earliest))

    @property
    def fixed(self) -> dict[str, str]:
        """The days that apply today."""
        since, until = self.period.since, self.period.until
        return {"since": str(since), "until": str(until or max(since, timezone.localdate()))} if since else {}

    def earliest(self, until: date) -> date:
        """The first day of the twelve months that end with `until`."""
        return months_before(until, MAX_MONTHS)

    @property
    def chips(self) -> list[Chip]:
        """The period reads as one chip."""
        others = [chip for chip in super().chips if not {"since", "until", "time"} & set(chip.names)]
        values = self.values
        asked = tuple(name for name in ("time", "since", "until") if name in values)
        period = self.period
        if not self.is_valid() or not (asked or period.since or period.until):
            return others
        return [Chip(_("%(time)s: %(days)s") % {"time": self.axes[self.axis][1], "days": words_of(period)}, asked), *others]

    @property
    def notices(self) -> list[str]:
        """Says what was clamped."""
        return [self.period.notice] if self.is_valid() and self.period.notice else []


def choice_of_axis(axes: dict[str, tuple[str, str | Promise]]) -> ChoiceFilter:
    """The filter with which the reader says which of these times the days are those of."""
    choices = [(name, label) for name, (_field, label) in axes.items()]
    return ChoiceFilter(choices=choices, label=gettext_lazy("Time"), method="keep", empty_label=None)


def months_before(day: date, months: int) -> date:
    """The same day `months` earlier, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def words_of(period: Period) -> str:
    """The days as people write them."""
    since, until = period.since, period.until
    if since and until and since <= until:
        words = {"since": day_text(since), "until": day_text(until)}
        return day_text(since) if since == until else _("%(since)s to %(until)s") % words
    if until:
        return _("until %s") % day_text(until)
    return _("since %s") % day_text(since) if since else _("always")


def within(rows: QuerySet, field: str, period: Period) -> QuerySet:
    """Rows whose time lies in the days of the period, as the reader's zone counts them."""
    if period.since:
        rows = rows.filter(**{f"{field}__gte": start_of(period.since)})
    if period.until:
        rows = rows.filter(**{f"{field}__lt": start_of(period.until + timedelta(days=1))})
    return rows


def start_of(day: date) -> datetime:
    """The first moment of a day in the active zone, in UTC."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone()).astimezone(UTC)
