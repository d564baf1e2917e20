"""A listing: query, filters, search, sort and columns, declared once; the page and the export read it.

    class OrderListing(Listing):
        columns = (Column("created", _("Created"), Kind.TIME, "created_at"), …)
        filters = OrderFilters
        sorts = (Sort("newest", _("Newest first"), "created_at", descending=True), …)

    listing = OrderListing(Order.objects.filter(mini_program=program), request.GET)

Everything stands in the address: filters, `q`, `sort`, and the place in the list, `after` or `before`. Pages are cut by keyset,
never by OFFSET: any depth costs the same, and a row that arrives meanwhile moves nothing. Counts stop at 10,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console import cursors
from console.columns import Column, annotations, mask
from console.filters import ListFilters, words_searched
from console.listing_table import table_body, table_head

PAGE_SIZE = 50
COUNT_CAP = 10_000
PLACES = ("after", "before")
LAST = "end"  # the place before which the last page ends


@dataclass(frozen=True)
class Sort:
    """One order of the list: by `field`, then by id. Every field a list is sorted by stands in an index with the id.

    `column` is the name of the column whose head turns the order, where that is not the one whose source is the field.
    """

    name: str
    label: str | Promise
    field: str
    descending: bool = True
    column: str = ""

    def is_of(self, column: Column) -> bool:
        """Whether the head of this column turns the order."""
        return self.column == column.name if self.column else column.source == self.field

    @property
    def order(self) -> tuple[str, str]:
        """For order_by()."""
        sign = "-" if self.descending else ""
        return f"{sign}{self.field}", f"{sign}id"

    @property
    def turned(self) -> "Sort":
        """The same the other way round."""
        return replace(self, descending=not self.descending)

    def behind(self, rows: QuerySet, place: tuple[Any, int] | None) -> QuerySet:
        """The rows in this order, from the head or behind a place, that is a value of the field and an id."""
        if place:
            compare: Any = TupleLessThan if self.descending else TupleGreaterThan
            rows = rows.filter(compare(Tuple(self.field, "id"), place))
        return rows.order_by(*self.order)


@dataclass(frozen=True)
class Page:
    """One page: `rows` are dicts by column alias, with "id"; the places are cursors, "" where there is no such page.

    It `is_lost` when the rows of the page that was asked for have left the list: then it is the first.
    """

    rows: list[dict[str, Any]]
    previous: str = ""
    next: str = ""
    is_lost: bool = False


class Listing:
    """Declared once per list, made once per request from the rows it may show and the query of the address.

    `kept` names the columns that the reader keeps for this list; the address may ask for others.
    """

    #: The name under which readers keep columns and views of the list (console.list_settings), "" for neither.
    name: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    filters: ClassVar[type[ListFilters]] = ListFilters
    sorts: tuple[Sort, ...] = ()
    #: Paths that row_url() needs beside the columns.
    extra: ClassVar[tuple[str, ...]] = ()
    #: Name of the tick boxes, "" for none.
    select: ClassVar[str] = ""
    #: Money columns whose sums an export states: by their currency ("" for no money) and by what the column `apart` says.
    totals: ClassVar[tuple[str, ...]] = ()
    currency: ClassVar[str] = "currency"
    apart: Column | None = None
    sees_people: bool = False  # whether the reader may see the ids of people whole
    caption: ClassVar[str | Promise] = ""
    search_label: ClassVar[str | Promise] = ""

    def __init__(self, rows: QuerySet, query: QueryDict, *, kept: Sequence[str] = ()) -> None:
        self.rows = rows
        self.query = query
        self.kept = kept
        self.zone = timezone.get_current_timezone_name()
        self.filterset = self.filters(query, queryset=rows)

    # What a list says for itself

    def row_url(self, row: dict[str, Any]) -> str:
        """The page of a row, "" for none."""
        return ""

    def row_name(self, row: dict[str, Any]) -> str:
        """What tells a row from the others, for its tick box; override it where the first column says the same of many."""
        return str(row[self.shown[0].alias])

    def number(self, count: int) -> str:
        """So many rows, in words with plural forms."""
        return str(count)

    def people_among(self, words: set[str]) -> set[str]:
        """Those of the words that are ids of people, whom the list may show masked; at most one query."""
        return set()

    @property
    def is_personal(self) -> bool:
        """Whether what is searched for names one of them."""
        return bool(self.people_among(words_searched(self.query)))

    # What was asked

    @property
    def form(self) -> Any:
        """The filter form; its faults are sentences."""
        return self.filterset.form

    @property
    def shown_fields(self) -> list[Any]:
        """The fields of the filter bar; the search has a place of its own."""
        elsewhere = ("q", *self.filterset.linked, *self.filterset.folded, *self.filterset.record)
        return [bound for bound in self.form if bound.name not in elsewhere]

    @property
    def folded_fields(self) -> list[Any]:
        """The fields behind "More filters"."""
        return [self.form[name] for name in self.filterset.folded]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the filter form hands on: record, linked filters, columns, sort, and the zone that days are counted in."""
        names = (*self.filterset.record, *self.filterset.linked, "columns", "sort")
        found = [(name, str(self.query[name])) for name in names if self.query.get(name)]
        zone = [("zone", self.zone)] if "since" in self.form.fields else []
        return [*found, *zone]

    @property
    def is_unfolded(self) -> bool:
        """Whether one of those is in use, or wrong."""
        return any(self.query.get(name) for name in self.filterset.folded)

    @cached_property
    def is_valid(self) -> bool:
        """Whether the filters can be understood; a list with faults shows and exports nothing rather than too much."""
        return bool(self.filterset.is_valid())

    @cached_property
    def sort(self) -> Sort:
        """The order asked for, else the first declared."""
        known = {sort.name: sort for sort in self.sorts}
        return known.get(self.query.get("sort", ""), self.sorts[0])

    @cached_property
    def notices(self) -> list[str]:
        """What was understood otherwise than it was asked, in sentences."""
        told = list(self.filterset.notices)
        asked = self.query.get("sort", "")
        if asked and asked != self.sort.name:
            words = {"asked": asked[:40], "sort": self.sort.label}
            told.append(_("This list cannot be sorted by “%(asked)s”; it is sorted as usual: %(sort)s.") % words)
        if unknown := [name for name in self.asked_columns if name not in {column.name for column in self.columns}]:
            told.append(_("This list has no column “%(name)s”.") % {"name": unknown[0][:40]})
        if any(self.query.get(name) for name in PLACES) and self.place is None and not self.is_backwards:
            told.append(_("The place in the list that the address names does not exist; this is the first page."))
        if self.is_lost:
            told.append(_("The rows of the page that the address names have left the list; this is the first page."))
        return told

    @property
    def is_filtered(self) -> bool:
        """Whether the reader narrowed the list."""
        return not self.is_valid or bool(self.filterset.narrowing)

    # Rows

    @cached_property
    def matching(self) -> QuerySet:
        """All rows that fit the filters, in no order."""
        return self.filterset.qs.order_by() if self.is_valid else self.rows.none()

    @property
    def ordered(self) -> QuerySet:
        """All rows that fit the filters, in the order of the list."""
        return self.matching.order_by(*self.sort.order)

    @cached_property
    def place(self) -> tuple[Any, int] | None:
        """Where the page starts: sort value and id; None at the head of the list or for a broken cursor."""
        text = self.query.get("before") or self.query.get("after") or ""
        return cursors.read(text, self.rows.model._meta.get_field(self.sort.field)) if text else None

    @property
    def is_backwards(self) -> bool:
        """Whether the page ends before the place, or with the list, instead of starting after it."""
        return self.is_last or (bool(self.query.get("before")) and self.place is not None)

    @property
    def is_last(self) -> bool:
        """Whether the last page is asked for."""
        return self.query.get("before") == LAST

    def cut(self, size: int = PAGE_SIZE) -> QuerySet:
        """At most `size` rows from the place on; of a page backwards in reverse order."""
        sort = self.sort.turned if self.is_backwards else self.sort
        return sort.behind(self.matching, self.place)[:size]

    @cached_property
    def page(self) -> Page:
        """The page asked for, with one query; the first one, with one more, where no row is behind the place any more."""
        found = self._read(self.cut(PAGE_SIZE + 1))
        if self.place and not found:
            return self._first_page()
        more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        if self.is_backwards:
            found.reverse()
        has_previous, has_next = (more, not self.is_last) if self.is_backwards else (self.place is not None, more)
        if not found:
            return Page([])
        return Page(found, self._cursor(found[0]) if has_previous else "", self._cursor(found[-1]) if has_next else "")

    def _first_page(self) -> Page:
        """Instead of one whose rows have left the list; of an empty list nothing is lost."""
        found = self._read(self.ordered[: PAGE_SIZE + 1])
        more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
        return Page(found, next=self._cursor(found[-1]) if more else "", is_lost=bool(found))

    def _read(self, rows: QuerySet) -> list[dict[str, Any]]:
        aliases = annotations(self.shown)
        return list(rows.annotate(**aliases).values("id", self.sort.field, *self.extra, *aliases))

    @property
    def is_lost(self) -> bool:
        """Whether the first page is shown instead of the one that was asked for."""
        return self.place is not None and self.page.is_lost

    @property
    def capped(self) -> QuerySet:
        """The rows that are counted; in order, because only the index of the list stops early wherever in the table they are."""
        return self.ordered.values("pk")[: COUNT_CAP + 1]

    @cached_property
    def count(self) -> int:
        """How many rows fit, COUNT_CAP + 1 for more than COUNT_CAP."""
        return self.capped.count()

    @property
    def count_text(self) -> str:
        """The count, exact or honestly capped."""
        return f"{COUNT_CAP:,}+" if self.count > COUNT_CAP else self.number(self.count)

    def _cursor(self, row: dict[str, Any]) -> str:
        return cursors.written(row[self.sort.field], row["id"])

    # Addresses

    def url(self, *, without: Sequence[str] = (), **changes: str) -> str:
        """The query of this list with some values changed; the place is left out unless it is given."""
        query = self.query.copy()
        for name in (*PLACES, *without, *changes):
            query.pop(name, None)
        for name, value in changes.items():
            if value:
                query[name] = value
        if "q" in query:
            query["q"] = self.filterset.form.fields["q"].shortened(str(query["q"]))
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        return f"?{query.urlencode()}"

    @property
    def view_query(self) -> str:
        """What makes this list when it is opened later: filters, sort, and the columns where they are not the usual ones."""
        kept = {"columns": ",".join(column.name for column in self.chosen)} if self.asked_columns or self.kept else {}
        known = {*self.form.fields, "columns", "sort", "zone"}
        return self.url(without=[name for name in self.query if name not in known], **kept)[1:]

    @property
    def here_url(self) -> str:
        """This page of the list, with its place; the first page instead of one that is lost."""
        return self.url(**{name: str(self.query[name]) for name in PLACES if name in self.query and not self.is_lost})

    @property
    def query_fields(self) -> list[tuple[str, str]]:
        """The query of this page as hidden fields, for a form that acts on ticked rows."""
        return [(name, str(value)) for name, value in QueryDict(self.here_url[1:]).items()]

    @property
    def previous_url(self) -> str:
        """The page before, or ""."""
        return self.url(before=self.page.previous) if self.page.previous else ""

    @property
    def next_url(self) -> str:
        """The page after, or ""."""
        return self.url(after=self.page.next) if self.page.next else ""

    @property
    def first_url(self) -> str:
        """The head of the list, or "" on it."""
        return self.url() if self.page.previous else ""

    @property
    def last_url(self) -> str:
        """The end of the list, or "" on it."""
        return self.url(before=LAST) if self.page.next else ""

    @property
    def chips(self) -> list[dict[str, str]]:
        """The active filters for components/filter_chips.html; one that the list set itself cannot be removed."""
        chips = self.filterset.chips
        found = [{"label": chip.label, "remove_url": self.url(without=chip.names) if chip.names else ""} for chip in chips]
        if self.query.get("zone") and {"since", "until"} & set(self.filterset.narrowing):
            # Days of an address that came from somebody else are the days of their zone.
            zone = _("Days in %(zone)s") % {"zone": self.zone}
            found.append({"label": zone, "remove_url": self.url(without=("zone",))})
        return found

    @property
    def static_chips(self) -> list[dict[str, str]]:
        """The same in words only."""
        return [{"label": chip["label"], "remove_url": ""} for chip in self.chips]

    @property
    def masked_chips(self) -> list[dict[str, str]]:
        """The same for others than whoever chose the filters: an id of a person is masked as in the rows."""
        if not self.is_personal or self.filterset.numbers:  # of several numbers only the count is told
            return self.static_chips
        word = str(self.filterset.values.get("q", ""))  # as the label has it
        searched = {chip.label for chip in self.filterset.chips if chip.names == ("q",)}
        return [_masked(chip, word) if chip["label"] in searched else chip for chip in self.static_chips]

    @property
    def clear_url(self) -> str:
        """The list without filters, when there are any."""
        if not self.is_filtered:
            return ""
        return self.url(without=[name for name in self.query if name not in (*self.filterset.record, "columns", "sort")])

    # The table (console/listing_table.py)

    @property
    def asked_columns(self) -> list[str]:
        """The columns that the address asks for."""
        return [name for name in self.query.get("columns", "").split(",") if name]

    @cached_property
    def chosen(self) -> tuple[Column, ...]:
        """The columns of the address, else those the reader keeps, else the usual ones; always the first."""
        for names in (self.asked_columns, self.kept):
            if chosen := [column for column in self.columns if column.name in names]:
                return (self.columns[0], *(column for column in chosen if column is not self.columns[0]))
        return tuple(column for column in self.columns if column.on_page)

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns of the page: the chosen ones, where a list does not show others in their stead."""
        return self.chosen

    def head(self) -> SafeString:
        """The cells of the table's head."""
        return table_head(self)

    def body(self) -> SafeString:
        """The rows of the table's body."""
        return table_body(self)


def _masked(chip: dict[str, str], word: str) -> dict[str, str]:
    """The chip with the word masked; all of its label where the word does not stand in it."""
    label = chip["label"]
    return chip | {"label": label.replace(word, mask(word)) if word and word in label else mask(label)}
