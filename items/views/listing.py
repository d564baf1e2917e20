"""The list of virtual items."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.permissions import can, holders, resting
from console.views.base import ConsoleView
from items.listings import CHANGED, ItemQuery, counts, page
from items.models import Item
from items.settlement import settlement_currency

ACTS = {
    "items.edit_item": [gettext_lazy("Add item"), gettext_lazy("Import")],
    "items.submit_release": [gettext_lazy("Submit for release")],
}


class ItemList(ConsoleView):
    """Items of a mini program, newest edit first, with filter, search and selection for a release request."""

    permission: ClassVar[str] = "items.view_item"
    template_name: ClassVar[str] = "items/list.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """The address holds filter, search and place."""
        assert self.mini_program
        query = ItemQuery.read(request.GET)
        return self.render(
            query=query,
            page=page(self.mini_program, query),
            tabs=self._tabs(query),
            chips=chips_of(query),
            may_edit=can(self.actor, "items.edit_item", self.mini_program),
            may_submit=can(self.actor, "items.submit_release", self.mini_program),
            resting=resting(self.actor, self.container, ACTS),
            **self._emptiness(query),
        )

    def _tabs(self, query: ItemQuery) -> list[dict[str, Any]]:
        numbers = counts(self.mini_program)  # type: ignore[arg-type]
        self.total = numbers[""]
        labels = {"": _("All"), **dict(Item.State.choices), CHANGED: _("Changes not released")}
        return [
            {"url": query.url(state=state), "label": label, "count": numbers[state], "current": query.state == state}
            for state, label in labels.items()
            if numbers.get(state) or not state
        ]

    def _emptiness(self, query: ItemQuery) -> dict[str, Any]:
        """What an empty list needs to say: nothing yet, nothing matches, not enabled yet, and who can change that."""
        if self.total:
            return {"is_new": False}
        return {
            "is_new": True,
            "is_enabled": bool(settlement_currency(self.mini_program)),  # type: ignore[arg-type]
            "editors": holders("items.edit_item", self.container)[:5],
        }


def chips_of(query: ItemQuery) -> list[dict[str, str]]:
    """The active filters in words, each removable."""
    chips = []
    if query.state:
        label = _("Changes not released") if query.state == CHANGED else Item.State(query.state).label
        chips.append({"label": _("State: %s") % label, "remove_url": query.url(state="")})
    if query.run:
        chips.append({"label": _("Import number %s") % query.run, "remove_url": query.url(**{"import": ""})})
    if query.search:
        chips.append({"label": _("Search: %s") % query.search, "remove_url": query.url(q="")})
    return chips
