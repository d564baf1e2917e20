"""Activity of a mini program, a team or a superapp."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from console.activity import activity_listing
from console.views.base import ConsoleView


class Activity(ConsoleView):
    """The audit entries of the container that the address names."""

    permission: ClassVar[str] = "console.view_activity"
    template_name: ClassVar[str] = "console/activity.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """The page of the list that the address names."""
        place = self.mini_program or self.team or self.superapp
        assert place
        return self.render(place=place, listing=activity_listing(place, request.GET))
