"""One order, one refund; also out of the archive."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from console.activity import object_key
from console.columns import mask
from console.errors import Invisible
from console.permissions import can, grants_of, resting
from console.views.base import ConsoleView
from orders.models import Delivery, DeliveryState, Environment, Notification, Order, Refund
from orders.payloads import refund_no_in
from orders.story import Tried, attempts_of, entries_of, grouped, newest, order_events, refund_events, refund_verdict, verdict

NOTIFICATIONS_SHOWN = 50
REDELIVERABLE = {DeliveryState.NEEDS_ATTENTION, DeliveryState.PENDING}  # as in orders.actions.delivery.redeliver


class RecordDetail(ConsoleView):
    """Base of the pages about one row of a mini program."""

    list_name: ClassVar[str] = ""
    #: Which record the row is in, for the navigation (console.navigation).
    record_kind = ""

    def find(self, rows: Any, pk: int) -> Any:
        """The row of this mini program, or 404."""
        found = rows.filter(mini_program=self.mini_program, pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise Invisible
        return found

    def back_to(self, row: Order | Refund) -> str:
        """The record that the row is in."""
        assert self.mini_program
        asked = QueryDict(mutable=True)
        if row.kind != Order.Kind.VIRTUAL:
            asked["kind"] = row.kind
        if row.env != Environment.LIVE:
            asked["env"] = str(row.env)
        return f"{reverse(self.list_name, kwargs={'app_id': self.mini_program.app_id})}?{asked.urlencode()}".removesuffix("?")

    @property
    def sees_player(self) -> bool:
        """Whole open ids and raw notifications are for the team; the superapp and the platform see them masked."""
        assert self.mini_program
        teams, _superapps = grants_of(self.actor).containers(self.permission)
        return self.mini_program.team_id in teams

    @property
    def sees_attempts(self) -> bool:
        """Whether the reader may view the attempts to deliver."""
        return can(self.actor, "orders.view_attempt", self.container)

    @property
    def sees_refunds(self) -> bool:
        """Whether the reader may view refunds: their numbers, amounts and reasons, wherever they stand."""
        return can(self.actor, "orders.view_refund", self.container)

    @property
    def sees_signatures(self) -> bool:
        """Whether the reader may open the workbench, which is about rows of the tables."""
        return can(self.actor, "payments.view_delivery", self.container)

    def attempts(self, deliveries: list[Delivery]) -> Tried:
        """The attempts, for those who may view them."""
        return attempts_of(deliveries) if self.sees_attempts else Tried()

    def refund_url(self, refund: Refund) -> str:
        """The page of a refund."""
        return self._url("refund-detail", refund.pk)

    def order_url(self, order: Order) -> str:
        """The page of an order."""
        return self._url("detail", order.pk)

    def _url(self, page: str, pk: int) -> str:
        assert self.mini_program
        return reverse(f"orders:{page}", kwargs={"app_id": self.mini_program.app_id, "pk": pk})

    def show(self, row: Order | Refund, **told: Any) -> HttpResponse:
        """What the pages about orders and about refunds have in common."""
        self.record_kind = row.kind
        return self.render(
            back_url=self.back_to(row),
            sees_player=self.sees_player,
            masked_player=mask(row.open_id),
            sees_attempts=self.sees_attempts,
            sees_signatures=self.sees_signatures,
            sections=self.sections(**told),
            **told,
        )

    def sections(self, **told: Any) -> list[dict[str, Any]]:
        """The parts of the page as links with addresses of their own, for components/tabs.html."""
        notified = len(told["notifications"])
        parts = (
            ("happened", _("What happened"), "", True),
            ("deliveries", _("Deliveries"), len(told["deliveries"]), self.sees_attempts),
            ("refunds", _("Refunds"), len(told["refunds"]), bool(told["refunds"])),
            ("notifications", _("Notifications of the superapp"), notified + told["older"], bool(notified)),
            ("facts", _("Facts"), "", True),
        )
        return [{"label": label, "url": f"#{name}", "count": number} for name, label, number, is_there in parts if is_there]

    def listed(self, refunds: Sequence[Refund]) -> list[dict[str, Any]]:
        """Refunds for templates/orders/order_refunds.html."""
        return [{"row": refund, "amount": -refund.amount, "url": self.refund_url(refund)} for refund in refunds]


class OrderDetail(RecordDetail):
    """An order: verdict, the three axes, what happened when, every attempt to deliver."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/order_detail.html"
    list_name = "orders:list"

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """The page."""
        order: Order = self.find(Order.objects.all(), pk)
        deliveries = list(order.deliveries.order_by("id"))
        refunds = list(order.refunds.order_by("started_at", "id"))
        told = order.notifications.all() if self.sees_refunds else order.notifications.exclude(kind=Notification.Kind.REFUND)
        notifications, older = newest(told, NOTIFICATIONS_SHOWN)
        waits = any(delivery.state in REDELIVERABLE for delivery in deliveries)
        return self.show_order(order, refunds, deliveries, self.attempts(deliveries), notifications, older=older, waits=waits)

    def show_order(
        self, order: Order, refunds: list[Refund], deliveries: list[Delivery], attempts: Tried,
        notifications: list[Notification], older: int = 0, waits: bool = False, **more: Any,
    ) -> HttpResponse:  # fmt: skip
        """The page of an order with all its rows. `older` notifications are left out; `waits` says that it can be redelivered."""
        acts = {"orders.redeliver": [_("Redeliver now")]} if waits else {}
        if refunds:
            acts["orders.view_refund"] = [_("Refunds of this order")]
        if not self.sees_refunds:
            refunds = []
            deliveries = [row for row in deliveries if row.event != Delivery.Event.REFUND]
            attempts = attempts.of(deliveries)
            notifications = [row for row in notifications if row.kind != Notification.Kind.REFUND]
        entries, older_entries = entries_of([order, *deliveries, *refunds])
        return self.show(
            order,
            order=order,
            verdict=verdict(order),
            events=order_events(order, notifications, attempts, refunds, entries),
            older=older,
            older_events=older + older_entries,
            history_url=self.history_url(order) if older_entries else "",
            deliveries=grouped(deliveries, attempts),
            refunds=self.listed(refunds),
            notifications=notifications if self.sees_player else [],
            may_redeliver=waits and can(self.actor, "orders.redeliver", order),
            resting=resting(self.actor, order, acts),
            **more,
        )

    def history_url(self, order: Order) -> str:
        """All entries of the activity about the order, for those who may view it."""
        if not can(self.actor, "console.view_activity", self.container):
            return ""
        asked = urlencode({"object": object_key("orders.order", str(order.pk))})
        return f"{reverse('program-activity', kwargs={'app_id': order.mini_program.app_id})}?{asked}"


class RefundDetail(RecordDetail):
    """A refund and the order it belongs to."""

    permission: ClassVar[str] = "orders.view_refund"
    template_name: ClassVar[str] = "orders/refund_detail.html"
    list_name = "orders:refund-list"

    def told_of(self, refund: Refund, notifications: Iterable[Notification]) -> list[Notification]:
        """What the superapp told about this refund of the order; its number stands in what was signed, in whatever escapes."""
        of_refunds = (row for row in notifications if row.kind == Notification.Kind.REFUND)
        return [row for row in of_refunds if refund_no_in(row) == refund.refund_no]

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """The page, with what the developer's backend was told about it."""
        refund: Refund = self.find(Refund.objects.select_related("order"), pk)
        deliveries = list(refund.deliveries.order_by("id"))
        attempts = self.attempts(deliveries)
        others = list(refund.order.refunds.exclude(pk=refund.pk).order_by("started_at", "id"))
        notifications = refund.order.notifications.filter(kind=Notification.Kind.REFUND).order_by("id")
        return self.show_refund(refund, others, deliveries, attempts, self.told_of(refund, notifications))

    def show_refund(
        self, refund: Refund, others: list[Refund], deliveries: list[Delivery], attempts: Tried,
        notifications: list[Notification], **more: Any,
    ) -> HttpResponse:  # fmt: skip
        """The page of a refund with all its rows, of the notifications the newest."""
        older, notifications = max(0, len(notifications) - NOTIFICATIONS_SHOWN), notifications[-NOTIFICATIONS_SHOWN:]
        entries, older_entries = entries_of([refund, *deliveries])
        return self.show(
            refund,
            refund=refund,
            order=refund.order,
            order_url=self.order_url(refund.order),
            amount=-refund.amount,
            refunds=self.listed(others),
            verdict=refund_verdict(refund),
            events=refund_events(refund, notifications, attempts, entries),
            older=older,
            older_events=older + older_entries,
            notifications=notifications if self.sees_player else [],
            deliveries=grouped(deliveries, attempts),
            may_see_order=can(self.actor, "orders.view_order", self.container),
            **more,
        )
