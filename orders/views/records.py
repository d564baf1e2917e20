"""The order record and the after-sales record: lists."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console.listing import PLACES, Listing
from console.models import MiniProgram, Superapp
from console.permissions import can
from console.views.base import ConsoleView
from orders.listings import listing_of


class RecordList(ConsoleView):
    """Base of the lists; an exact order or refund number jumps to its record."""

    record: ClassVar[str]
    number_field: ClassVar[str]

    @property
    def place(self) -> MiniProgram | Superapp:
        """What the list is about."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """The page of the list that the address names."""
        listing = listing_of(self.record, self.place, request.GET)
        found = self._exact(listing)
        if found:
            return redirect(found)
        may_redeliver = can(self.actor, "orders.redeliver", self.place)
        return self.render(listing=listing, export_url=f"export{listing.url()}", may_redeliver=may_redeliver)

    def _exact(self, listing: Listing) -> str:
        """The address of the only record with the number that is searched for."""
        number = listing.query.get("q", "").strip()
        if not number or not listing.is_valid or any(name in listing.query for name in PLACES):
            return ""
        rows = listing.rows.filter(**{self.number_field: number}).values("id", *listing.extra)[:2]
        return listing.row_url(rows[0]) if len(rows) == 1 else ""


class OrderList(RecordList):
    """Orders of a mini program."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/order_list.html"
    record = "orders"
    number_field = "out_trade_no"


class SuperappOrderList(OrderList):
    """Orders of all mini programs of a superapp."""


class RefundList(RecordList):
    """Refunds of a mini program."""

    permission: ClassVar[str] = "orders.view_refund"
    template_name: ClassVar[str] = "orders/refund_list.html"
    record = "refunds"
    number_field = "refund_no"


class SuperappRefundList(RefundList):
    """Refunds of all mini programs of a superapp."""
