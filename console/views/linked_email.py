"""The page behind the link that a new linked e-mail gets."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from console.actions import team as actions
from console.errors import Invisible, WrongState
from console.links import find
from console.models import LinkedEmailChange


class LinkedEmailConfirm(View):
    """The reader of the address presses the button; a program that opens links of mails confirms nothing."""

    template_name = "console/linked_email_confirm.html"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """What is confirmed, and the button."""
        row = self.found(token)
        return render(request, self.template_name, {"row": row, "done": False}, status=200 if row.is_open else 409)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """From now on the address counts."""
        row = self.found(token)
        try:
            actions.confirm_email(token)
        except WrongState:
            return render(request, self.template_name, {"row": row, "done": False}, status=409)
        return render(request, self.template_name, {"row": row, "done": True})

    def found(self, token: str) -> LinkedEmailChange:
        """The change of this token. Raises Invisible for one that we did not sign, or replaced."""
        row = find(LinkedEmailChange, token)
        if row is None:
            raise Invisible
        return row
