"""The mismatch desk of a mini program and of a superapp."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from console.models import MiniProgram, Superapp
from console.permissions import can, resting
from console.views.base import ConsoleView
from orders.mismatches import DAYS, SHOWN, cases_of, count, count_text, lines, reports


class Mismatches(ConsoleView):
    """One tab a case with its count; `case` in the address says which, else the first that has something."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/mismatches.html"

    @property
    def place(self) -> MiniProgram | Superapp:
        """Whose orders they are."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    def get(self, request: HttpRequest, **_kwargs: str) -> HttpResponse:
        """A count for each case, and the newest of one of them."""
        cases = cases_of(self.place)
        counts = {case.name: count(case, self.place) for case in cases}
        asked = request.GET.get("case", "")
        first = next((case for case in cases if counts[case.name]), cases[0])
        shown = next((case for case in cases if case.name == asked), first)
        tabs = [
            {"label": case.label, "url": f"?case={case.name}", "current": case is shown, "count": count_text(counts[case.name])}
            for case in cases
        ]
        has_reports = shown.name == "reconciled" and isinstance(self.place, Superapp)
        return self.render(
            reports=reports(self.place) if has_reports else [],  # type: ignore[arg-type]
            tabs=tabs, case=shown, lines=lines(shown, self.place) if counts[shown.name] else [],
            has_more=counts[shown.name] > SHOWN, most=SHOWN, days=DAYS, total=sum(counts.values()),
            **self.redelivery(bool(counts["undelivered"]) and shown.name == "undelivered"),
        )  # fmt: skip

    def redelivery(self, has_undelivered: bool) -> dict[str, Any]:
        """Whether the reader may redeliver what is shown, or why not and who can."""
        if not self.mini_program or not has_undelivered:
            return {}
        may = can(self.actor, "orders.redeliver", self.place)
        return {"may_redeliver": may, "resting": resting(self.actor, self.place, {"orders.redeliver": [_("Redeliver many")]})}
