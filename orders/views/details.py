"""One order, one refund."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from console.columns import mask
from console.errors import Invisible
from console.permissions import can, grants_of, resting
from console.views.base import ConsoleView
from orders.models import Attempt, Delivery, DeliveryState, Notification, Order, Refund
from orders.story import attempts_of, grouped, order_events, refund_events, refund_verdict, verdict

NOTIFICATIONS_SHOWN = 50
REDELIVERABLE = {DeliveryState.NEEDS_ATTENTION, DeliveryState.PENDING}  # as in orders.actions.delivery.redeliver


class RecordDetail(ConsoleView):
    """Base of the pages about one row of a mini program."""

    def find(self, rows: Any, pk: int) -> Any:
        """The row of this mini program, or 404."""
        found = rows.filter(mini_program=self.mini_program, pk=pk).first() if pk < 2**63 else None
        if found is None:
            raise Invisible
        return found

    @property
    def sees_player(self) -> bool:
        """Whole open ids and raw notifications are for the team; the superapp and the platform see them masked."""
        assert self.mini_program
        teams, _superapps = grants_of(self.actor).containers(self.permission)
        return self.mini_program.team_id in teams

    def attempts(self, deliveries: list[Delivery]) -> list[Attempt]:
        """The attempts, for those who may view them."""
        return attempts_of(deliveries) if can(self.actor, "orders.view_attempt", self.container) else []


class OrderDetail(RecordDetail):
    """An order: verdict, the three axes, what happened when, every attempt to deliver."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/order_detail.html"

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """The page."""
        order: Order = self.find(Order.objects.all(), pk)
        deliveries = list(order.deliveries.order_by("id"))
        refunds = list(order.refunds.order_by("started_at", "id"))
        notifications = list(order.notifications.order_by("id")[:NOTIFICATIONS_SHOWN])
        attempts = self.attempts(deliveries)
        return self.render(
            order=order,
            verdict=verdict(order),
            events=order_events(order, notifications, attempts, refunds),
            deliveries=grouped(deliveries, attempts),
            refunds=[(refund, -refund.amount) for refund in refunds],
            notifications=notifications if self.sees_player else [],
            sees_player=self.sees_player,
            masked_player=mask(order.open_id),
            sees_attempts=can(self.actor, "orders.view_attempt", order),
            sees_signatures=can(self.actor, "payments.view_delivery", order),
            **self._redelivery(order, deliveries),
        )

    def _redelivery(self, order: Order, deliveries: list[Delivery]) -> dict[str, Any]:
        """The button, or who could press it."""
        if not any(delivery.state in REDELIVERABLE for delivery in deliveries):
            return {}
        if can(self.actor, "orders.redeliver", order):
            return {"may_redeliver": True}
        return {"resting": resting(self.actor, order, {"orders.redeliver": [_("Redeliver now")]})}


class RefundDetail(RecordDetail):
    """A refund and the order it belongs to."""

    def told_of(self, refund: Refund) -> QuerySet[Notification]:
        """What the superapp told about this refund of the order; its number stands in what was signed."""
        rows = refund.order.notifications.filter(kind=Notification.Kind.REFUND, payload__contains=f'"{refund.refund_no}"')
        return rows.order_by("id")[:NOTIFICATIONS_SHOWN]

    permission: ClassVar[str] = "orders.view_refund"
    template_name: ClassVar[str] = "orders/refund_detail.html"

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """The page, with what the developer's backend was told about it."""
        refund: Refund = self.find(Refund.objects.select_related("order"), pk)
        deliveries = list(refund.deliveries.order_by("id"))
        attempts = self.attempts(deliveries)
        notifications = list(self.told_of(refund))
        others = refund.order.refunds.exclude(pk=refund.pk).order_by("started_at", "id")
        return self.render(
            refund=refund,
            order=refund.order,
            amount=-refund.amount,
            others=[(other, -other.amount) for other in others],
            verdict=refund_verdict(refund),
            events=refund_events(refund, notifications, attempts),
            notifications=notifications if self.sees_player else [],
            deliveries=grouped(deliveries, attempts),
            sees_player=self.sees_player,
            masked_player=mask(refund.open_id),
            sees_attempts=can(self.actor, "orders.view_attempt", refund),
            sees_signatures=can(self.actor, "payments.view_delivery", refund),
            may_see_order=can(self.actor, "orders.view_order", refund),
        )
