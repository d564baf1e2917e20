"""The mismatch desk: what does not fit between orders, payments, deliveries and refunds, and what to do (docs/records.md).

Live environment, the last 90 days, virtual and standard payment together. Each case reads an index of its own and stops counting
at a thousand, so the desk costs the same at any size of the tables. What was settled (orders/actions/mismatch.py) is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.models import MiniProgram, Superapp, User
from console.permissions import can
from orders.models import (
    DeliveryState,
    Difference,
    Environment,
    Notification,
    Order,
    PriceRefusal,
    Reconciliation,
    Settlement,
)

DAYS = 90
COUNT_CAP = 1_000
REPORTS = 7
REFUNDS = "orders.view_refund"
Place = MiniProgram | Superapp
Verdict = Notification.Verdict
#: By which time the rows of a case are listed, the newest first.
TIMES = {Order: "created_at", Notification: "received_at", PriceRefusal: "day", Difference: "reconciliation__day"}
TEAM_SETTLES = _("What belongs to a mini program is settled by its team.")


@dataclass(frozen=True)
class Case:
    """One kind of mismatch. `what` says what does not fit, `next_step` what to do.

    `rows` are orders, notifications, refusals of a price or differences. `again` names the field that says when it happened
    last, for what can happen again after it was settled. `needs` is the permission that its lines tell something of.
    """

    name: str
    label: str | Promise
    what: str | Promise
    next_step: str | Promise
    rows: Callable[[Place], QuerySet]
    is_superapp_only: bool = False
    again: str = ""
    needs: str = "orders.view_order"


def _owned(place: Place) -> dict[str, Place]:
    return {"mini_program": place} if isinstance(place, MiniProgram) else {"superapp": place}


def _orders(place: Place, **conditions: Any) -> QuerySet:
    # The kinds are named because the indexes of the records begin with them.
    rows = Order.objects.filter(**_owned(place), kind__in=Order.Kind.values, env=Environment.LIVE, created_at__gte=_since())
    return rows.filter(**conditions)


def _alerted(*codes: str) -> Callable[[Place], QuerySet]:
    def rows(place: Place) -> QuerySet:
        return _orders(place, alert__in=codes).exclude(alert="")

    return rows


def _received(place: Place) -> QuerySet:
    """What the superapp of the place told, of whatever mini program."""
    superapp = place.superapp_id if isinstance(place, MiniProgram) else place.pk
    return Notification.objects.filter(superapp=superapp, env=Environment.LIVE, received_at__gte=_since())


def _told(place: Place) -> QuerySet:
    rows = _received(place).filter(verdict__in=[Verdict.MISMATCH, Verdict.UNKNOWN_ORDER])
    return rows.filter(order__mini_program=place) if isinstance(place, MiniProgram) else rows


def _refused_refunds(place: Place) -> QuerySet:
    return _told(place).filter(verdict=Verdict.MISMATCH, kind=Notification.Kind.REFUND, order__isnull=False)


def _refused_prices(place: Place) -> QuerySet:
    return PriceRefusal.objects.filter(**_owned(place), day__gte=_since().date())


def _differs(place: Place) -> QuerySet:
    return Difference.objects.filter(**_owned(place), env=Environment.LIVE, reconciliation__day__gte=_since().date())


def reports(superapp: Superapp) -> "QuerySet[Reconciliation]":
    """How the comparisons with the superapp's list of the last days went, the newest first."""
    done = Reconciliation.objects.filter(superapp=superapp).exclude(compared_at=None)
    return done.order_by("-day")[:REPORTS]


def _told_of_archived(place: Place) -> QuerySet:
    rows = _received(place).filter(verdict=Verdict.ARCHIVED)
    return rows.filter(mini_program=place) if isinstance(place, MiniProgram) else rows


def _wrongly_signed(place: Place) -> QuerySet:
    return _received(place).filter(verdict=Verdict.BAD_SIGNATURE)


def _a_day_ago() -> datetime:
    return timezone.now() - timedelta(days=1)


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
        "waiting",
        _("Paid more than a day ago, not delivered yet"),
        _("The player paid, and the backend has not acknowledged the delivery for a day. Attempts go on by the schedule."),
        _("Repair the backend; what waits is sent by itself, or at once when you redeliver it."),
        # One state, so that its index has the newest first. What is being sent just now is back within seconds.
        lambda place: _orders(place, delivery_state=DeliveryState.PENDING, created_at__lt=_a_day_ago(), paid_at__lt=_a_day_ago()),
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
        needs=REFUNDS,
    ),
    Case(
        "price",
        _("Price refused"),
        _("The game asked another price than that of the item on sale, so nothing was ordered. Each line is a price of a day."),
        _("Have the game read the price anew after a release; or release the item at the price that the game asks."),
        _refused_prices,
        again="last_at",
    ),
    Case(
        "payment",
        _("Payment does not fit"),
        _(
            "The superapp told of a payment of another price, item, quantity or player than the order's. "
            "Nothing was delivered for it."
        ),
        _("Compare the notification with the order. Have the superapp send the right one, or refund the player."),
        _alerted(Order.Alert.MISMATCH, Order.Alert.LATE_AND_MISMATCH),
    ),
    Case(
        "late",
        _("Paid after closing"),
        _("The payment arrived when the order was closed, expired or failed already. It is recorded and delivered."),
        _("Check that the player got the item once; if they bought it again, have one of both refunded."),
        _alerted(Order.Alert.LATE, Order.Alert.LATE_AND_MISMATCH),
    ),
    Case(
        "above_paid",
        _("Refund above what was paid"),
        _("The superapp told of a refund with which more would go back to the player than was paid. It was not recorded."),
        _("Ask the superapp what it really refunded; if too much went back, it is theirs to settle with the player."),
        lambda place: _refused_refunds(place).filter(code="REFUND_EXCEEDS_PAID"),
        needs=REFUNDS,
    ),
    Case(
        "refund",
        _("Refund refused"),
        _("The superapp told of a refund that cannot be: of an unpaid order, in another currency, or under a used number."),
        _("Ask the superapp what it refunded. The order's amounts were not changed."),
        lambda place: _refused_refunds(place).exclude(code="REFUND_EXCEEDS_PAID"),
        needs=REFUNDS,
    ),
    Case(
        "archived",
        _("Told of an archived order"),
        _("The superapp told of a payment or a refund of an order that is in the archive. Nothing was changed or delivered."),
        _("Ask the superapp whether money moved, and settle it with the player. An archived order does not change any more."),
        _told_of_archived,
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
        needs=REFUNDS,  # it compares those too
    ),
    Case(
        "unknown",
        _("Notification without an order"),
        _("The superapp told of a payment or a refund of an order that is not here, or in a way that cannot be read."),
        _("It is kept, and applied when the order appears. If it does not, ask the superapp for which mini program it was."),
        lambda place: _told(place).filter(order=None),
        is_superapp_only=True,
    ),
    Case(
        "signature",
        _("Wrongly signed"),
        _("The superapp told of a payment or a refund, signed with another key than the AppKey of the order's mini program."),
        _(
            "Nothing was recorded or delivered. Have the superapp's backend sign with the AppKey of the mini program and the "
            "environment, and tell again."
        ),
        _wrongly_signed,
        is_superapp_only=True,
    ),
)  # fmt: skip


def cases_of(place: Place) -> list[Case]:
    """The cases of this place: only the superapp's desk has what belongs to no mini program yet."""
    return [case for case in CASES if isinstance(place, Superapp) or not case.is_superapp_only]


def cases_for(reader: User, place: Place) -> list[Case]:
    """Those that the reader may see."""
    return [case for case in cases_of(place) if can(reader, case.needs, place)]


def settle_permission(case: Case, place: Place) -> str:
    """What it takes to settle a case here; "" where nobody can: what belongs to a team is settled on the team's desk.

    Whoever may redeliver answers for a team's deliveries, whoever manages payment for what the superapp's backend tells.
    """
    if isinstance(place, MiniProgram):
        return "orders.redeliver"
    return "payments.manage_payment" if case.is_superapp_only else ""


def open_rows(case: Case, place: Place) -> QuerySet:
    """What nobody settled yet, or what happened again since, in no order."""
    return case.rows(place).filter(~Exists(_settlements(case)))


def settled_rows(case: Case, place: Place) -> QuerySet:
    """What was settled last and did not happen again, in no order."""
    # From the settlements to the rows: the other way round, it would read every row of a case to find the few that are settled.
    newest = Settlement.objects.filter(**_owned(place), case=case.name).order_by("-settled_at")[: COUNT_CAP + 1]
    return case.rows(place).filter(Exists(_settlements(case)), pk__in=newest.values("subject"))


def _settlements(case: Case) -> QuerySet[Settlement]:
    rows = Settlement.objects.filter(case=case.name, subject=OuterRef("pk"))
    return rows.filter(settled_at__gte=OuterRef(case.again)) if case.again else rows


def count(rows: QuerySet) -> int:
    """How many there are, COUNT_CAP + 1 for more than COUNT_CAP; one query."""
    return rows.order_by().values("pk")[: COUNT_CAP + 1].count()


def count_text(number: int) -> str:
    """The count, exact or honestly capped."""
    return f"{COUNT_CAP:,}+" if number > COUNT_CAP else f"{number:,}"
