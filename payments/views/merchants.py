"""Merchant accounts of a superapp: the list, one of them, add and edit."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import Invisible
from console.models import Superapp
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView
from payments.actions import merchant_account as actions
from payments.forms import MerchantAccountForm
from payments.listings import merchant_listing
from payments.models import Merchant, MerchantBinding

TEAMS = 50  # teams shown beside a merchant; their number is always said


class MerchantsView(ConsoleView):
    """Base of these pages."""

    superapp: Superapp

    @property
    def list_url(self) -> str:
        """All merchants."""
        return reverse("payments:merchants", kwargs={"superapp": self.superapp.code})

    def merchant(self, pk: int) -> Merchant:
        """One of the superapp's merchants. Raises Invisible."""
        row = Merchant.objects.filter(superapp=self.superapp, pk=pk).select_related("superapp").first()
        if row is None:
            raise Invisible
        return row

    def rights(self, label: str) -> dict[str, Any]:
        """Whether the reader may edit, else why not and who can; `label` is the button of the page."""
        rest = resting(self.actor, self.superapp, {actions.EDIT: [label]})
        return {"may_edit": can(self.actor, actions.EDIT, self.superapp), "resting": rest}


class Merchants(MerchantsView):
    """The list."""

    permission: ClassVar[str] = "payments.view_merchants"
    template_name: ClassVar[str] = "payments/merchants.html"

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """By name."""
        return self.render(listing=merchant_listing(self.superapp, request.GET), **self.rights(_("Add a merchant")))


class MerchantAccount(MerchantsView):
    """One merchant: who is paid through it, and what was changed."""

    permission: ClassVar[str] = "payments.view_merchants"
    template_name: ClassVar[str] = "payments/merchant_account.html"

    def get(self, request: HttpRequest, superapp: str, pk: int) -> HttpResponse:
        """Its history is a panel of the page."""
        row = self.merchant(pk)
        bindings = MerchantBinding.objects.filter(merchant=row, effective=True).select_related("bound_team")
        return self.render(
            merchant=row,
            teams=list(bindings.order_by("bound_team__name")[:TEAMS]),
            team_count=bindings.count(),
            **self.rights(_("Edit")),
        )


class MerchantFormView(MerchantsView, FormView):
    """Base of the two forms."""

    permission: ClassVar[str] = actions.EDIT
    form_class = MerchantAccountForm


class MerchantAdd(MerchantFormView):
    """Add a merchant account."""

    template_name: ClassVar[str] = "payments/merchant_add.html"

    def form_arguments(self) -> dict[str, Any]:
        """The superapp's currencies."""
        return {"superapp": self.superapp}

    def act(self, form: MerchantAccountForm) -> HttpResponse:
        """Add it."""
        data = form.cleaned_data
        row = actions.add(
            self.superapp, actor=self.actor, merchant_id=data["merchant_id"], name=data["name"], currency=data["currency"]
        )
        return self.done(_("%(merchant)s was added. Teams can ask for it now.") % {"merchant": row.name}, self.list_url)


class MerchantEdit(MerchantFormView):
    """Edit a merchant account."""

    template_name: ClassVar[str] = "payments/merchant_edit.html"

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        row = self.merchant(self.kwargs["pk"])
        initial = {**dict(actions.content(row)), "shown": actions.content_mark(row)}
        return {"superapp": self.superapp, "merchant": row, "initial": initial}

    def page(self) -> dict[str, Any]:
        """What cannot change is said before anybody types."""
        row = self.merchant(self.kwargs["pk"])
        stays = [actions.why_id_stays(row), actions.why_currency_stays(row)]
        return {"merchant": row, "stays": [sentence for sentence in stays if sentence]}

    def act(self, form: MerchantAccountForm) -> HttpResponse:
        """Store the change."""
        data = {name: form.cleaned_data[name] for name in ("merchant_id", "name", "currency", "shown")}
        row = actions.edit(self.merchant(self.kwargs["pk"]), actor=self.actor, **data)
        url = reverse("payments:merchant-account", kwargs={"superapp": self.superapp.code, "pk": row.pk})
        return self.done(_("%(merchant)s was saved.") % {"merchant": row.name}, url)
