"""The order record and the after-sales record, of one mini program or of all of a superapp."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind, masked
from console.listing import Listing, Sort
from console.models import MiniProgram, Superapp
from orders.filters import OrderFilters, RefundFilters
from orders.models import DeliveryState, Environment, Order, Refund

PROGRAM = Column("program", _("Mini program"), source="mini_program__name")


class OrderListing(Listing):
    """Orders of a mini program, the newest first."""

    caption = _("Orders")
    search_label = _("Order number, prepay id, open id or item ID")
    filters = OrderFilters
    columns: ClassVar[tuple[Column, ...]] = (
        Column("number", _("Order number"), Kind.ID, "out_trade_no"),
        Column("created", _("Created"), Kind.TIME, "created_at"),
        Column("item", _("Item"), source="product_name"),
        Column("amount", _("Amount"), Kind.MONEY, "amount"),
        Column("payment", _("Payment"), Kind.STATE, "payment_state", choices=tuple(Order.Payment.choices), field="payment_state"),
        Column("delivery", _("Delivery"), Kind.STATE, "delivery_state", choices=tuple(DeliveryState.choices)),
        Column("refund", _("Refund"), Kind.STATE, "refund_state", choices=tuple(Order.RefundState.choices)),
        Column("env", _("Environment"), source="env", choices=tuple(Environment.choices)),
        Column("paid", _("Paid"), Kind.TIME, "paid_at", on_page=False),
        Column("player", _("Player"), Kind.ID, masked("open_id"), on_page=False),
        Column("item_id", _("Item ID"), Kind.ID, "product_id", on_page=False),
        Column("unit_price", _("Unit price"), Kind.MONEY, "unit_price", on_page=False),
        Column("quantity", _("Quantity"), Kind.NUMBER, "quantity", on_page=False),
        Column("currency", _("Currency"), source="currency", on_page=False),
        Column("paid_amount", _("Paid amount"), Kind.MONEY, "paid_amount", on_page=False),
        Column("refunded", _("Refunded amount"), Kind.MONEY, F("refunded_amount") * -1, on_page=False),
        Column("prepay", _("Prepay id"), Kind.ID, "prepay_id", on_page=False),
        Column("merchant", _("Merchant id"), Kind.ID, "merchant_no", on_page=False),
        Column("kind", _("Kind"), source="kind", choices=tuple(Order.Kind.choices), on_page=False),
        Column("platform", _("Platform"), source="platform", on_page=False),
        Column("attach", _("Attach"), source="attach", on_page=False),
        Column("delivered", _("Delivered"), Kind.TIME, "delivered_at", on_page=False),
    )
    extra = ("mini_program__app_id",)
    totals = ("amount", "paid_amount", "refunded")

    def __init__(self, rows: QuerySet, query: QueryDict) -> None:
        super().__init__(rows, query)
        field = self.filterset.time_field
        # Both directions of the time the list is about; orders that are not paid have no place in a list by payment.
        self.sorts = (Sort("newest", _("newest first"), field), Sort("oldest", _("oldest first"), field, descending=False))

    @property
    def shown(self) -> tuple[Column, ...]:
        """A list by the time of payment shows that time instead of the time of creation."""
        by_name = {column.name: column for column in self.columns}
        axis = by_name[self.filterset.axis]
        return tuple(axis if column.name == "created" else column for column in super().shown)

    def row_url(self, row: dict[str, Any]) -> str:
        """The order, on the pages of its mini program."""
        return reverse("orders:detail", kwargs={"app_id": row["mini_program__app_id"], "pk": row["id"]})

    def number(self, count: int) -> str:
        """So many orders."""
        return ngettext("%(count)s order", "%(count)s orders", count) % {"count": f"{count:,}"}


class SuperappOrderListing(OrderListing):
    """Orders of all mini programs of a superapp."""

    columns = (OrderListing.columns[0], PROGRAM, *OrderListing.columns[1:])


class RefundListing(Listing):
    """Refunds of a mini program, the newest first; amounts are negative."""

    caption = _("Refunds")
    search_label = _("Order number or refund number")
    filters = RefundFilters
    sorts = (
        Sort("newest", _("newest first"), "started_at"),
        Sort("oldest", _("oldest first"), "started_at", descending=False),
    )
    columns: ClassVar[tuple[Column, ...]] = (
        Column("number", _("Refund number"), Kind.ID, "refund_no"),
        Column("started", _("Initiated"), Kind.TIME, "started_at"),
        Column("order", _("Order number"), Kind.ID, "out_trade_no"),
        Column("item", _("Item"), source="order__product_name"),
        Column("amount", _("Amount"), Kind.MONEY, F("amount") * -1),
        Column("state", _("State"), Kind.STATE, "state", choices=tuple(Refund.State.choices)),
        Column("reason", _("Reason"), source="cause"),
        Column("player", _("Player"), Kind.ID, masked("open_id"), on_page=False),
        Column("env", _("Environment"), source="env", choices=tuple(Environment.choices)),
        Column("succeeded", _("Succeeded"), Kind.TIME, "succeeded_at", on_page=False),
        Column("currency", _("Currency"), source="currency", on_page=False),
        Column("item_id", _("Item ID"), Kind.ID, "order__product_id", on_page=False),
        Column("kind", _("Kind"), source="kind", choices=tuple(Order.Kind.choices), on_page=False),
    )
    extra = ("mini_program__app_id",)
    totals = ("amount",)

    def row_url(self, row: dict[str, Any]) -> str:
        """The refund, on the pages of its mini program."""
        return reverse("orders:refund-detail", kwargs={"app_id": row["mini_program__app_id"], "pk": row["id"]})

    def number(self, count: int) -> str:
        """So many refunds."""
        return ngettext("%(count)s refund", "%(count)s refunds", count) % {"count": f"{count:,}"}


class SuperappRefundListing(RefundListing):
    """Refunds of all mini programs of a superapp."""

    columns = (RefundListing.columns[0], PROGRAM, *RefundListing.columns[1:])


def order_listing(place: MiniProgram | Superapp, query: QueryDict) -> OrderListing:
    """The order record of a mini program or of a superapp."""
    if isinstance(place, MiniProgram):
        return OrderListing(Order.objects.filter(mini_program=place), query)
    return SuperappOrderListing(Order.objects.filter(superapp=place), query)


def refund_listing(place: MiniProgram | Superapp, query: QueryDict) -> RefundListing:
    """The after-sales record of a mini program or of a superapp."""
    if isinstance(place, MiniProgram):
        return RefundListing(Refund.objects.filter(mini_program=place), query)
    return SuperappRefundListing(Refund.objects.filter(superapp=place), query)


_RECORDS: dict[str, Callable[[MiniProgram | Superapp, QueryDict], Listing]] = {"orders": order_listing, "refunds": refund_listing}


def listing_of(record: str, place: MiniProgram | Superapp, query: QueryDict) -> Listing:
    """The listing of a record: "orders" or "refunds"."""
    return _RECORDS[record](place, query)
