"""The mismatch desk: what does not fit between orders, payments, deliveries and refunds, and what to do (docs/records.md).

Live environment, the last 90 days, virtual and standard payment together. Each case reads an index of its own and stops counting
at a thousand, so the desk costs the same at any size of the tables.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.models import MiniProgram, Superapp
from console.money import format_money
from orders.models import DeliveryState, Difference, Environment, Notification, Order, Reconciliation

DAYS = 90
SHOWN = 100
COUNT_CAP = 1_000
REPORTS = 7
Place = MiniProgram | Superapp
Verdict = Notification.Verdict


@dataclass(frozen=True)
class Case:
    """One kind of mismatch. `what` says what does not fit, `next_step` what to do; `rows` are orders or notifications."""

    name: str
    label: str | Promise
    what: str | Promise
    next_step: str | Promise
    rows: Callable[[Place], QuerySet]
    is_superapp_only: bool = False


@dataclass(frozen=True)
class Line:
    """One mismatch on the page. `amount` is in words, `detail` what was found about this very one."""

    number: str
    url: str
    program: str
    at: datetime
    amount: str
    detail: str


def _orders(place: Place, **conditions: Any) -> QuerySet:
    owner = {"mini_program": place} if isinstance(place, MiniProgram) else {"superapp": place}
    # The kinds are named because the indexes of the records begin with them.
    rows = Order.objects.filter(**owner, kind__in=Order.Kind.values, env=Environment.LIVE, created_at__gte=_since())
    return rows.filter(**conditions)


def _alerted(code: str) -> Callable[[Place], QuerySet]:
    def rows(place: Place) -> QuerySet:
        return _orders(place, alert=code).exclude(alert="")

    return rows


def _told(place: Place, **conditions: Any) -> QuerySet:
    superapp = place.superapp_id if isinstance(place, MiniProgram) else place.pk
    rows = Notification.objects.filter(Q(verdict__in=[Verdict.MISMATCH, Verdict.UNKNOWN_ORDER]), superapp=superapp)
    rows = rows.filter(env=Environment.LIVE, received_at__gte=_since(), **conditions)
    return rows.filter(order__mini_program=place) if isinstance(place, MiniProgram) else rows


def _differs(place: Place) -> QuerySet:
    owner = {"mini_program": place} if isinstance(place, MiniProgram) else {"superapp": place}
    return Difference.objects.filter(**owner, env=Environment.LIVE, reconciliation__day__gte=_since().date())


def reports(superapp: Superapp) -> "QuerySet[Reconciliation]":
    """How the comparisons with the superapp's list of the last days went, the newest first."""
    done = Reconciliation.objects.filter(superapp=superapp).exclude(compared_at=None)
    return done.order_by("-day")[:REPORTS]


def _late(place: Place) -> QuerySet:
    rows = Notification.objects.filter(verdict=Verdict.ARCHIVED, env=Environment.LIVE, received_at__gte=_since())
    if isinstance(place, MiniProgram):
        return rows.filter(mini_program=place, superapp=place.superapp_id)
    return rows.filter(superapp=place)


def _since() -> datetime:
    return timezone.now() - timedelta(days=DAYS)


CASES = (
    Case(
        "undelivered",
        _("Paid, not delivered"),
        _("The player paid, and the backend has not acknowledged the delivery in all attempts of the schedule."),
        _("Repair the backend, then redeliver; or have the superapp refund the player."),
        lambda place: _orders(place, delivery_state=DeliveryState.NEEDS_ATTENTION),
    ),
    Case(
        "held",
        _("Paid, delivery held"),
        _("The player paid, and nothing is sent because delivery push is off or not configured."),
        _("Configure delivery push and switch it on; what is held is sent by itself."),
        lambda place: _orders(place, delivery_state=DeliveryState.HELD),
    ),
    Case(
        "refunded",
        _("Refunded, but delivered"),
        _("All of the money went back to the player, and the item was delivered before."),
        _("Take the item back in your game if your terms allow it. The refund was pushed to your backend."),
        lambda place: _orders(place, refund_state=Order.RefundState.REFUNDED, delivery_state=DeliveryState.DELIVERED),
    ),
    Case(
        "payment",
        _("Payment does not fit"),
        _("The superapp told of a payment of another price, item, quantity or player than the order's. Nothing was delivered."),
        _("Compare the notification with the order. Have the superapp send the right one, or refund the player."),
        _alerted("payment_mismatch"),
    ),
    Case(
        "late",
        _("Paid after closing"),
        _("The payment arrived when the order was closed, expired or failed already. It is recorded and delivered."),
        _("Check that the player got the item once; if they bought it again, have one of both refunded."),
        _alerted("paid_after_closing"),
    ),
    Case(
        "reconciled",
        _("Differs from the superapp's list"),
        _("The superapp's own list of transactions says something else, or one side does not know the transaction."),
        _(
            "Compare amounts and states with the superapp; its list is what is settled. "
            "It is compared again every six hours for a week."
        ),
        _differs,
    ),
    Case(
        "refund",
        _("Refund refused"),
        _("The superapp told of a refund that cannot be: of more than was paid, of an unpaid order, or under a used number."),
        _("Ask the superapp what it refunded. The order's amounts were not changed."),
        lambda place: _told(place, verdict=Verdict.MISMATCH, kind=Notification.Kind.REFUND),
    ),
    Case(
        "archived",
        _("Told of an archived order"),
        _("The superapp told of a payment or a refund of an order that is in the archive. Nothing was changed or delivered."),
        _("Ask the superapp whether money moved, and settle it with the player. An archived order does not change any more."),
        _late,
    ),
    Case(
        "unknown",
        _("Notification without an order"),
        _("The superapp told of a payment or a refund of an order that is not here."),
        _("It is kept, and applied when the order appears. If it does not, ask the superapp for which mini program it was."),
        lambda place: _told(place, verdict=Verdict.UNKNOWN_ORDER, order=None),
        is_superapp_only=True,
    ),
)


DIFFERENCES = {
    Difference.Kind.MISSING_HERE: _("Not known here. The superapp says: %(theirs)s"),
    Difference.Kind.MISSING_THERE: _("Not in the superapp's list. Here: %(ours)s"),
    Difference.Kind.AMOUNT: _("Amount in minor units: here %(ours)s, there %(theirs)s"),
    Difference.Kind.STATE: _("State: here %(ours)s, there %(theirs)s"),
    Difference.Kind.REFUNDS: _("Refunded in minor units: here %(ours)s, there %(theirs)s"),
}


def cases_of(place: Place) -> list[Case]:
    """The cases of this place: only the superapp's desk has what belongs to no mini program yet."""
    return [case for case in CASES if isinstance(place, Superapp) or not case.is_superapp_only]


def count(case: Case, place: Place) -> int:
    """How many there are, COUNT_CAP + 1 for more than COUNT_CAP; one query."""
    return case.rows(place).order_by().values("pk")[: COUNT_CAP + 1].count()


def count_text(number: int) -> str:
    """The count, exact or honestly capped."""
    return f"{COUNT_CAP:,}+" if number > COUNT_CAP else f"{number:,}"


def lines(case: Case, place: Place) -> list[Line]:
    """The newest SHOWN, at most two queries."""
    rows = case.rows(place)
    if rows.model is Notification:
        found = rows.select_related("order__mini_program", "mini_program").order_by("-received_at", "-pk")[:SHOWN]
        return [_told_line(row) for row in found]
    if rows.model is Difference:
        differing = rows.select_related("order__mini_program", "mini_program", "reconciliation")
        return [_differing(each) for each in differing.order_by("-reconciliation__day", "-pk")[:SHOWN]]
    orders = list(rows.select_related("mini_program").order_by("-created_at", "-pk")[:SHOWN])
    told = _details(orders) if case.name == "payment" else {}
    return [_line(order, order.created_at, told.get(order.pk, "")) for order in orders]


def _details(orders: list[Order]) -> dict[int, str]:
    """What did not fit, by order."""
    rows = Notification.objects.filter(order__in=orders, verdict=Verdict.MISMATCH).order_by("pk")
    return dict(rows.values_list("order", "detail"))


def _differing(each: Difference) -> Line:
    words = str(DIFFERENCES[Difference.Kind(each.kind)]) % {"ours": each.ours, "theirs": each.theirs}
    day = datetime.combine(each.reconciliation.day, time.min, tzinfo=UTC)
    line = _line(each.order, day, words, number=each.out_trade_no)
    return line if each.order else replace(line, program=each.mini_program.name if each.mini_program else each.app_id)


def _told_line(row: Notification) -> Line:
    if row.order:
        return _line(row.order, row.received_at, row.detail)
    line = _line(None, row.received_at, row.detail, number=row.out_trade_no)
    return replace(line, program=row.mini_program.name) if row.mini_program else line


def _line(order: Order | None, at: datetime, detail: str, *, number: str = "") -> Line:
    if order is None:
        return Line(number, "", "", at, "", detail)
    url = reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk})
    amount = format_money(order.paid_amount or order.amount, order.currency)
    return Line(order.out_trade_no, url, order.mini_program.name, at, amount, detail)
