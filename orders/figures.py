"""The figures of a mini program's home page: live orders by the days of the reader (docs/figures.md)."""

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, F, Func, IntegerField, QuerySet, TimeField, Value
from django.utils import timezone

from console import prepared
from console.bulk import array_of
from console.filters import start_of
from console.models import MiniProgram
from console.prepared import Literal, hidden
from orders.models import Environment, RecentQuarter, Rollup, RollupProgress
from orders.models.rollups import HELD, HOUR, MADE, MEASURES, QUARTER, SUMS
from orders.rollups import NOTHING, SQLITE_SECONDS, count, hour_of

PERIODS = (7, 90)  # days
HOURS, RECENT, QUARTERS, PROGRESS = range(4)  # what a row of `_made` is


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
    """The last so many days of live orders, today included, oldest first; two queries, whatever the number and the table.

    What is made already comes from the rollups, what is younger from the rows themselves.
    """
    today = timezone.localdate()
    # One more at the front takes what the hour in which the first of them begins has of the day before.
    days = [Day(today - timedelta(days=back)) for back in reversed(range(number + 1))]
    starts = [start_of(day.date) for day in days[1:]]
    made, early = starts[0], early_quarters(starts)
    for what, at, currency, *held in _made(program, starts, early):
        figures = dict(zip(MEASURES, held, strict=True))
        if what == HOURS:
            days[at].add(currency, figures)
        elif what == RECENT:
            days[bisect(starts, _moment(at))].add(currency, figures)
        elif what == PROGRESS:
            made = max(made, _moment(at))
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


def _made(program: MiniProgram, starts: Sequence[datetime], early: Iterable[int]) -> Iterable[Any]:
    """Sums of the hours of each day, those in the midst of which it begins (Kathmandu, +05:45) as if they were all of it.

    Beside them the quarters at the times of day of the early ones, which are of the day before: an index has those of one
    time of day together. And the quarters of the hour in progress, and how far all is made: in one statement, so that they
    are of one moment. A row says what it is, the number of the day or the moment, the currency and the measures. The
    statement is prepared: to plan it takes a tenth of its time.
    """
    hours = [hour_of(start) for start in starts]
    place = {"mini_program": program, "env": Environment.LIVE, "start__gte": hours[0]}
    rows, progress = Rollup.objects.filter(**place).order_by(), RollupProgress.objects.filter(until__isnull=False)
    # Where the previous version made the hour, ours are left over.
    recent = RecentQuarter.objects.filter(**place).filter(start__gte=progress.values("until")[:1])
    days = rows.filter(minutes=Literal(HOUR)).annotate(at=DayNumber("start", hours)).values("at", "currency")
    times = {datetime.fromtimestamp(at, UTC).time() for at in early}
    quarters = rows.filter(minutes=Literal(QUARTER)).alias(time=TimeOfDay("start")).filter(time__in=sorted(times))
    parts = [
        _as(HOURS, days, **SUMS),
        _as(RECENT, recent, at=Seconds("start"), **_named(map(F, MEASURES))),
        _as(PROGRESS, progress, at=Seconds(MADE), currency=Value(""), **_named([NOTHING] * len(SUMS))),
    ]
    if times:  # Not added up: they are few, and that costs more than it saves.
        parts.append(_as(QUARTERS, quarters, at=Seconds("start"), **_named(HELD.values())))
    return prepared.rows(parts[0].union(*parts[1:], all=True))


def _as(what: int, rows: QuerySet, **columns: Any) -> QuerySet:
    return rows.annotate(what=Literal(what), **columns).values_list("what", "at", "currency", *SUMS)


def _named(measures: Iterable[Any]) -> dict[str, Any]:
    """Each as the sum that it stands beside."""
    return dict(zip(SUMS, measures, strict=True))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def currencies_of(days: Iterable[Day]) -> list[str]:
    """Those that something was paid or refunded in."""
    return sorted({code for day in days for code, row in day.measured.items() if row["paid_amount"] or row["refunded_amount"]})
