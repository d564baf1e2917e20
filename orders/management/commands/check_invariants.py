"""Compare the rows of orders, refunds, deliveries and figures with each other (docs/operations.md, "Checks")."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.db.models import BigIntegerField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from orders.models import Archive, ArchivedOrder, ArchivedRefund, Attempt, Delivery, DeliveryState, Order, Refund
from orders.rollup_check import differences


class Rule(NamedTuple):
    """One thing that always holds: the rows that break it, and what to say about such a row."""

    name: str
    broken: Callable[[], QuerySet[Any]]
    says: str


def _sum_of_refunds(state: str) -> Coalesce:
    """The sum of an order's refunds in `state`, in minor units."""
    rows = Refund.objects.filter(order=OuterRef("pk"), state=state).order_by().values("order")
    return Coalesce(Subquery(rows.annotate(total=Sum("amount")).values("total"), output_field=BigIntegerField()), Value(0))


def _goods() -> QuerySet[Delivery]:
    return Delivery.objects.filter(order=OuterRef("pk"), event=Delivery.Event.GOODS)


def _orders_unlike_their_delivery() -> QuerySet[Order]:
    rows = Order.objects.annotate(found=Subquery(_goods().values("state")[:1]))
    return rows.exclude(found=None).exclude(delivery_state=F("found"))


def _paid_without_delivery() -> QuerySet[Order]:
    paid = Order.objects.filter(Q(kind=Order.Kind.VIRTUAL) | ~Q(notify_url=""), payment_state=Order.Payment.PAID)
    return paid.filter(~Exists(_goods()))


def _delivered_without_acknowledgement() -> QuerySet[Delivery]:
    answered = Attempt.objects.filter(delivery=OuterRef("pk"), outcome=Attempt.Outcome.ACKNOWLEDGED)
    return Delivery.objects.filter(~Exists(answered), state=DeliveryState.DELIVERED)


def _refunding_unlike_refunds() -> QuerySet[Order]:
    rows = Order.objects.annotate(found=_sum_of_refunds(Refund.State.PROCESSING))
    return rows.exclude(refunding_amount=F("found"))


def _refunded_unlike_refunds() -> QuerySet[Order]:
    rows = Order.objects.annotate(found=_sum_of_refunds(Refund.State.SUCCESS))
    return rows.exclude(refunded_amount=F("found"))


def _refund_state_unlike_amounts() -> QuerySet[Order]:
    none = Q(refund_state=Order.RefundState.NONE, refunded_amount=0)
    part = Q(refund_state=Order.RefundState.PARTIALLY_REFUNDED, refunded_amount__gt=0, refunded_amount__lt=F("paid_amount"))
    full = Q(refund_state=Order.RefundState.REFUNDED, refunded_amount__gt=0, refunded_amount=F("paid_amount"))
    return Order.objects.exclude(none | part | full)


def _refunds_in_another_currency() -> QuerySet[Refund]:
    return Refund.objects.exclude(currency=F("order__currency"))


def _deliveries_of_other_programs() -> QuerySet[Delivery]:
    return Delivery.objects.filter(order__isnull=False).exclude(mini_program=F("order__mini_program"))


def _refunds_of_other_programs() -> QuerySet[Refund]:
    return Refund.objects.exclude(mini_program=F("order__mini_program"))


def _refunds_of_other_items() -> QuerySet[Refund]:
    return Refund.objects.exclude(product_id=F("order__product_id"))


def _attempts_of_other_programs() -> QuerySet[Attempt]:
    return Attempt.objects.filter(mini_program__isnull=False).exclude(mini_program=F("delivery__mini_program"))


def _orders_with_an_archived_number() -> QuerySet[Order]:
    same = {name: OuterRef(name) for name in ("out_trade_no", "mini_program", "env")}
    return Order.objects.filter(Exists(ArchivedOrder.objects.filter(**same)))


def _refunds_with_an_archived_number() -> QuerySet[Refund]:
    same = {name: OuterRef(name) for name in ("refund_no", "mini_program")}
    return Refund.objects.filter(Exists(ArchivedRefund.objects.filter(**same)))


def _archives_unlike_their_orders() -> QuerySet[Archive]:
    return Archive.objects.annotate(found=Count("order_numbers__out_trade_no")).exclude(orders=F("found"))


def _archives_unlike_their_refunds() -> QuerySet[Archive]:
    return Archive.objects.annotate(found=Count("refund_numbers__refund_no")).exclude(refunds=F("found"))


RULES = (
    Rule(
        "order_and_delivery_agree",
        _orders_unlike_their_delivery,
        "its delivery axis is {row.delivery_state}, its delivery {row.found}",
    ),
    Rule("paid_order_has_a_delivery", _paid_without_delivery, "it is paid, but there is no delivery for it"),
    Rule("delivered_is_acknowledged", _delivered_without_acknowledgement, "it is delivered, but no attempt was acknowledged"),
    Rule("refunding_sum", _refunding_unlike_refunds, "{row.refunding_amount} in process by the order, {row.found} by its rows"),
    Rule("refunded_sum", _refunded_unlike_refunds, "{row.refunded_amount} refunded by the order, {row.found} by its rows"),
    Rule("refund_state", _refund_state_unlike_amounts, "{row.refund_state}, {row.refunded_amount} of {row.paid_amount} refunded"),
    Rule("refund_currency", _refunds_in_another_currency, "it is in {row.currency}, its order is not"),
    Rule("delivery_owner", _deliveries_of_other_programs, "it belongs to another mini program than its order"),
    Rule("refund_owner", _refunds_of_other_programs, "it belongs to another mini program than its order"),
    Rule("refund_item", _refunds_of_other_items, "its item is {row.product_id!r}, that of its order is not"),
    Rule("attempt_owner", _attempts_of_other_programs, "it belongs to another mini program than its delivery"),
    Rule("order_number_not_archived", _orders_with_an_archived_number, "an order of this number is in the archive"),
    Rule("refund_number_not_archived", _refunds_with_an_archived_number, "a refund of this number is in the archive"),
    Rule("archived_orders", _archives_unlike_their_orders, "it has {row.orders} orders, and {row.found} numbers are kept"),
    Rule("archived_refunds", _archives_unlike_their_refunds, "it has {row.refunds} refunds, and {row.found} numbers are kept"),
)


class Command(BaseCommand):
    help = "Check what must hold between orders, refunds, deliveries and figures; prints each row that breaks it and exits 1."

    def handle(self, **options: Any) -> None:
        broken = sum(self.report(rule) for rule in RULES) + self.report_figures()
        if broken:
            raise CommandError(f"{broken} rows break a rule.")
        self.stdout.write(f"All {len(RULES) + 1} rules hold for {Order.objects.count()} orders.")

    def report(self, rule: Rule) -> int:
        """Print the rows that break the rule; returns how many."""
        count = 0
        for row in rule.broken().order_by("pk").iterator():
            count += 1
            self.stdout.write(f"{rule.name}: {row._meta.model_name} id {row.pk} ({row}): {rule.says.format(row=row)}")
        return count

    def report_figures(self) -> int:
        """Print the buckets of the figures that are not what their rows say; returns how many."""
        count = 0
        for sentence in differences():
            count += 1
            self.stdout.write(f"figures: {sentence}")
        return count
