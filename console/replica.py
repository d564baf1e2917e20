"""Lists and exports from a read replica, and nothing else (docs/scale.md, "Replicas").

Inside `reading()` the models of settings.REPLICA_MODELS are read from it; people, grants, jobs and settings never, and outside of
it nothing is. A replica that is too old, or does not answer, is left alone for a while and the primary is read.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections, models
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import ngettext

from console.celery import app
from console.models import ReplicaMark

REPLICA = "replica"
TOLD = 5  # seconds; what is younger needs no mention
REST = 30.0  # seconds for which a replica that did not answer is not asked again

_log = structlog.get_logger(__name__)
_age: ContextVar[float | None] = ContextVar("replica_age", default=None)
_rests_until: list[float] = [0.0]  # of this process, by time.monotonic()
T = TypeVar("T")


class Router:
    """Django's router: reads go to the replica only inside `reading()`; it is never written to or migrated."""

    def db_for_read(self, model: type[models.Model], **_hints: Any) -> str | None:
        """The replica for records that are listed or exported."""
        return REPLICA if _age.get() is not None and model._meta.label_lower in settings.REPLICA_MODELS else None

    def db_for_write(self, _model: type[models.Model], **_hints: Any) -> str:
        """Always the primary."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, _one: models.Model, _other: models.Model, **_hints: Any) -> bool:
        """Both hold the same rows."""
        return True

    def allow_migrate(self, db: str, _app_label: str, **_hints: Any) -> bool:
        """What is migrated in the primary arrives by itself."""
        return db != REPLICA


def age() -> float | None:
    """At most so many seconds old is what is being read; None where the primary is read."""
    return _age.get()


def age_told() -> list[str]:
    """A sentence for the page when it shows data older than TOLD seconds."""
    seconds = int(_age.get() or 0)
    if seconds <= TOLD:
        return []
    words = ngettext(
        "This list is up to %(number)s second old. A record itself is always shown as it is now.",
        "This list is up to %(number)s seconds old. A record itself is always shown as it is now.",
        seconds,
    )
    return [words % {"number": seconds}]


def read(show: Callable[[], T]) -> T:
    """Return `show()`, read from the replica if that can be; `show()` from the primary if the replica fails on the way."""
    with reading():
        if age() is None:
            return show()
        try:
            return show()
        except (OperationalError, InterfaceError) as error:
            _rest(error)
    return show()


@contextmanager
def reading() -> Iterator[str]:
    """Read records from the replica inside the block if it is young enough; gives the alias of the database that is read."""
    found = measure()
    token = _age.set(found)
    try:
        yield DEFAULT_DB_ALIAS if found is None else REPLICA
    finally:
        _age.reset(token)


def measure() -> float | None:
    """How old the replica is at most, in seconds; None when there is none, it is too old, or it does not answer."""
    if REPLICA not in connections.settings or time.monotonic() < _rests_until[0]:
        return None
    passed = ExpressionWrapper(Now() - F("at"), output_field=DurationField())
    try:
        found = ReplicaMark.objects.using(REPLICA).values_list(passed).first()
    except (OperationalError, InterfaceError) as error:
        _rest(error)
        return None
    seconds = found[0].total_seconds() if found else None
    if seconds is None or seconds > settings.REPLICA_MAX_LAG:
        _log.warning("replica_too_old", seconds=seconds)
        return None
    return max(seconds, 0.0)


def _rest(error: Exception) -> None:
    """Leave it alone for a while: pages must not wait for its time-out one after the other."""
    _rests_until[0] = time.monotonic() + REST
    connections[REPLICA].close()
    _log.warning("replica_failed", error=str(error)[:200])


@app.task(name="console.replica.renew_mark")
def renew_mark() -> None:
    """Write the present time of the primary into the mark."""
    if not ReplicaMark.objects.update(at=Now()):
        ReplicaMark.objects.get_or_create(id=1, defaults={"at": timezone.now()})
