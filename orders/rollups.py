"""Make the figures of what is settled, and make them again where something changed late (docs/figures.md)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import BigIntegerField, Count, DateTimeField, F, FilteredRelation, Func, Min, Q, QuerySet, Value
from django.utils import timezone

from console import bulk, prepared
from console.crash import mark
from console.models import Superapp
from orders.late_changes import LATE
from orders.models import (
    Delivery,
    DeliveryState,
    Environment,
    LateChange,
    Order,
    RecentQuarter,
    Refund,
    Rollup,
    RollupProgress,
)
from orders.models.rollups import HOUR, MADE, MEASURES, QUARTER, total

#: What is older is final: nothing shows it, and its orders may be in an archive.
KEPT = timedelta(days=366)
STEP = timedelta(days=1)  # of what was never made, in one transaction
BATCH = 500  # late changes, in one transaction
SPEEDS = {"within_5s": timedelta(seconds=5), "within_1m": timedelta(minutes=1), "within_1h": timedelta(hours=1)}


class Bucket(NamedTuple):
    """What a row of figures is about."""

    mini_program: int
    env: int
    currency: str
    start: datetime


Figures = Mapping[Bucket, Counter[str]]
Moment = datetime | Func


#: Template of a moment in whole seconds since 1970 on SQLite.
SQLITE_SECONDS = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"


class Quarter(Func):
    """The quarter of an hour that a moment is in."""

    output_field = DateTimeField()
    template = "date_bin('15 minutes', %(expressions)s, TIMESTAMPTZ '2000-01-01 00:00Z')"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite counts seconds."""
        template = f"datetime({SQLITE_SECONDS} / 900 * 900, 'unixepoch')"
        return self.as_sql(compiler, connection, template=template, **context)


def _delivered(*more: Q) -> Count:
    return Count("pk", filter=Q(*more, delivery_state=DeliveryState.DELIVERED))


NOTHING = Value(0, output_field=BigIntegerField())
#: By the mini program too, which tells where both rows lie when the tables are spread (docs/scale.md).
GOODS = Q(deliveries__event=Delivery.Event.GOODS, deliveries__mini_program=F("mini_program"))
#: Rows, the moment they count at, and the measures.
SOURCES: tuple[tuple[QuerySet, str, dict[str, Any]], ...] = (
    (Order.objects.all(), "created_at", {"orders": Count("pk"), "standard": Count("pk", filter=Q(kind=Order.Kind.STANDARD))}),
    (
        Order.objects.alias(goods=FilteredRelation("deliveries", condition=GOODS)),
        "paid_at",
        {
            "paid": Count("pk"),
            "paid_amount": total("paid_amount"),
            "due": Count("pk", filter=~Q(delivery_state__in=[DeliveryState.NOT_DUE, DeliveryState.CANCELLED])),
            "delivered": _delivered(),
            "at_first": _delivered(Q(goods__attempt_number=1)),
            **{name: _delivered(Q(delivered_at__lte=F("paid_at") + span)) for name, span in SPEEDS.items()},
        },
    ),
    (
        Refund.objects.filter(state=Refund.State.SUCCESS),
        "started_at",
        {"refunds": Count("pk"), "refunded_amount": total("amount")},
    ),
)


def count(since: Moment, until: Moment | None = None, **place: Any) -> Figures:
    """Count the rows themselves, by quarters of an hour. `place` is a mini program or a superapp; one query.

    Whoever counts little and often hides the values (console.prepared.hidden): to plan takes longer than to count.
    """
    found: dict[Bucket, Counter[str]] = defaultdict(Counter)
    # The indexes of the records begin with these.
    place = {"kind__in": Order.Kind.values, "env__in": Environment.values, **place}
    first, *others = (_counted(rows.filter(**place), at, since, until, measures) for rows, at, measures in SOURCES)
    for row in prepared.rows(first.union(*others, all=True)):
        bucket, figures = row[: len(Bucket._fields)], row[len(Bucket._fields) :]
        found[Bucket(*bucket)].update(dict(zip(MEASURES, figures, strict=True)))
    return found


def _counted(rows: QuerySet, at: str, since: Moment, until: Moment | None, measures: Mapping[str, Any]) -> QuerySet:
    """The columns of a bucket and all measures; 0 for those of other rows."""
    within = {f"{at}__gte": since} | ({f"{at}__lt": until} if until else {})
    buckets = rows.filter(**within).order_by().values(*Bucket._fields[:-1], start=Quarter(at))
    counted = buckets.annotate(**{name: measures.get(name, NOTHING) for name in MEASURES})
    return counted.values_list(*Bucket._fields, *MEASURES)


def roll() -> int:
    """Make what is missing; returns in how many steps. Safe in any number of processes at once, and to kill at any moment."""
    steps = 0
    while _is_due() and _step():
        steps += 1
    return steps


def made_until() -> datetime | None:
    """What happened before is counted, except for late changes of the last seconds; None before the first run."""
    return RollupProgress.objects.values_list(MADE, flat=True).first()


def settled() -> datetime:
    """What happened before can only change as a late change, which a trigger notes: a whole quarter of an hour."""
    line = oldest_change() - LATE
    return hour_of(line) + timedelta(minutes=line.minute // QUARTER * QUARTER)


def oldest_change() -> datetime:
    """The earliest moment at which a change was made that we may not see yet; now, when nobody is at it.

    A transaction that is open may have changed what was young when it did, and noted nothing. SQLite has none beside ours.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(clock_timestamp(), min(xact_start)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        return cursor.fetchone()[0]


def hour_of(moment: datetime) -> datetime:
    """The beginning of its hour (UTC)."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _is_due() -> bool:
    made = made_until()
    return made is None or made < settled() or LateChange.objects.exists()


def _step() -> bool:
    """One transaction; False when another process is at it."""
    RollupProgress.objects.get_or_create(pk=1)
    with transaction.atomic():
        # One at a time: of two that count the same bucket, the one that saw less might write last.
        progress = RollupProgress.objects.select_for_update(skip_locked=True).first()
        if progress is None:
            return False
        made = made_until()
        _mend(progress.until, made)
        # Also after late changes: after an outage they come for hours, and pages would count all of these from the rows.
        if made is None or made < settled():
            _go_on(progress)
            progress.save()
        mark("in-rollup")
    return True


def _mend(until: datetime | None, made: datetime | None) -> None:
    """Count again where something changed late. What is not made yet will be with the change in it."""
    changes = list(LateChange.objects.order_by("pk").values_list("pk", "mini_program", "at")[:BATCH])
    LateChange.objects.filter(pk__in=[pk for pk, *_change in changes]).delete()
    if until is None or made is None:
        return
    # Counted after the notes were read: a change whose note is still to come is counted again then.
    frozen = timezone.now() - KEPT
    hours = {(program, hour_of(at)) for _pk, program, at in changes if frozen <= hour_of(at) < until}
    for program, hour in sorted(hours):
        end = hour + timedelta(hours=1)
        all_of_it = {"minutes__in": [QUARTER, HOUR], "env__in": Environment.values, "kind__in": Order.Kind.values}  # by an index
        Rollup.objects.filter(mini_program=program, start__gte=hour, start__lt=end, **all_of_it).delete()
        _write(count(hour, end, mini_program=program))
    for program in sorted({program for _pk, program, at in changes if until <= at < made}):
        RecentQuarter.objects.filter(mini_program=program).delete()
        _write_recent(count(until, made, mini_program=program))


def _go_on(progress: RollupProgress) -> None:
    """Make the next hours, at most STEP, and when none is missing the quarters of the one in progress."""
    line, superapps = settled(), list(Superapp.objects.values_list("pk", flat=True))
    since = progress.until or beginning() or hour_of(line)
    progress.until = min(hour_of(line), since + STEP)
    if since < progress.until:
        for superapp in superapps:
            _write(count(since, progress.until, superapp=superapp))
    RecentQuarter.objects.filter(start__lt=progress.until).delete()
    if progress.until == hour_of(line):
        since = max(progress.until, progress.quarters_until or progress.until)
        for superapp in superapps:
            _write_recent(count(since, line, superapp=superapp))
        progress.quarters_until = line


def beginning() -> datetime | None:
    """Where the first run begins: the hour of the oldest row that counts, if it is not final; None without any."""
    oldest = [rows.aggregate(least=Min(at))["least"] for rows, at, _measures in SOURCES]
    known = [moment for moment in oldest if moment]
    return hour_of(max(min(known), timezone.now() - KEPT)) if known else None


def _write(quarters: Figures) -> None:
    rows = (
        [*row, Order.Kind.VIRTUAL, minutes]
        for minutes, found in ((QUARTER, quarters), (HOUR, hours(quarters)))
        for row in _rows(found)
    )
    bulk.insert(Rollup, [*COLUMNS, "kind", "minutes"], rows)


def _write_recent(quarters: Figures) -> None:
    bulk.insert(RecentQuarter, COLUMNS, _rows(quarters))


#: What a row of figures holds, whatever its table.
COLUMNS = ("mini_program_id", *Bucket._fields[1:], *MEASURES)


def _rows(found: Figures) -> Iterator[list[Any]]:
    """The values of COLUMNS."""
    return ([*bucket, *(figures[name] for name in MEASURES)] for bucket, figures in found.items())


def hours(quarters: Figures) -> Figures:
    """The sums of the quarters of each hour."""
    found: dict[Bucket, Counter[str]] = defaultdict(Counter)
    for bucket, figures in quarters.items():
        found[bucket._replace(start=hour_of(bucket.start))].update(figures)
    return found
