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
from orders.models import Environment, Order
from orders.redelivery import ALL, MOST_SELECTED, PERMISSION, Which, failed, start_redelivery

ANY = ("", _("Any"))


class WhichForm(forms.Form):
    """Which events; the time is in the reader's zone. Empty is any."""

    use_required_attribute = False
    since = forms.DateTimeField(
        label=_("Events since"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": _("Enter a date and a time, such as 2026-11-21 14:00, or leave it empty for all.")},
    )
    env = forms.ChoiceField(label=_("Environment"), required=False, choices=[ANY, *Environment.choices])
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[ANY, *Order.Kind.choices])
    item = forms.CharField(label=_("Item ID"), required=False, max_length=64)

    @property
    def which(self) -> Which:
        """What is asked for; everything while the form has faults."""
        return Which(**self.cleaned_data) if self.is_valid() else ALL


class RedeliverMany(ConsoleView):
    """The page counts; its two buttons start the job."""

    permission: ClassVar[str] = PERMISSION
    template_name: ClassVar[str] = "orders/redeliver_many.html"
    mini_program: MiniProgram

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """How many there are, and the newest of them to select from."""
        form = WhichForm(request.GET)
        return self.page(form, status=200 if form.is_valid() else 422)

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Start the job and go to its page."""
        form = WhichForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422)
        try:
            job = start_redelivery(self.mini_program, actor=self.actor, which=form.which, selected=self.selected())
        except Refused as refused:
            return self.page(form, status=422, refused=str(refused))
        return redirect("job-detail", uid=job.uid)

    def selected(self) -> list[int] | None:
        """The ids that were ticked; None for the button that takes all."""
        if self.request.POST.get("which") == "all":
            return None
        return ids_in(self.request.POST.getlist("ids"))

    def page(self, form: WhichForm, *, status: int, **more: Any) -> HttpResponse:
        """The list with its exact count."""
        rows = failed(self.mini_program, form.which)
        shown = rows.select_related("order").order_by("-created_at", "-pk")[:MOST_SELECTED]
        since = form.which.since
        return self.render(form=form, count=rows.count(), rows=shown, since=since, most=MOST_SELECTED, status=status, **more)
