"""Merchant of a team: what is effective, what is asked for, what was."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import Invisible
from console.models import Team
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView
from payments.actions import merchant
from payments.forms import MerchantForm
from payments.models import MerchantBinding, PaymentRequest
from payments.notices import mend_url, what_next


class MerchantView(ConsoleView):
    """Base of pages about the merchant of one team."""

    team: Team

    @property
    def own_url(self) -> str:
        """The page itself."""
        return reverse("payments:merchant", kwargs={"team": self.team.code})

    def binding(self, pk: int) -> MerchantBinding:
        """One of the team's bindings. Raises Invisible."""
        row = MerchantBinding.objects.filter(bound_team=self.team, pk=pk).select_related("merchant").first()
        if row is None:
            raise Invisible
        return row

    def effective(self) -> MerchantBinding | None:
        """The binding in force."""
        return MerchantBinding.objects.filter(bound_team=self.team, effective=True).select_related("merchant").first()


class MerchantPage(MerchantView):
    """Effective binding, pending one, history."""

    permission: ClassVar[str] = "payments.view_merchant"
    template_name: ClassVar[str] = "payments/merchant.html"

    def get(self, request: HttpRequest, team: str) -> HttpResponse:
        """All bindings of a team are few; the newest fifty are shown."""
        rows = MerchantBinding.objects.filter(bound_team=self.team).select_related("merchant", "requested_by", "decided_by")
        history = list(rows.order_by("-requested_at", "-pk")[:50])
        effective = next((row for row in history if row.effective), None) or self.effective()
        allowed = can(self.actor, "payments.bind_merchant", self.team)
        latest = history[0] if history else None
        pending = next((row for row in history if row.pending), None)
        return self.render(
            history=history,
            effective=effective,
            pending=pending,
            latest=latest,
            next_step=what_next(latest) if latest else "",
            mend_url=mend_url(latest) if latest and allowed else "",
            allowed=allowed,
            resting=self.resting(is_bound=effective is not None, is_pending=pending is not None),
        )

    def resting(self, *, is_bound: bool, is_pending: bool) -> dict[str, list[Any]]:
        """What the reader cannot do here, with who can or what comes first."""
        change = _("Change merchant") if is_bound else _("Bind a merchant")
        acts = [change, *([_("Cancel request")] if is_pending else []), *([_("Unbind")] if is_bound else [])]
        waits = _("A request is in progress. Cancel it before you make another.") if is_pending else ""
        return resting(self.actor, self.team, {"payments.bind_merchant": acts}, not_now={change: waits})


class MerchantBind(MerchantView, FormView):
    """Bind a merchant, or ask for another one."""

    permission: ClassVar[str] = "payments.bind_merchant"
    template_name: ClassVar[str] = "payments/merchant_bind.html"
    form_class = MerchantForm

    def form_arguments(self) -> dict[str, Any]:
        """The merchants of the team's superapp."""
        return {"superapp": self.team.superapp}

    def page(self) -> dict[str, Any]:
        """What a change replaces."""
        pending = MerchantBinding.objects.filter(bound_team=self.team, pending=True).select_related("merchant").first()
        return {"effective": self.effective(), "pending": pending}

    def act(self, form: MerchantForm) -> HttpResponse:
        """Store the request."""
        data = form.cleaned_data
        merchant.bind(self.team, data["merchant"], actor=self.actor, message=data["message"])
        return self.done(
            _("The binding was requested. It becomes effective when %(superapp)s approves it.")
            % {"superapp": self.team.superapp.name},
            self.own_url,
        )


class MerchantCancel(MerchantView):
    """Take a binding request back."""

    permission: ClassVar[str] = "payments.bind_merchant"

    def post(self, request: HttpRequest, team: str, pk: int) -> HttpResponse:
        """Answers 409 once it is decided."""
        merchant.cancel(self.binding(pk), actor=self.actor)
        return self.done(_("The request was cancelled."), self.own_url)


class MerchantUnbind(MerchantView):
    """End the binding, after a page that says what it reaches."""

    permission: ClassVar[str] = "payments.bind_merchant"
    template_name: ClassVar[str] = "payments/merchant_unbind.html"

    def get(self, request: HttpRequest, team: str, pk: int) -> HttpResponse:
        """Which mini programs stop selling."""
        approved = PaymentRequest.objects.filter(team=self.team, state=PaymentRequest.State.APPROVED)
        return self.render(binding=self.binding(pk), reached=list(approved.select_related("program").order_by("program__name")))

    def post(self, request: HttpRequest, team: str, pk: int) -> HttpResponse:
        """Answers 409 when it is not effective."""
        row = merchant.unbind(self.binding(pk), actor=self.actor)
        return self.done(_("%(merchant)s was unbound. Selling is suspended.") % {"merchant": row.merchant.name}, self.own_url)
