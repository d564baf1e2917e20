"""What all simulator pages share."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from console.models import MiniProgram
from simulator.calls import Call
from simulator.models import DeveloperBackend

#: The tab a route belongs to.
PLACE_OF = {
    "shop": "shop", "shop-program": "shop", "purchase": "shop", "developer": "developer", "developer-detail": "developer",
    "payments": "payments", "mailbox": "mailbox", "mail": "mailbox",
}  # fmt: skip


class SimulatorView(View):
    """A page of the trial; it acts for fictitious parties and needs no account."""

    template_name: ClassVar[str] = ""

    def render(self, request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page with the simulator's tabs."""
        return render(request, self.template_name, {"tabs": tabs(request), **more}, status=status)

    def program(self, app_id: str) -> MiniProgram:
        """The mini program of the address, or 404."""
        return get_object_or_404(MiniProgram.objects.select_related("team", "superapp"), app_id=app_id)


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """The four places of the simulator."""
    places = (
        ("shop", _("Shop")),
        ("developer", _("Developer backend")),
        ("payments", _("Superapp payments")),
        ("mailbox", _("Mailbox")),
    )
    match = request.resolver_match
    here = PLACE_OF.get(match.url_name or "", "") if match else ""
    return [{"label": label, "url": reverse(f"simulator:{name}"), "current": name == here} for name, label in places]


def say(request: HttpRequest, call: Call, success: str) -> None:
    """Success, or what openServer answered instead."""
    if call.ok:
        messages.success(request, success)
    else:
        messages.error(request, _("openServer answered: %s") % call.message)


def programs() -> list[dict[str, Any]]:
    """All mini programs with the state of their stand-in developers."""
    backends = {backend.mini_program_id: backend for backend in DeveloperBackend.objects.all()}
    rows = MiniProgram.objects.select_related("team").order_by("team__name", "name")[:100]
    return [{"program": program, "backend": backends.get(program.pk)} for program in rows]
