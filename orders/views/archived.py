"""An order or a refund out of the archive: the pages of orders/views/details.py, read from a file (docs/records.md)."""

from typing import Any, ClassVar

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from console.errors import Invisible
from orders.archive_files import ArchiveFault
from orders.archived import Tombstone, Whole, archived_order, archived_refund, order_page, read, refund_page, words_of
from orders.models import Environment, Order, Refund
from orders.story import Tried, events_of
from orders.views.details import OrderDetail, RecordDetail, RefundDetail

log = structlog.get_logger(__name__)


class _Archived(RecordDetail):
    """What both pages share. Nothing is changed from here, and nothing is signed again."""

    sees_signatures = False
    unreadable_template: ClassVar[str] = "orders/archived_unreadable.html"

    @property
    def number(self) -> str:
        """The number that the address names."""
        return self.request.GET.get("number", "").replace("\x00", "")

    def tombstone(self) -> Tombstone | None:
        """What stayed of the number in the tables."""
        raise NotImplementedError

    def show_whole(self, whole: Whole, **told: Any) -> HttpResponse:
        """The page of what the file holds."""
        raise NotImplementedError

    def get(self, request: HttpRequest, app_id: str, pk: int = 0) -> HttpResponse:
        """The page; when the file cannot be read, what is known without it. Without a number, the list to search in."""
        if not self.number:
            return redirect(self.list_name, app_id=app_id)
        if (found := self.tombstone()) is None:
            raise Invisible
        told: dict[str, Any] = {"archived": words_of(found), "archive": found.archive}
        try:
            whole = read(found)
        except ArchiveFault as error:
            log.error("archive.unreadable", file=found.archive.file, number=str(found), error=str(error))
            self.template_name = self.unreadable_template  # type: ignore[misc]
            return self.render(list_name=self.list_name, **told)
        return self.show_whole(whole, **told)

    def shown(self, whole: Whole) -> Tried:
        """The attempts, for those who may view them."""
        return Tried(whole.attempts if self.sees_attempts else [], events=events_of(whole.deliveries))

    def refund_url(self, refund: Refund) -> str:
        """A refund is in the archive with its order."""
        assert self.mini_program
        return refund_page(self.mini_program.app_id, refund.refund_no)

    def order_url(self, order: Order) -> str:
        """And so is the order of a refund."""
        assert self.mini_program
        return order_page(self.mini_program.app_id, env=order.env, number=order.out_trade_no)


class ArchivedOrderDetail(_Archived, OrderDetail):
    """An archived order: the environment and the number stand in the address."""

    def tombstone(self) -> Tombstone | None:
        assert self.mini_program
        env = self.request.GET.get("env", "")
        if env not in map(str, Environment.values):
            return None
        return archived_order(self.mini_program.pk, env=int(env), out_trade_no=self.number)

    def show_whole(self, whole: Whole, **told: Any) -> HttpResponse:
        return self.show_order(**(whole._asdict() | {"attempts": self.shown(whole)}), **told)


class ArchivedRefundDetail(_Archived, RefundDetail):
    """An archived refund, with the order that it went with."""

    def tombstone(self) -> Tombstone | None:
        assert self.mini_program
        return archived_refund(self.mini_program.pk, refund_no=self.number)

    def show_whole(self, whole: Whole, **told: Any) -> HttpResponse:
        refund = next(row for row in whole.refunds if row.refund_no == self.number)
        deliveries = [row for row in whole.deliveries if row.refund_id == refund.pk]
        attempts = self.shown(whole).of(deliveries)
        notifications = self.told_of(refund, whole.notifications)
        others = [row for row in whole.refunds if row is not refund]
        return self.show_refund(refund, others, deliveries, attempts, notifications, **told)
