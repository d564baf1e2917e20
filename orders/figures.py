"""The figures of a mini program's home page: live orders by the days of the reader (docs/figures.md)."""

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Func, IntegerField, TimeField, Value
from django.utils import timezone

from console import prepared
from console.bulk import array_of
from console.filters import start_of
from console.models import MiniProgram
from console.prepared import Literal, hidden
from orders.models import Environment, Rollup
from orders.models.rollups import HELD, HOUR, MEASURES, QUARTER, SUMS
from orders.rollups import SQLITE_SECONDS, count, hour_of, made_until

PERIODS = (7, 90)  # days


@dataclass
class Day:
    """One day in the reader's zone. What is measured (rollups.MEASURES) by currency, amounts in minor units."""

    date: date
    measured: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, currency: str, figures: Mapping[str, int]) -> None:
        """What was measured in the currency."""
        self.measured[currency].update(figures)

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
    # One more at the front takes what the hour in which the first of them begins has of the day before.
    days = [Day(today - timedelta(days=back)) for back in reversed(range(number + 1))]
    starts = [start_of(day.date) for day in days[1:]]
    made = max(made_until() or starts[0], starts[0])
    early = early_quarters(starts)
    for at, currency, minutes, *held in _made(program, starts, made, early):
        figures = dict(zip(MEASURES, held, strict=True))
        if minutes == HOUR:
            days[at].add(currency, figures)
        elif day := early.get(at):
            days[day].measured[currency].subtract(figures)
            days[day - 1].add(currency, figures)
    since, until, owner = map(hidden, (made, start_of(today + timedelta(days=1)), program.pk))
    for bucket, figures in count(since, until, mini_program=owner, env=Environment.LIVE).items():
        days[bisect(starts, bucket.start)].add(bucket.currency, figures)
    return days[1:]


class DayNumber(Func):
    """The day that a moment is in, 1 for that of the first of `starts`: the moments at which days begin, by the zone's rules.

    Those are Python's, as everywhere else on a page; PostgreSQL's copy of them may be older (console/zones.py).
    """

    output_field = IntegerField()

    def __init__(self, moment: str, starts: Sequence[datetime]) -> None:
        super().__init__(moment)
        self.starts = list(starts)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """A search in an array."""
        sql, params = compiler.compile(self.source_expressions[0])
        return f"width_bucket({sql}, %s::timestamptz[])", [*params, array_of(self.starts)]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """One comparison for each day; SQLite keeps times as texts that sort as they follow each other."""
        sql, params = compiler.compile(self.source_expressions[0])
        texts = [connection.ops.adapt_datetimefield_value(start) for start in self.starts]
        return f"({' + '.join(f'({sql} >= %s)' for _text in texts)})", [value for text in texts for value in (*params, text)]


class TimeOfDay(Func):
    """The time of day of a moment in UTC, as the index of quarters has it (orders/migrations/0022_rollup_quarters.py)."""

    output_field = TimeField()
    template = "(%(expressions)s AT TIME ZONE 'UTC')::time"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite keeps moments in UTC."""
        return self.as_sql(compiler, connection, template="time(%(expressions)s)", **context)


class Seconds(Func):
    """A moment in whole seconds since 1970. Django reads moments themselves ten times as slowly."""

    output_field = BigIntegerField()
    template = "extract(epoch FROM %(expressions)s)::bigint"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite has a function for it."""
        return self.as_sql(compiler, connection, template=SQLITE_SECONDS, **context)


def early_quarters(starts: Sequence[datetime]) -> dict[int, int]:
    """The quarters of an hour, in seconds since 1970, that lie in the hour in which a day begins, before it begins.

    With the number of that day, 1 for the first. None in zones whose days begin with an hour.
    """
    quarter = QUARTER * 60
    return {
        at: number
        for number, start in enumerate(starts, 1)
        for at in range(int(hour_of(start).timestamp()), int(start.timestamp()), quarter)
    }


def _made(program: MiniProgram, starts: Sequence[datetime], until: datetime, early: Iterable[int]) -> Iterable[Any]:
    """Sums of the hours of each day, those in the midst of which it begins (Kathmandu, +05:45) as if they were all of it.

    Beside them the quarters at the times of day of the early ones, which are of the day before: an index has those of one
    time of day together. A row is the number of the day or the quarter, the currency, the minutes and the measures. The
    statement is prepared: to plan it takes a tenth of its time.
    """
    hours = [hour_of(start) for start in starts]
    rows = Rollup.objects.filter(mini_program=program, env=Environment.LIVE, start__gte=hours[0], start__lt=until).order_by()
    columns = ("at", "currency", "counted_minutes", *SUMS)
    days = rows.filter(minutes=Literal(HOUR)).annotate(at=DayNumber("start", hours)).values("at", "currency")
    whole = days.annotate(**SUMS, counted_minutes=Value(HOUR)).values_list(*columns)
    times = {datetime.fromtimestamp(at, UTC).time() for at in early}
    if not times:
        return prepared.rows(whole)
    quarters = rows.filter(minutes=Literal(QUARTER)).alias(time=TimeOfDay("start")).filter(time__in=sorted(times))
    # Not added up: they are few, and that costs more than it saves.
    held = dict(zip(SUMS, HELD.values(), strict=True))
    moved = quarters.annotate(**held, at=Seconds("start"), counted_minutes=Value(QUARTER)).values_list(*columns)
    return prepared.rows(whole.union(moved, all=True))


def currencies_of(days: Iterable[Day]) -> list[str]:
    """Those that something was paid or refunded in."""
    return sorted({code for day in days for code, row in day.measured.items() if row["paid_amount"] or row["refunded_amount"]})
