"""The figures of a mini program's home page: live orders by the days of the reader (docs/figures.md)."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from console.bulk import is_among
from console.filters import start_of
from console.models import MiniProgram
from orders.models import Environment, Order, Rollup
from orders.models.rollups import HOUR, MEASURES, QUARTER
from orders.rollups import count, hour_of, made_until

PERIODS = (7, 90)  # days


@dataclass
class Day:
    """One day in the reader's zone. What is measured (rollups.MEASURES) by currency, amounts in minor units."""

    date: date
    measured: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def total(self, name: str) -> int:
        """A number of all currencies. Amounts are never added."""
        return sum(figures[name] for figures in self.measured.values())

    def amount(self, name: str, currency: str) -> int:
        """An amount in minor units of the currency."""
        return self.measured[currency][name] if currency in self.measured else 0

    @property
    def percent_delivered(self) -> float | None:
        """Of what was to be delivered; None when nothing was."""
        return share(self.total("delivered"), self.total("due"))


def share(part: int, whole: int) -> float | None:
    """In percent; None of nothing."""
    return 100 * part / whole if whole else None


def days_of(program: MiniProgram, number: int) -> list[Day]:
    """The last so many days of live orders, today included, oldest first; three queries, whatever the number and the table.

    What is made already comes from the rollups, what is younger from the rows themselves.
    """
    today = timezone.localdate()
    days = {day: Day(day) for day in (today - timedelta(days=back) for back in reversed(range(number)))}
    since = start_of(min(days))
    made = max(made_until() or since, since)
    for row in _made(program, since, made, days):
        _add(days, row.pop("day"), row.pop("currency"), row)
    for bucket, figures in count(made, mini_program=program, env=Environment.LIVE).items():
        _add(days, timezone.localdate(bucket.start), bucket.currency, figures)
    return list(days.values())


def _made(program: MiniProgram, since: datetime, until: datetime, days: Iterable[date]) -> Iterable[Any]:
    """Hours, and the quarters of those that a day begins in the middle of: days of Kathmandu (+05:45) are no sums of hours."""
    split = {hour_of(start.astimezone(UTC)) for start in map(start_of, days) if start.minute}
    rows = Rollup.objects.filter(mini_program=program, env=Environment.LIVE, kind__in=Order.Kind.values)
    rows = rows.filter(start__gte=since, start__lt=until).order_by().annotate(day=TruncDate("start"))
    sums = rows.values("day", "currency").annotate(**{name: Sum(name) for name in MEASURES})
    hours = sums.filter(minutes=HOUR)
    if not split:
        return hours
    quarters = [hour + timedelta(minutes=minutes) for hour in split for minutes in range(0, HOUR, QUARTER)]
    return hours.exclude(is_among("start", split)).union(sums.filter(is_among("start", quarters), minutes=QUARTER), all=True)


def _add(days: dict[date, Day], day: date, currency: str, figures: Any) -> None:
    if day in days:
        days[day].measured[currency].update(figures)


def currencies_of(days: Iterable[Day]) -> list[str]:
    """Those that something was paid or refunded in."""
    return sorted({code for day in days for code, row in day.measured.items() if row["paid_amount"] or row["refunded_amount"]})
