"""What every request sets up: where it comes from (for the audit trail) and how its reader wants to read."""

import zoneinfo
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from console.audit import Origin, origin

THEMES = ("system", "light", "dark")


def known_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The IANA zone of this name, or None."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


class PreferencesMiddleware:
    """Activates the reader's language and time zone; the user's choice is stored, a visitor's stands in cookies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        token = origin.set(Origin(request_id, request.META.get("REMOTE_ADDR", "")))
        # openServer's callers have no preferences; reading request.user would cost them a query.
        if not request.path_info.startswith("/openserver/"):
            activate(request)
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()
            origin.reset(token)


def activate(request: HttpRequest) -> None:
    """Switch to the zone and the language of the reader, UTC and the browser's language without a choice.

    A zone in the address goes first: whole days of a shared list are days of that zone.
    """
    user = request.user
    names = (request.GET.get("zone", ""), getattr(user, "time_zone", ""), request.COOKIES.get("time_zone", ""))
    zone = next((zone for zone in map(known_zone, names) if zone), None)
    timezone.activate(zone or zoneinfo.ZoneInfo("UTC"))
    language = getattr(user, "language", "")
    if language in dict(settings.LANGUAGES):
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()
