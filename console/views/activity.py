"""Activity of a mini program, a team or a superapp, and of the platform's own people."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from console.activity import activity_listing
from console.views.base import ConsoleView
from console.views.platform import PlatformView


class Activity(ConsoleView):
    """The audit entries of the container that the address names."""

    permission: ClassVar[str] = "console.view_activity"
    template_name: ClassVar[str] = "console/activity.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """The page of the list that the address names."""
        place: Any = self.container
        return self.render(place=place, listing=activity_listing(place, request.GET))


class PlatformActivity(PlatformView, Activity):
    """What people with a role of the platform did, in all superapps and teams."""

    permission: ClassVar[str] = "console.view_activity"
    template_name: ClassVar[str] = "console/platform_activity.html"
