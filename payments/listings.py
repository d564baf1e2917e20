"""The mini programs and the merchants of a superapp."""

from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters
from console.listing import Listing, Sort
from console.models import MiniProgram, Superapp
from payments.models import Merchant, MerchantBinding, PaymentRequest, Request

#: What a request for payment can be in, as a filter and as words of a column.
PAYMENT_STATES = tuple(
    (state.value, state.label)
    for state in (
        Request.State.APPROVED,
        Request.State.IN_PROGRESS,
        Request.State.REJECTED,
        Request.State.CANCELLED,
        Request.State.DISABLED,
    )
)


class ProgramFilters(ListFilters):
    """By the state of the newest request; the search knows the whole app id and parts of the name."""

    virtual = ChoiceFilter(choices=PAYMENT_STATES, field_name="virtual_state", label=_("Virtual payment"))
    standard = ChoiceFilter(choices=PAYMENT_STATES, field_name="standard_state", label=_("Standard payment"))

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Mini programs of this app id or with this in the name."""
        return rows.filter(Q(app_id=value) | Q(name__icontains=value))


class ProgramListing(Listing):
    """The mini programs of a superapp with the state of their newest payment requests."""

    caption = _("Mini programs")
    search_label = _("App id or name")
    filters = ProgramFilters
    sorts = (
        Sort("name", _("by name"), "name", descending=False),
        Sort("name-down", _("by name, from the end"), "name"),
    )
    columns = (
        Column("name", _("Name"), source="name"),
        Column("team", _("Team"), source="team__name"),
        Column("app", _("App id"), Kind.ID, "app_id"),
        Column("virtual", _("Virtual payment"), Kind.STATE, "virtual_state", choices=PAYMENT_STATES),
        Column("standard", _("Standard payment"), Kind.STATE, "standard_state", choices=PAYMENT_STATES),
        Column("merchant", _("Merchant"), source="merchant_name"),
    )
    extra = ("superapp__code", "virtual_request", "standard_request")

    def row_url(self, row: dict[str, Any]) -> str:
        """The newest request, where payment is disabled; "" for a mini program that never asked."""
        request = row["virtual_request"] or row["standard_request"]
        return reverse("payments:review", kwargs={"superapp": row["superapp__code"], "pk": request}) if request else ""

    def number(self, count: int) -> str:
        """So many mini programs."""
        return ngettext("%(count)s mini program", "%(count)s mini programs", count) % {"count": f"{count:,}"}


def program_listing(superapp: Superapp, query: QueryDict) -> ProgramListing:
    """The mini programs of `superapp`."""
    newest = PaymentRequest.objects.filter(program=OuterRef("pk")).order_by("-requested_at", "-pk")
    virtual = newest.filter(type=PaymentRequest.Type.VIRTUAL)
    standard = newest.filter(type=PaymentRequest.Type.STANDARD)
    bound = MerchantBinding.objects.filter(bound_team=OuterRef("team_id"), effective=True)
    rows = MiniProgram.objects.filter(superapp=superapp).annotate(
        virtual_state=Subquery(virtual.values("state")[:1]),
        virtual_request=Subquery(virtual.values("pk")[:1]),
        standard_state=Subquery(standard.values("state")[:1]),
        standard_request=Subquery(standard.values("pk")[:1]),
        merchant_name=Subquery(bound.values("merchant__name")[:1]),
    )
    return ProgramListing(rows, query)


class MerchantFilters(ListFilters):
    """The search knows the whole id and parts of the name."""

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Merchants of this id or with this in the name."""
        return rows.filter(Q(merchant_id=value) | Q(name__icontains=value))


class MerchantListing(Listing):
    """The merchant accounts of a superapp."""

    caption = _("Merchants")
    search_label = _("Merchant id or name")
    filters = MerchantFilters
    sorts = (
        Sort("name", _("by name"), "name", descending=False),
        Sort("name-down", _("by name, from the end"), "name"),
    )
    columns = (
        Column("name", _("Name"), source="name"),
        Column("number", _("Merchant id"), Kind.ID, "merchant_id"),
        Column("currency", _("Settlement currency"), source="currency"),
        Column("teams", _("Teams paid through it"), Kind.NUMBER, "paid_teams"),
        Column("added", _("Added"), Kind.TIME, "created_at"),
    )
    extra = ("superapp__code",)

    def row_url(self, row: dict[str, Any]) -> str:
        """The merchant."""
        return reverse("payments:merchant-account", kwargs={"superapp": row["superapp__code"], "pk": row["id"]})

    def number(self, count: int) -> str:
        """So many merchants."""
        return ngettext("%(count)s merchant", "%(count)s merchants", count) % {"count": f"{count:,}"}


def merchant_listing(superapp: Superapp, query: QueryDict) -> MerchantListing:
    """The merchant accounts of `superapp`."""
    rows = Merchant.objects.filter(superapp=superapp)
    return MerchantListing(rows.annotate(paid_teams=Count("bindings", filter=Q(bindings__effective=True))), query)
