"""The list of virtual items: what it can be filtered and sorted by, and the items of a page."""

from functools import cached_property
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters, id_in
from console.listing import Listing, Sort
from console.models import MiniProgram
from console.templatetags.moments import day_text
from items.models import Import, Item

CHANGED = "changed"  # a filter beside the states: on sale, with changes not released
STATES = (*Item.State.choices, (CHANGED, _("Changes not released")))


class ItemFilters(ListFilters):
    """By state and by the import that wrote them last; the search knows parts of the item ID and of the name."""

    linked = ("state", "run")
    state = ChoiceFilter(choices=STATES, method="by_state", label=_("State"))
    run = ChoiceFilter(choices=(), field_name="last_import", label=_("Import"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["run"].extra["choices"] = self._asked_run()

    def _asked_run(self) -> list[tuple[int, str]]:
        """The import of this mini program that the address names; its words are those of the chip."""
        asked = id_in(str(self.data.get("run", "")))
        if not asked:
            return []
        runs = Import.objects.filter(pk=asked, mini_program__in=self.queryset.order_by().values("mini_program")[:1])
        return [(run.pk, f"{run.file_name}, {day_text(timezone.localdate(run.started_at))}") for run in runs[:1]]

    def by_state(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Items in this state, or on sale with changes not released."""
        return rows.filter(on_sale=True).exclude(draft_hash=F("live_hash")) if value == CHANGED else rows.filter(state=value)

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Items with this in the id or in the name."""
        return rows.filter(Q(product_id__icontains=value) | Q(name__icontains=value))


class ItemListing(Listing):
    """Items that were not deleted, newest edit first. Their cells are a template: they hold pictures, badges and two lines."""

    caption = _("Virtual items")
    search_label = _("Item ID or name")
    filters = ItemFilters
    sorts = (
        Sort("edited", _("last edited first"), "edited_at"),
        Sort("edited-up", _("longest not edited first"), "edited_at", descending=False),
        Sort("id", _("by item ID"), "product_id", descending=False, column="name"),
        Sort("id-down", _("by item ID, from the end"), "product_id", column="name"),
    )
    columns = (
        Column("name", _("Name and item ID"), source="name"),
        Column("price", _("Price"), Kind.MONEY),
        Column("state", _("State"), Kind.STATE, choices=STATES),
        Column("sale", _("Sale"), source="on_sale"),
        Column("edited", _("Edited"), Kind.TIME, "edited_at"),
    )

    @cached_property
    def items(self) -> list[Item]:
        """The items of the page, with what their cells show; one query beside that of the page."""
        ids = [row["id"] for row in self.page.rows]
        found = Item.objects.select_related("image", "edited_by").in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]

    def number(self, count: int) -> str:
        """So many items."""
        return ngettext("%(count)s item", "%(count)s items", count) % {"count": f"{count:,}"}


def item_listing(program: MiniProgram, query: QueryDict) -> ItemListing:
    """The items of `program` that were not deleted."""
    return ItemListing(Item.objects.filter(mini_program=program).existing(), query)


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
