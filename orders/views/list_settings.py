"""Columns and saved views of the order record and the after-sales record."""

from typing import ClassVar

from django.http import QueryDict

from console.listing import Listing
from console.permissions import sees_players
from console.views.list_settings import ListSettings
from orders.listings import (
    MASKED,
    WHOLE,
    OrderListing,
    RefundListing,
    SuperappOrderListing,
    SuperappRefundListing,
    listing_of,
)


class RecordListSettings(ListSettings):
    """Base of the four pages."""

    record: ClassVar[str]

    def listing(self, kept: list[str], query: QueryDict | None = None) -> Listing:
        """The record that the address describes, or this query."""
        player = WHOLE if sees_players(self.actor, self.permission, self.mini_program) else MASKED
        return listing_of(self.record, self.place, self.request.GET if query is None else query, kept=kept, player=player)


class OrderListSettings(RecordListSettings):
    """Orders of a mini program."""

    permission: ClassVar[str] = "orders.view_order"
    record = "orders"
    list_class = OrderListing


class SuperappOrderListSettings(OrderListSettings):
    """Orders of all mini programs of a superapp."""

    list_class = SuperappOrderListing


class RefundListSettings(RecordListSettings):
    """Refunds of a mini program."""

    permission: ClassVar[str] = "orders.view_refund"
    record = "refunds"
    list_class = RefundListing


class SuperappRefundListSettings(RefundListSettings):
    """Refunds of all mini programs of a superapp."""

    list_class = SuperappRefundListing
