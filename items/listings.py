"""The list of virtual items: search, filter, keyset pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, F, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import MiniProgram
from items.models import Item, ItemQuerySet

PAGE_SIZE = 50
COUNT_LIMIT = 10_000
SEARCH_LIMIT = 100  # characters; an id and a name have 64
CHANGED = "changed"  # a filter beside the states: on sale, with changes not released


@dataclass(frozen=True)
class ItemQuery:
    """What the address asks for; what it cannot mean is dropped."""

    state: str = ""
    search: str = ""
    after: str = ""
    before: str = ""
    run: str = ""  # the import whose items are asked for

    @classmethod
    def read(cls, data: QueryDict) -> "ItemQuery":
        """Read the query of the address."""
        state = data.get("state", "")
        known = state in Item.State.values or state == CHANGED
        search = data.get("q", "").replace("\x00", "").strip()[:SEARCH_LIMIT]
        return cls(state if known else "", search, data.get("after", ""), data.get("before", ""), _number(data.get("import", "")))

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.state or self.search or self.run)

    def url(self, **changes: str) -> str:
        """The query string with some values changed; the place in the list is left out unless given."""
        values = {"state": self.state, "q": self.search, "import": self.run, **changes}
        return "?" + urlencode({key: value for key, value in values.items() if value})


@dataclass(frozen=True)
class ItemPage:
    """One page of the list, newest edit first."""

    items: list[Item]
    previous_url: str
    next_url: str
    count_text: str


def rows_of(program: MiniProgram) -> ItemQuerySet:
    """Items of the mini program that were not deleted, with what a row of the list shows."""
    return Item.objects.filter(mini_program=program).existing().select_related("image", "edited_by")


def filtered(rows: ItemQuerySet, query: ItemQuery) -> ItemQuerySet:
    """The rows that the query asks for."""
    if query.state == CHANGED:
        rows = rows.on_sale().exclude(draft_hash=F("live_hash"))
    elif query.state:
        rows = rows.filter(state=query.state)
    if query.run:
        rows = rows.filter(last_import=query.run)
    if query.search:
        rows = rows.filter(Q(product_id__icontains=query.search) | Q(name__icontains=query.search))
    return rows


def page(program: MiniProgram, query: ItemQuery) -> ItemPage:
    """One page by keyset: any depth costs the same, and rows that move meanwhile are not shown twice by an offset."""
    rows = filtered(rows_of(program), query)
    backwards, place = bool(query.before), _place(query.before or query.after)
    order = ("edited_at", "id") if backwards else ("-edited_at", "-id")
    sliced = rows
    if place:
        compare: Any = TupleGreaterThan if backwards else TupleLessThan
        sliced = rows.filter(compare(Tuple("edited_at", "id"), place))
    found = list(sliced.order_by(*order)[: PAGE_SIZE + 1])
    more, items = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if backwards:
        items.reverse()
    has_previous, has_next = (more, True) if backwards and place else (bool(place), more)
    return ItemPage(
        items,
        query.url(before=_cursor(items[0])) if items and has_previous else "",
        query.url(after=_cursor(items[-1])) if items and has_next else "",
        _count_text(rows),
    )


def counts(program: MiniProgram) -> dict[str, int]:
    """How many existing items there are: all (""), in each state, and CHANGED; with one query."""
    rows = Item.objects.filter(mini_program=program).existing().order_by()
    changed = Count("id", filter=Q(on_sale=True) & ~Q(draft_hash=F("live_hash")))
    found = {"": 0, CHANGED: 0}
    for state, number, changes in rows.values_list("state").annotate(number=Count("id"), changes=changed):
        found[state] = number
        found[""] += number
        found[CHANGED] += changes
    return found


def _number(text: str) -> str:
    """A number that a database takes, or "" for anything else."""
    return text if text.isascii() and text.isdigit() and len(text) < 19 else ""


def _cursor(item: Item) -> str:
    return f"{item.edited_at.isoformat()}_{item.pk}"


def _place(cursor: str) -> tuple[datetime, int] | None:
    """Where a page starts, or None for a cursor that is no cursor: then the list starts at its head."""
    moment, _line, pk = cursor.rpartition("_")
    try:
        place = datetime.fromisoformat(moment), int(pk)
    except ValueError:
        return None
    return place if place[0].tzinfo and 0 <= place[1] < 2**63 else None


def _count_text(rows: ItemQuerySet) -> str:
    number = rows.order_by()[: COUNT_LIMIT + 1].count()
    if number > COUNT_LIMIT:
        return _("More than 10,000 items")
    return ngettext("%(number)d item", "%(number)d items", number) % {"number": number}
