"""The approver's desk: one review page for the kinds of this app, and the decisions. The queue: payments/views/queue.py."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from console import factor
from console.errors import Invisible, Refused
from console.lifecycle import available
from console.models import AuditEntry, Superapp, Team
from console.permissions import can, holders, not_allowed_sentence, resting
from console.templatetags.state_looks import look_of
from console.views.base import ConsoleView, add_errors
from payments.actions import exemption, merchant, payment
from payments.content import content_hash, content_lines, granted_lines
from payments.forms import DecisionForm, EndForm, ExemptionDecisionForm, PlainForm, ReasonForm
from payments.models import ExemptionRequest, MerchantBinding, Request, why_not_decide
from payments.notices import REVIEW_ROUTES, review_url
from payments.readiness import steps

ACTIONS: dict[str, Any] = {
    Request.Kind.PAYMENT: payment,
    Request.Kind.MERCHANT_BINDING: merchant,
    Request.Kind.EXEMPTION: exemption,
}


class ReviewView(ConsoleView):
    """Base of the review page and of the decisions that are sent from it."""

    template_name: ClassVar[str] = "payments/review.html"
    superapp: Superapp

    def find_request(self, pk: int) -> Request:
        """The row of its own kind. Raises Invisible."""
        rows = Request.objects.filter(superapp=self.superapp, pk=pk)
        row = rows.select_related("team", "mini_program", "requested_by", "decided_by").first()
        if row is None:
            raise Invisible
        return row.as_kind()

    def show(self, row: Request, *, status: int = 200, **forms: PlainForm) -> HttpResponse:
        """The review page with the forms given, fresh ones else."""
        shown = {"shown": content_hash(row)}
        context: dict[str, Any] = {
            "approve_form": approve_form(row, initial=shown),
            "reject_form": ReasonForm(initial=shown, prefix="reject"),
            "end_form": EndForm(prefix="end"),
            **forms,
        }
        return self.render(status=status, row=row, **self.facts(row), **self.rights(row), **context)

    def facts(self, row: Request) -> dict[str, Any]:
        """What is asked for, where the team stands, what came before."""
        entries = AuditEntry.objects.filter(object_type=row._meta.label_lower, object_id=str(row.pk)).order_by("id")
        earlier = Request.objects.filter(team=row.team_id, kind=row.kind, mini_program=row.mini_program_id).exclude(pk=row.pk)
        return {
            "lines": [*content_lines(row), *granted_lines(row)],
            "events": [event(entry) for entry in entries[:50]],
            "earlier": list(earlier.select_related("requested_by", "decided_by").order_by("-requested_at")[:10]),
            "steps": steps(row.mini_program, actor=self.actor) if row.mini_program else [],
            "effective": effective_binding(row.team),
        }

    def rights(self, row: Request) -> dict[str, Any]:
        """What the reader may do, or why not and who can."""
        moves = {move.name for move in available(row, actor=self.actor)}
        why_not = self.why_not(row)
        return {
            "in_progress": row.state == Request.State.IN_PROGRESS,
            "may_decide": "approve" in moves and not why_not,
            "why_not": why_not,
            "may_disable": "disable" in moves,
            "may_revoke": "revoke" in moves,
            "resting": self.resting(row),
        }

    def resting(self, row: Request) -> dict[str, list[Any]]:
        """What would end an approval, for readers whose role does not allow it, with who can."""
        labels = {Request.Kind.PAYMENT: _("Disable payment"), Request.Kind.EXEMPTION: _("Revoke the exemption")}
        label = labels.get(Request.Kind(row.kind))
        if label is None or row.state != Request.State.APPROVED:
            return {}
        return resting(self.actor, self.superapp, {"payments.intervene": [label]})

    def why_not(self, row: Request) -> str:
        """Why the reader does not decide this one, with the names of those who can."""
        if row.state != Request.State.IN_PROGRESS:
            return ""
        if not can(self.actor, "payments.decide", self.superapp):
            return not_allowed_sentence("payments.decide", self.superapp)
        sentence = why_not_decide(row, self.actor)
        return f"{sentence} {others_sentence(row)}" if sentence else ""


def event(entry: AuditEntry) -> dict[str, Any]:
    """An audit entry about a request, for the timeline."""
    state = entry.changes.get("state", ["", ""])[1]
    title = dict(Request.State.choices).get(state, entry.verb)
    look = look_of(state)
    body = f"{entry.actor_label}: {entry.note}" if entry.note else entry.actor_label
    return {"at": entry.created_at, "icon": look.icon, "tone": look.tone, "title": title, "body": body}


def approve_form(row: Request, data: Any = None, *, initial: dict[str, Any] | None = None) -> DecisionForm:
    """The form to approve a request of this kind."""
    if not isinstance(row, ExemptionRequest):
        return DecisionForm(data, prefix="approve", initial=initial)
    effective = effective_binding(row.team)
    currency = effective.merchant.currency if effective else ""
    return ExemptionDecisionForm(data, prefix="approve", initial=initial, currency=currency)


def effective_binding(team: Team) -> MerchantBinding | None:
    """The team's binding in force."""
    return MerchantBinding.objects.filter(bound_team=team, effective=True).select_related("merchant").first()


def others_sentence(row: Request) -> str:
    """Who can decide instead: holders of the permission who are not of the requesting team."""
    people = holders("payments.decide", row.superapp).exclude(team_memberships__team=row.team_id).exclude(pk=row.requested_by_id)
    names = ", ".join(str(person) for person in people[:5])
    if not names:
        return _("Nobody else can decide it yet; an admin of the superapp can add an approver.")
    return _("Those who can: %(names)s.") % {"names": names}


class Review(ReviewView):
    """What is asked for, by whom, with everything that helps to decide."""

    permission: ClassVar[str] = "payments.view_approvals"

    def get(self, request: HttpRequest, superapp: str, pk: int) -> HttpResponse:
        """Kinds that another app reviews have their own page."""
        row = self.find_request(pk)
        if REVIEW_ROUTES[Request.Kind(row.kind)] != "payments:review":
            return redirect(review_url(row.kind, superapp=self.superapp.code, pk=pk))
        typed = factor.typed_before(request)
        return self.show(row, **typed_forms(row, typed)) if typed else self.show(row)

    def needs_fresh_factor(self) -> bool:
        """Of those who can decide: the page holds the forms of the decision."""
        waits = Request.objects.filter(superapp=self.superapp, pk=self.kwargs["pk"], state=Request.State.IN_PROGRESS)
        return can(self.actor, DecisionView.permission, self.superapp) and waits.exists()


def typed_forms(row: Request, typed: QueryDict) -> dict[str, Any]:
    """The forms of the page with what was typed before a code was asked for."""
    reject, end = ReasonForm(typed, prefix="reject"), EndForm(typed, prefix="end")
    forms = {"approve": approve_form(row, typed), "reject": reject, "end": end}
    return {f"{name}_form": form for name, form in forms.items() if any(key.startswith(f"{name}-") for key in typed)}


class DecisionView(ReviewView):
    """A decision sent from the review page."""

    permission: ClassVar[str] = "payments.decide"
    fresh_factor: ClassVar[bool] = True
    form_class: ClassVar[type[PlainForm]] = ReasonForm
    prefix: ClassVar[str] = "reject"

    def post(self, request: HttpRequest, superapp: str, pk: int) -> HttpResponse:
        """Back to the queue when it is done; 409 when somebody was faster or the content changed; the page again when refused."""
        row = self.find_request(pk)
        if row.kind not in ACTIONS:
            raise Invisible
        form = self.form(row, request.POST)
        if form.is_valid():
            try:
                return self.decide(row, form)
            except Refused as refused:
                add_errors(form, refused)
        return self.show(row, status=422, **{f"{self.prefix}_form": form})

    def form(self, row: Request, data: Any) -> PlainForm:
        """What was sent."""
        return self.form_class(data, prefix=self.prefix)

    def decide(self, row: Request, form: Any) -> HttpResponse:
        """Call the action."""
        raise NotImplementedError

    def act_on(self, row: Request, name: str) -> Callable[..., Request]:
        """The action of this name for this kind. Raises Invisible where the kind has none."""
        action = getattr(ACTIONS[row.kind], name, None)
        if action is None:
            raise Invisible
        return action

    def back(self, row: Request, sentence: str) -> HttpResponse:
        """Say what was decided, on the queue."""
        named = sentence % {"request": row, "name": row.requested_by}
        return self.done(named, reverse("payments:approvals", kwargs={"superapp": self.superapp.code}))


class Approve(DecisionView):
    """Grant a request."""

    form_class = DecisionForm
    prefix: ClassVar[str] = "approve"

    def form(self, row: Request, data: Any) -> PlainForm:
        """An exemption is granted within limits."""
        return approve_form(row, data)

    def decide(self, row: Request, form: Any) -> HttpResponse:
        """With an optional note."""
        data = form.cleaned_data
        more = {"limits": form.limits()} if isinstance(form, ExemptionDecisionForm) else {}
        done = self.act_on(row, "approve")(row, actor=self.actor, reason=data["reason"], shown=data["shown"], **more)
        return self.back(done, _("“%(request)s” was approved. %(name)s is told by mail."))


class Reject(DecisionView):
    """Refuse a request."""

    def decide(self, row: Request, form: Any) -> HttpResponse:
        """With a reason."""
        told = {"reason": form.text(), "part": form.part(), "shown": form.cleaned_data["shown"]}
        done = self.act_on(row, "reject")(row, actor=self.actor, **told)
        return self.back(done, _("“%(request)s” was rejected. %(name)s is told by mail."))


class Disable(DecisionView):
    """End an approved payment permission."""

    permission: ClassVar[str] = "payments.intervene"
    form_class = EndForm
    prefix: ClassVar[str] = "end"

    def decide(self, row: Request, form: Any) -> HttpResponse:
        """With a reason."""
        done = self.act_on(row, "disable")(row, actor=self.actor, reason=form.cleaned_data["reason"])
        return self.back(done, _("Payment was disabled: “%(request)s”. %(name)s is told by mail."))
