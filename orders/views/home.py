"""The first page of a mini program: can it sell, how does it sell, what needs somebody, what happened."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from console.views.base import ConsoleView
from payments.readiness import steps


class ProgramHome(ConsoleView):
    """Home of a mini program."""

    permission: ClassVar[str] = "console.view_mini_program"
    template_name: ClassVar[str] = "orders/home.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """The page."""
        assert self.mini_program
        return self.render(steps=steps(self.mini_program, actor=self.actor))
