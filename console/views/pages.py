"""The first page after signing in, a superapp's home page, and the reader's preferences."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views import View

from console import health
from console.errors import Invisible, Refused
from console.matrix import SIGNED_IN
from console.middleware import THEMES, known_zone
from console.models import MiniProgram, Superapp
from console.permissions import THE_PLATFORM, can, names_of_holders
from console.views.base import ConsoleView


class Home(ConsoleView):
    """Where the person works: straight there when there is one place only, else the list of places."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "console/home.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Places are superapps and mini programs."""
        superapps = list(Superapp.objects.visible_to(self.actor).order_by("name")[:50])
        programs = list(MiniProgram.objects.visible_to(self.actor).select_related("team").order_by("team__name", "name")[:200])
        if len(superapps) + len(programs) == 1:
            if superapps:
                return redirect("superapp-home", superapp=superapps[0].code)
            return redirect("orders:home", app_id=programs[0].app_id)
        # Whoever has no place yet reads who makes places and invites people.
        who = "" if superapps or programs else names_of_holders("console.manage_teams", THE_PLATFORM)
        return self.render(superapps=superapps, programs=programs, who=who)


class SuperappHome(ConsoleView):
    """A superapp: its mini programs and the way to its approvals."""

    permission: ClassVar[str] = "console.view_superapp"
    template_name: ClassVar[str] = "console/superapp_home.html"

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """Mini programs are listed to those who may look into them, or at least at their orders: then these are what opens."""
        seen = MiniProgram.objects.visible_to(self.actor) | MiniProgram.objects.visible_to(self.actor, "orders.view_order")
        rows = seen.filter(superapp=self.superapp).select_related("team").order_by("name")[:200]
        homes = ["orders:home" if can(self.actor, "console.view_mini_program", row) else "orders:list" for row in rows]
        programs = list(zip(rows, homes, strict=True))
        return self.render(programs=programs, **({} if programs else self.emptiness()))

    def emptiness(self) -> dict[str, Any]:
        """Whether there are mini programs that the reader's role does not show, and who can change what is missing."""
        assert self.superapp
        if not MiniProgram.objects.filter(superapp=self.superapp).exists():
            return {"who": names_of_holders("console.manage_teams", THE_PLATFORM)}
        return {"hidden": True, "who": names_of_holders("console.manage_members", self.superapp)}


class NotHere(ConsoleView):
    """A page of a library that this product does not have; its address answers as if it were not there."""

    permission: ClassVar[str] = SIGNED_IN

    def check_permission(self) -> None:
        """Nobody may. Raises Invisible."""
        raise Invisible


class StyleGuide(ConsoleView):
    """All components on one page, for those who build pages; not routed in production."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "styleguide.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page makes its own sample data."""
        return self.render()


class Preferences(ConsoleView):
    """Theme, language and time zone; POST only, then back to where the form stood."""

    permission: ClassVar[str] = SIGNED_IN

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store what was sent; what was not sent stays."""
        changes = {name: request.POST[name] for name in ("theme", "language", "time_zone") if name in request.POST}
        check_preferences(changes)
        for name, value in changes.items():
            setattr(self.actor, name, value)
        if changes:
            self.actor.save(update_fields=list(changes))
        response = HttpResponseRedirect(next_url(request))
        if "theme" in changes:
            response.set_cookie("theme", changes["theme"], max_age=31_536_000, samesite="Lax", secure=request.is_secure())
        return response


def check_preferences(changes: dict[str, str]) -> None:
    """Raises Refused for a theme, language or zone that does not exist."""
    if changes.get("theme", "system") not in THEMES:
        raise Refused(theme=_("Choose light, dark or system."))
    if changes.get("language", "en") not in dict(settings.LANGUAGES):
        raise Refused(language=_("Choose one of the languages offered."))
    if changes.get("time_zone") and known_zone(changes["time_zone"]) is None:
        raise Refused(time_zone=_("“%s” is no time zone we know. Choose one such as Asia/Shanghai.") % changes["time_zone"][:64])


def next_url(request: HttpRequest) -> str:
    """The page of this site named by `next`, else the first page."""
    wanted = request.POST.get("next", "")
    allowed = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if allowed else "/"


class Health(View):
    """For load balancers: 503 when deliveries stand still; without the metrics token it says no more than that."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """What is wrong, as codes; with the token all figures too."""
        found = health.report()
        said: dict[str, Any] = {"status": "failing" if found.failing else "ok"}
        said |= {"failing": found.failing, "warnings": found.warnings}
        if health.may_read_figures(request.headers.get("Authorization", "")):
            said["figures"] = {f"{figure.name}{{{figure.label}}}".removesuffix("{}"): figure.value for figure in found.figures}
        return JsonResponse(said, status=503 if found.failing else 200)


class Metrics(View):
    """The figures for Prometheus; the page does not exist while no METRICS_TOKEN is set."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """401 without the token."""
        if not settings.METRICS_TOKEN:
            raise Http404
        if not health.may_read_figures(request.headers.get("Authorization", "")):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        text = health.as_prometheus(health.report().figures)
        return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")
