"""What every template gets, whatever page it belongs to."""

from typing import Any

from django.conf import settings
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from console.middleware import THEMES
from console.models import Job, Notice, User
from console.navigation import sections, switcher


def console(request: HttpRequest) -> dict[str, Any]:
    """Theme, zone, demo banner; for signed-in people also navigation, switcher and running jobs."""
    user = getattr(request, "user", None)
    theme = getattr(user, "theme", "") or request.COOKIES.get("theme", "")
    basics = {
        "theme": theme if theme in THEMES else "system",
        "demo_mode": settings.DEMO,
        "second_factor_required": settings.SECOND_FACTOR_REQUIRED,
        "time_zone_label": zone_label(),
        "languages": settings.LANGUAGES,
    }
    if user is None or not user.is_authenticated:
        return basics
    scope = scope_of(request)
    return {
        **basics,
        "scope": scope,
        "nav": sections(request, scope),
        "switcher": switcher(user, scope),
        **badges(user),
        "jobs_url": reverse("job-list"),
    }


def badges(user: User) -> dict[str, Any]:
    """How many of the reader's jobs run and how much news is unread, in one query."""
    running = Job.objects.filter(actor=OuterRef("pk"), state__in=[Job.State.QUEUED, Job.State.RUNNING])
    unread = Notice.objects.filter(user=OuterRef("pk"), read_at=None)
    numbers = User.objects.filter(pk=user.pk).values_list(_count(running), _count(unread)).get()
    return dict(zip(("running_jobs", "unread_notices"), numbers, strict=True))


def _count(rows: QuerySet) -> Coalesce:
    numbers = rows.order_by().values(one=Value(1)).annotate(number=Count("*")).values("number")
    return Coalesce(Subquery(numbers, output_field=IntegerField()), 0)


def scope_of(request: HttpRequest) -> dict[str, Any]:
    """The containers of the page being shown, as its view found them (console.views.base)."""
    view = getattr(request, "console_view", None)
    return {name: getattr(view, name, None) for name in ("superapp", "team", "mini_program")}


def zone_label() -> str:
    """The active zone with its offset now, such as "UTC+08:00 Asia/Shanghai"; UTC is only "UTC"."""
    if timezone.get_current_timezone_name() == "UTC":
        return "UTC"
    now = timezone.localtime()
    offset = now.strftime("%z")
    return _("UTC%(offset)s %(zone)s") % {"offset": f"{offset[:3]}:{offset[3:]}", "zone": timezone.get_current_timezone_name()}
