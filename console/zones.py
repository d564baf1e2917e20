"""Whether the database counts a zone as Python does: each brings a copy of the time zone database, and one may be older.

Governments change their clocks every year. Where the copies differ, PostgreSQL would write other times than the pages show.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import DataError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

LOOKED_AT = timedelta(days=3 * 366)
STEP = timedelta(hours=6)
_OFFSETS = """
SELECT extract(epoch FROM (at AT TIME ZONE %s) - (at AT TIME ZONE 'UTC'))::int
FROM generate_series(%s::timestamptz, %s::timestamptz, interval '6 hours') AS at ORDER BY at
"""


def agrees(reader: BaseDatabaseWrapper, zone: str) -> bool:
    """Whether PostgreSQL gives every sixth hour of the last three years the offset from UTC that Python does."""
    end = timezone.now().astimezone(UTC)
    begin = end - LOOKED_AT
    with reader.cursor() as cursor:
        cursor.execute("SAVEPOINT zone")
        try:
            cursor.execute(_OFFSETS, [zone, begin, end])
            found = [seconds for (seconds,) in cursor.fetchall()]
        except DataError:  # it does not know the zone
            cursor.execute("ROLLBACK TO SAVEPOINT zone")
            return False
    moments = (begin.timestamp() + STEP.total_seconds() * number for number in range(len(found)))
    return found == offsets(moments, zone)


def offsets(moments: Iterable[float], zone: str) -> list[int]:
    """The offsets from UTC in seconds that Python gives these moments, which are seconds since 1970."""
    known = ZoneInfo(zone)
    return [round((datetime.fromtimestamp(moment, known).utcoffset() or timedelta()).total_seconds()) for moment in moments]
