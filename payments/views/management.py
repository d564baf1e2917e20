"""Payment management of a superapp: the switch, the currencies, the mini programs and their state."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.models import AuditEntry, MiniProgram, Superapp
from console.permissions import THE_PLATFORM, can, names_of_holders, resting
from console.views.base import FormView
from payments.actions import superapp as actions
from payments.forms import CurrencyForm, KnowingForm, PlainForm, named
from payments.listings import program_listing
from payments.models import Merchant
from payments.selling import sellers

NAMED = 20  # mini programs named on a confirm page; their number is always said
SWITCHED = ("payments.superapp.switch_on", "payments.superapp.switch_off")


class ManagementView(FormView):
    """Base of the pages; the forms of this desk stand on the page itself or on a page that asks to confirm."""

    permission: ClassVar[str] = actions.MANAGE
    form_class: ClassVar[Any] = PlainForm
    superapp: Superapp

    @property
    def own_url(self) -> str:
        """The page itself."""
        return reverse("payments:payment-management", kwargs={"superapp": self.superapp.code})

    def reach(self, currency: str = "") -> dict[str, Any]:
        """How many mini programs a change reaches, and the first by name."""
        rows = sellers(self.superapp, currency=currency)
        named_rows: list[MiniProgram] = list(rows.select_related("team").order_by("name", "pk")[:NAMED])
        count = rows.count() if len(named_rows) == NAMED else len(named_rows)
        return {"reached": named_rows, "reached_count": count, "more": count - len(named_rows)}


class PaymentManagement(ManagementView):
    """The switch, the currencies and the mini programs."""

    permission: ClassVar[str] = "payments.view_payment_management"
    template_name: ClassVar[str] = "payments/payment_management.html"
    form_class: ClassVar[Any] = CurrencyForm
    http_method_names: ClassVar[list[str]] = ["get", "head", "options"]  # type: ignore[misc]

    def form_arguments(self) -> dict[str, Any]:
        """What is offered cannot be added."""
        return {"superapp": self.superapp}

    def page(self) -> dict[str, Any]:
        """Who switched last, what the reader may do, and the list."""
        entries = AuditEntry.objects.filter(
            object_type="console.superapp", object_id=str(self.superapp.pk), verb__in=SWITCHED, superapp=self.superapp
        )
        allowed, listing = can(self.actor, actions.MANAGE, self.superapp), program_listing(self.superapp, self.request.GET)
        return {
            "switched": entries.order_by("-id").first(),
            "may_manage": allowed,
            "resting": resting(self.actor, self.superapp, {actions.MANAGE: self.acts()}),
            "currencies": self.currencies(),
            "listing": listing,
            "who": "" if listing.page.rows else names_of_holders("console.manage_teams", THE_PLATFORM),
        }

    def acts(self) -> list[str]:
        """What those who may manage find on this page."""
        switch = _("Switch off") if self.superapp.payment_enabled else _("Switch on")
        return [switch, _("Add a currency"), _("Remove a currency")]

    def currencies(self) -> list[dict[str, Any]]:
        """Each currency with its name and how many merchants settle in it."""
        used = list(Merchant.objects.filter(superapp=self.superapp).values_list("currency", flat=True))
        return [
            {"code": code, "name": label.partition(" · ")[2], "merchants": used.count(code)}
            for code, label in named(self.superapp.currencies)
        ]


class CurrencyAdd(PaymentManagement):
    """Offer one more currency; sent from the page, which is shown again when it is refused."""

    permission: ClassVar[str] = actions.MANAGE
    http_method_names: ClassVar[list[str]] = ["post", "options"]  # type: ignore[misc]

    def act(self, form: CurrencyForm) -> HttpResponse:
        """Add it last."""
        code = form.cleaned_data["currency"]
        actions.add_currency(self.superapp, code, actor=self.actor)
        return self.done(_("%(currency)s is offered now.") % {"currency": code}, self.own_url)


class CurrencyRaise(ManagementView):
    """Move a currency one place up."""

    http_method_names: ClassVar[list[str]] = ["post", "options"]  # type: ignore[misc]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answers 409 when it is not offered any more."""
        code = kwargs["currency"]
        actions.raise_currency(self.superapp, code, actor=self.actor)
        return self.done(_("%(currency)s was moved up.") % {"currency": code}, self.own_url)


class CurrencyRemove(ManagementView):
    """Stop offering a currency, after a page that says what it reaches."""

    template_name: ClassVar[str] = "payments/currency_remove.html"
    form_class: ClassVar[Any] = KnowingForm

    def page(self) -> dict[str, Any]:
        """The mini programs that sell in it."""
        return {"currency": self.kwargs["currency"], **self.reach(self.kwargs["currency"])}

    def act(self, form: KnowingForm) -> HttpResponse:
        """Answers 409 when it is not offered any more."""
        code = self.kwargs["currency"]
        actions.remove_currency(self.superapp, code, actor=self.actor, knowing=form.cleaned_data["knowing"])
        return self.done(_("%(currency)s is no longer offered.") % {"currency": code}, self.own_url)


class SwitchOn(ManagementView):
    """Switch the payment feature on."""

    template_name: ClassVar[str] = "payments/payment_switch.html"

    def page(self) -> dict[str, Any]:
        """Which mini programs sell again."""
        return {"turn_on": True, **self.reach()}

    def act(self, form: PlainForm) -> HttpResponse:
        """Answers 409 when it is on."""
        actions.switch_on(self.superapp, actor=self.actor)
        return self.done(_("The payment feature is on."), self.own_url)


class SwitchOff(ManagementView):
    """Switch the payment feature off."""

    template_name: ClassVar[str] = "payments/payment_switch.html"

    def page(self) -> dict[str, Any]:
        """Which mini programs stop selling."""
        return {"turn_on": False, **self.reach()}

    def act(self, form: PlainForm) -> HttpResponse:
        """Answers 409 when it is off."""
        actions.switch_off(self.superapp, actor=self.actor)
        return self.done(_("The payment feature is off. Selling is suspended."), self.own_url)
