"""The list of virtual items."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.permissions import can, holders, resting
from console.views.base import ConsoleView
from items.listings import STATES, counts, item_listing
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
        self.listing = item_listing(self.mini_program, request.GET)
        numbers = counts(self.mini_program)
        submit_url = reverse("items:release-submit", kwargs={"app_id": app_id})
        return self.render(
            listing=self.listing,
            tabs=self._tabs(numbers),
            submit_url=submit_url,
            submit_all_url=submit_url + self.listing.url(all="1"),
            may_edit=can(self.actor, "items.edit_item", self.mini_program),
            may_submit=can(self.actor, "items.submit_release", self.mini_program),
            resting=resting(self.actor, self.container, ACTS),
            **self._emptiness(numbers),
        )

    def _tabs(self, numbers: dict[str, int]) -> list[dict[str, Any]]:
        current = self.listing.filterset.values.get("state", "")
        return [
            {"url": self.listing.url(state=state), "label": label, "count": numbers[state], "current": state == current}
            for state, label in (("", _("All")), *STATES)
            if numbers.get(state) or not state
        ]

    def _emptiness(self, numbers: dict[str, int]) -> dict[str, Any]:
        """What an empty list needs to say: nothing yet, nothing matches, not enabled yet, and who can change that."""
        if numbers[""]:
            return {"is_new": False}
        return {
            "is_new": True,
            "is_enabled": bool(settlement_currency(self.mini_program)),  # type: ignore[arg-type]
            "editors": holders("items.edit_item", self.container)[:5],
        }
