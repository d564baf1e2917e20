"""The order record and the after-sales record: lists."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from console import replica
from console.list_settings import kept_columns, views_shown
from console.models import MiniProgram, Superapp
from console.permissions import can, resting, sees_players
from console.views.base import ConsoleView
from items.readiness import missing_step
from orders.listings import MASKED, WHOLE, RecordListing, listing_of
from payments.readiness import Missing, missing_feature, missing_standard


class RecordList(ConsoleView):
    """Base of the lists; an exact order or refund number jumps to its record."""

    record: ClassVar[str]
    list_name: ClassVar[str]

    @property
    def place(self) -> MiniProgram | Superapp:
        """What the list is about."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """The page of the list that the address names, from the replica where there is one."""
        return replica.read(lambda: self.show(request))

    def show(self, request: HttpRequest) -> HttpResponse:
        """The page, from the database that is being read."""
        player = WHOLE if sees_players(self.actor, self.permission, self.mini_program) else MASKED
        kept = [] if request.GET.get("columns") else kept_columns(self.list_name, reader=self.actor)
        listing = listing_of(self.record, self.place, request.GET, kept=kept, player=player)
        if found := listing.jump():
            return redirect(found)
        return self.render(
            listing=listing,
            views=views_shown(listing, self.place, reader=self.actor),
            export_url=f"export{listing.here_url}",
            **self.redelivery(listing),
            wider_url=self.wider_url(listing),
            missing=None if listing.page.rows or listing.is_filtered else self.missing(listing),
        )

    def redelivery(self, listing: RecordListing) -> dict[str, Any]:
        """Of the orders that need attention: whether the reader may redeliver many, or why not and who can."""
        if not self.mini_program or self.request.GET.get("delivery") != "needs_attention" or not listing.page.rows:
            return {}
        if can(self.actor, "orders.redeliver", self.mini_program):
            filters = listing.filterset
            shown = {"env": filters.env_shown, "kind": filters.kind_shown, "item": filters.values.get("item")}
            asked = {name: value for name, value in shown.items() if value not in ("", None)}
            url = reverse("orders:redeliver-many", kwargs={"app_id": self.mini_program.app_id})
            return {"redeliver_url": f"{url}?{urlencode(asked)}"}
        return {"resting": resting(self.actor, self.mini_program, {"orders.redeliver": [_("Redeliver many")]})}

    def wider_url(self, listing: RecordListing) -> str:
        """The same list over all the days that it can show, "" where it shows them anyway."""
        if not listing.filterset.default_days or listing.page.rows:
            return ""
        return listing.url(since=listing.filterset.earliest(timezone.localdate()).isoformat(), zone=listing.zone)

    def missing(self, listing: RecordListing) -> Missing | None:
        """Of an empty record: what is missing before anything is sold here, None for nothing."""
        if self.mini_program and listing.is_standard:
            return missing_standard(self.mini_program, actor=self.actor)
        if self.mini_program:
            return missing_step(self.mini_program, actor=self.actor)
        assert self.superapp
        return missing_feature(self.superapp, actor=self.actor)


class OrderList(RecordList):
    """Orders of a mini program."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/order_list.html"
    record = "orders"
    list_name = "orders"


class SuperappOrderList(OrderList):
    """Orders of all mini programs of a superapp."""

    list_name = "superapp-orders"


class RefundList(RecordList):
    """Refunds of a mini program."""

    permission: ClassVar[str] = "orders.view_refund"
    template_name: ClassVar[str] = "orders/refund_list.html"
    record = "refunds"
    list_name = "refunds"


class SuperappRefundList(RefundList):
    """Refunds of all mini programs of a superapp."""

    list_name = "superapp-refunds"
