"""The approver's queue, and decisions about many of its requests at once."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import factor
from console.errors import Refused
from console.filters import ids_in
from console.models import Superapp
from console.permissions import can, resting
from console.views.base import ConsoleView, add_errors
from payments.actions.deciding_many import decide_many, selection
from payments.forms import ManyForm, ReasonForm
from payments.models import Request
from payments.queue import TABS, request_listing
from payments.readiness import missing_feature

COUNTED = 999


class Approvals(ConsoleView):
    """What waits, the longest first; what was decided; what is in force."""

    permission: ClassVar[str] = "payments.view_approvals"
    template_name: ClassVar[str] = "payments/approvals.html"
    superapp: Superapp

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """Tab, filters and place stand in the address."""
        tab = request.GET.get("tab", "")
        tab = tab if tab in dict(TABS) else TABS[0][0]
        listing = request_listing(self.superapp, request.GET, tab=tab, reader=self.actor)
        is_pending, may_decide = tab == TABS[0][0], can(self.actor, "payments.decide", self.superapp)
        return self.render(
            tab=tab,
            listing=listing,
            pending_count=pending_count(self.superapp),
            tabs=TABS,
            may_decide=may_decide and is_pending,
            resting=self.resting() if is_pending else {},
            missing=None if listing.page.rows or listing.is_filtered else missing_feature(self.superapp, actor=self.actor),
        )

    def resting(self) -> dict[str, list[Any]]:
        """What the reader may not do with what waits, with who can."""
        return resting(self.actor, self.superapp, {"payments.decide": [_("Approve"), _("Reject")]})


def pending_count(superapp: Superapp) -> str:
    """How many requests wait, "999+" for more: counting all of them would cost more the more there are."""
    found = Request.objects.filter(superapp=superapp).pending()[: COUNTED + 1].count()
    return f"{COUNTED}+" if found > COUNTED else str(found)


class RequestsDecide(ConsoleView):
    """GET asks once more, with the number of requests and what is left out; POST decides all that was shown."""

    permission: ClassVar[str] = "payments.decide"
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "payments/requests_decide.html"
    superapp: Superapp

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """What would be decided; after a code, with what was typed."""
        typed = factor.typed_before(request)
        return self.ask(typed, sent_form(typed)) if typed else self.ask(request.GET, None)

    def ask(self, data: Any, form: ReasonForm | ManyForm | None, *, status: int = 200) -> HttpResponse:
        """The page; numbers that are none of the superapp's requests are not there."""
        approves = data.get("choice") != "reject"
        asked = selection(self.superapp, ids_in(data.getlist("request")), actor=self.actor)
        form = form or (ManyForm() if approves else ReasonForm(initial={"shown": "-"}))
        return self.render(
            status=status,
            approves=approves,
            form=form,
            decided=[row for row in asked if not row.why_not],
            left_out=[row for row in asked if row.why_not],
        )

    def post(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """All or none; what is refused stands on the page with what was typed."""
        approves = request.POST.get("choice") != "reject"
        form = sent_form(request.POST)
        if form.is_valid():
            shown = {pk: request.POST.get(f"shown-{pk}", "") for pk in ids_in(request.POST.getlist("request"))}
            told = {"reason": form.cleaned_data["reason"]}
            if isinstance(form, ReasonForm):
                told = {"reason": form.text(), "part": form.part()}
            try:
                done = decide_many(self.superapp, shown, actor=self.actor, approve=approves, **told)
                return self.done(said(len(done), approves=approves), reverse("payments:approvals", args=[self.superapp.code]))
            except Refused as refused:
                add_errors(form, refused)
        return self.ask(request.POST, form, status=422)


def sent_form(data: QueryDict) -> ReasonForm | ManyForm:
    """The form of the decision that was sent."""
    return ReasonForm(data) if data.get("choice") == "reject" else ManyForm(data)


def said(count: int, *, approves: bool) -> str:
    """What was done, in words."""
    if approves:
        sentence = ngettext(
            "%(number)d request was approved. Its requester is told by mail.",
            "%(number)d requests were approved. Their requesters are told by mail.",
            count,
        )
    else:
        sentence = ngettext(
            "%(number)d request was rejected. Its requester is told by mail.",
            "%(number)d requests were rejected. Their requesters are told by mail.",
            count,
        )
    return sentence % {"number": count}
