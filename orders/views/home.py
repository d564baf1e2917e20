"""The first page of a mini program: can it sell, how does it sell, what needs somebody, what happened."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from console.permissions import can
from console.views.base import ConsoleView
from items.readiness import steps
from orders.figures import activity, attention, chart, days_of, facts


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
        days = days_of(program) if sees_orders else []
        return self.render(
            steps=chain,
            can_sell=all(step.state == "done" for step in chain),
            days=days,
            facts=facts(days),
            chart=chart(days) if days else None,
            sees_orders=sees_orders,
            tiles=attention(program) if sees_orders else [],
            activity=activity(program) if can(actor, "console.view_activity", program) else [],
        )
