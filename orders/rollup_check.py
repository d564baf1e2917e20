"""Compare the rollups with the rows that they are made of, for `manage.py check_invariants`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from console.models import MiniProgram, Superapp
from orders.models import LateChange, Rollup, RollupProgress
from orders.models.rollups import HOUR, MEASURES, QUARTER, SUMS
from orders.rollups import KEPT, STEP, Bucket, beginning, count, hour_of, hours

Rows = dict[tuple[int, Bucket], Counter[str]]


def differences() -> Iterator[str]:
    """A sentence for each bucket that is not what its rows say. Buckets with late changes still to be taken up are left out.

    Whole hours: the one in progress is made anew when it is whole.
    """
    until = RollupProgress.objects.values_list("until", flat=True).first()
    if until is None:
        return
    since = max(_since() or until, hour_of(timezone.now() - KEPT) + timedelta(hours=1))
    while since < until:
        end = min(since + STEP, until)
        for superapp in Superapp.objects.order_by("pk"):
            yield from _differences(superapp, since, end)
        since = end


def _since() -> datetime | None:
    """The first hour with a rollup or a row: of rows that were archived the rollups stay, of lost rollups there are the rows."""
    oldest = Rollup.objects.aggregate(least=Min("start"))["least"]
    return min((hour_of(moment) for moment in (oldest, beginning()) if moment), default=None)


def _differences(superapp: Superapp, since: datetime, end: datetime) -> Iterator[str]:
    with one_moment():
        late = {(program, hour_of(at)) for program, at in LateChange.objects.values_list("mini_program", "at")}
        made, quarters = _made(superapp, since, end), count(since, end, superapp=superapp)
    counted: Rows = {(QUARTER, bucket): found for bucket, found in quarters.items()}
    counted |= {(HOUR, bucket): found for bucket, found in hours(quarters).items()}
    for minutes, bucket in sorted(made.keys() | counted.keys()):
        rolled, rows = made.get((minutes, bucket), Counter()), counted.get((minutes, bucket), Counter())
        if rolled != rows and (bucket.mini_program, hour_of(bucket.start)) not in late:
            yield _sentence(minutes, bucket, rolled, rows)


def _made(superapp: Superapp, since: datetime, end: datetime) -> Rows:
    rows = Rollup.objects.filter(mini_program__superapp=superapp, start__gte=since, start__lt=end)
    found = rows.values("minutes", *Bucket._fields).annotate(**SUMS).values_list("minutes", *Bucket._fields, *SUMS)
    width = 1 + len(Bucket._fields)
    return {(row[0], Bucket(*row[1:width])): Counter(dict(zip(MEASURES, row[width:], strict=True))) for row in found}


def _sentence(minutes: int, bucket: Bucket, rolled: Counter[str], rows: Counter[str]) -> str:
    app_id = MiniProgram.objects.values_list("app_id", flat=True).get(pk=bucket.mini_program)
    wrong = [f"{name} {rolled[name]} by the rollup, {rows[name]} by the rows" for name in MEASURES if rolled[name] != rows[name]]
    place = f"{app_id} env {bucket.env} {bucket.currency}"
    return f"{place}, {minutes} minutes from {bucket.start:%Y-%m-%d %H:%M} UTC: {', '.join(wrong)}"


@contextmanager
def one_moment() -> Iterator[None]:
    """All queries inside see the same moment, unless a transaction runs already."""
    if connection.in_atomic_block or connection.vendor != "postgresql":
        with transaction.atomic():
            yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
