"""Redeliver the selected, or all that failed since a time: counted first, then a job."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from console.errors import Refused
from console.filters import ids_in
from console.models import MiniProgram
from console.views.base import ConsoleView
from orders.redelivery import MOST_SELECTED, PERMISSION, failed, start_redelivery


class SinceForm(forms.Form):
    """Since when; in the reader's zone. Empty is all of them."""

    use_required_attribute = False
    since = forms.DateTimeField(
        label=_("Events since"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": _("Enter a date and a time, such as 2026-11-21 14:00, or leave it empty for all.")},
    )


class RedeliverMany(ConsoleView):
    """The page counts; its two buttons start the job."""

    permission: ClassVar[str] = PERMISSION
    template_name: ClassVar[str] = "orders/redeliver_many.html"
    mini_program: MiniProgram

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """How many there are, and the newest of them to select from."""
        form = SinceForm(request.GET)
        return self.page(form, status=200 if form.is_valid() else 422)

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Start the job and go to its page."""
        form = SinceForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422)
        try:
            since = form.cleaned_data["since"]
            job = start_redelivery(self.mini_program, actor=self.actor, since=since, selected=self.selected())
        except Refused as refused:
            return self.page(form, status=422, refused=str(refused))
        return redirect("job-detail", uid=job.uid)

    def selected(self) -> list[int] | None:
        """The ids that were ticked; None for the button that takes all."""
        if self.request.POST.get("which") == "all":
            return None
        return ids_in(self.request.POST.getlist("ids"))

    def page(self, form: SinceForm, *, status: int, **more: Any) -> HttpResponse:
        """The list with its exact count."""
        since = form.cleaned_data.get("since") if form.is_valid() else None
        rows = failed(self.mini_program, since=since)
        shown = rows.select_related("order").order_by("-created_at", "-pk")[:MOST_SELECTED]
        return self.render(form=form, count=rows.count(), rows=shown, since=since, most=MOST_SELECTED, status=status, **more)
