"""The first page of a mini program: can it sell, how does it sell, what needs somebody, what happened."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import ngettext

from console.permissions import can
from console.views.base import ConsoleView
from items.readiness import steps
from orders import figure_table
from orders.charts import charts_of
from orders.figures import PERIODS, days_of
from orders.home import activity, attention


class ProgramHome(ConsoleView):
    """Home of a mini program."""

    permission: ClassVar[str] = "console.view_mini_program"
    template_name: ClassVar[str] = "orders/home.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Figures are for those who may view the orders, activity for those who may view it."""
        program, actor = self.mini_program, self.actor
        assert program
        chain = steps(program, actor=actor)
        sees_orders = can(actor, "orders.view_order", program)
        return self.render(
            steps=chain,
            can_sell=all(step.state == "done" for step in chain),
            sees_orders=sees_orders,
            tiles=attention(program, reader=actor) if sees_orders else [],
            activity=activity(program) if can(actor, "console.view_activity", program) else [],
            **(self.figures() if sees_orders else {}),
        )

    def figures(self) -> dict[str, Any]:
        """Of the days that the address asks for: the last seven, unless it asks for ninety."""
        assert self.mini_program
        asked = self.request.GET.get("days", "")
        number = next((period for period in PERIODS if asked == str(period)), PERIODS[0])
        days = days_of(self.mini_program, number)
        names = {"app_id": self.mini_program.app_id}
        return {
            "days": number,
            "periods": [_period(period, number) for period in PERIODS],
            "has_figures": any(day.measured for day in days),
            "charts": charts_of(days),
            "table_head": figure_table.head(days),
            "table_body": figure_table.body(days, reverse("orders:list", kwargs=names)),
        }


def _period(days: int, shown: int) -> dict[str, Any]:
    label = ngettext("%(number)s day", "%(number)s days", days) % {"number": days}
    return {"label": label, "url": f"?days={days}" if days != PERIODS[0] else "?", "current": days == shown}
