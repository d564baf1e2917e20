"""What the health page and the metrics tell: figures that each app counts, and what stands still (docs/operations.md, "Health").

settings.HEALTH names the functions; an app to the right adds its own there, because console imports none.
"""

import hmac
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from django.utils.module_loading import import_string

from console.models import Job, OutgoingMail

STANDSTILL = timedelta(minutes=5)
PREFIX = "console_"


class Figure(NamedTuple):
    """One number, in seconds where its name ends so; None when there is nothing to measure. `help` says what it counts."""

    name: str
    help: str
    value: float | None
    label: str = ""  # as Prometheus writes it: state="queued"


class Report(NamedTuple):
    """The figures, and codes of what is wrong: `failing` makes the health page answer 503, `warnings` do not."""

    figures: list[Figure]
    failing: list[str]
    warnings: list[str]


Check = Callable[[datetime], Report]


def report() -> Report:
    """What all apps say now. A handful of indexed queries."""
    checks: list[Check] = [import_string(name) for name in settings.HEALTH]
    found = [check(timezone.now()) for check in checks]
    return Report(*([item for part in parts for item in part] for parts in zip(*found, strict=True)))


def queues(now: datetime) -> Report:
    """Jobs and mails."""
    jobs = dict(Job.objects.filter(state__in=["queued", "running"]).values_list("state").annotate(Count("pk")))
    mails = OutgoingMail.objects.filter(sent_at=None, next_attempt_at__lte=now).count()
    late = Job.objects.filter(state="queued", created_at__lt=now - STANDSTILL).exists()
    counts = [Figure("jobs", "Jobs that wait or run.", jobs.get(state, 0), f'state="{state}"') for state in ("queued", "running")]
    waiting = Figure("mails_due", "Mails that are due and not sent.", mails)
    return Report([*counts, waiting], [], ["jobs_wait"] if late else [])


def may_read_figures(authorization: str) -> bool:
    """Whether the Authorization header carries settings.METRICS_TOKEN; never when none is set."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(authorization.encode(), expected.encode())


def as_prometheus(figures: Iterable[Figure]) -> str:
    """The text format 0.0.4 of Prometheus; figures without a value are left out."""
    lines, known = [], set[str]()
    for figure in figures:
        name = PREFIX + figure.name
        if name not in known:
            lines += [f"# HELP {name} {figure.help}", f"# TYPE {name} gauge"]
            known.add(name)
        if figure.value is not None:
            lines.append(f"{name}{{{figure.label}}} {figure.value:g}" if figure.label else f"{name} {figure.value:g}")
    return "\n".join(lines) + "\n"
