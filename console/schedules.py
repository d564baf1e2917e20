"""When a scheduled export is due, and the task that starts it or says why not (docs/exports.md, "On a schedule")."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from console import jobs
from console.audit import record
from console.celery import app
from console.exports import KIND, exportable, names_of
from console.filters import PeriodFilters
from console.listing import Listing
from console.models import ExportRun, ExportSchedule, MiniProgram, Notice, User
from console.models.exports import days_of
from console.notices import News, tell
from console.permissions import System, can
from console.sentences import joined

SCHEDULER = System("export scheduler")
MOST_AT_ONCE = 100
#: A period is left to settle for so long: transactions of its last moments commit, and replicas read them.
SETTLES = timedelta(minutes=10)
Every = ExportSchedule.Every
Trouble = ExportSchedule.Trouble
log = structlog.get_logger(__name__)


def period_with(day: date, every: str) -> date:
    """The first day of the period that `day` lies in."""
    if every == Every.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == Every.MONTH else day


def following(since: date, every: str) -> date:
    """The first day of the period after the one that begins with `since`."""
    if every == Every.MONTH:
        return (since + timedelta(days=31)).replace(day=1)
    return since + timedelta(days=7 if every == Every.WEEK else 1)


def last_day(since: date, every: str) -> date:
    """The last day of the period that begins with `since`."""
    return following(since, every) - timedelta(days=1)


def plan(schedule: ExportSchedule, since: date) -> None:
    """Make the period that begins with `since` the next one. Unsaved."""
    schedule.next_since = since
    schedule.due_at = _begin_of(following(since, schedule.every), schedule).astimezone(UTC)


def begin(schedule: ExportSchedule) -> datetime:
    """The moment at which its next period begins. What was before is in its files, or in none."""
    return _begin_of(schedule.next_since, schedule)


def _begin_of(day: date, schedule: ExportSchedule) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(schedule.zone))


def plan_from_now(schedule: ExportSchedule) -> None:
    """The period that is under way is the next one: what was over before is not exported. Unsaved.

    In the zone that the schedule had before it may be over and exported already; then the one after it is the next.
    """
    since = period_with(timezone.now().astimezone(ZoneInfo(schedule.zone)).date(), schedule.every)
    while ExportRun.objects.filter(schedule_id=schedule.pk, since=since, until=last_day(since, schedule.every)).exists():
        since = following(since, schedule.every)
    plan(schedule, since)


@app.task(name="console.schedules.start_due")
def start_due() -> int:
    """Start the exports that are due; returns how many. What fell due while nobody called is started one period a call."""
    due = _due().order_by("trouble", "due_at")  # those that could not be started last time come last
    return sum(_try_to_start(pk) for pk in due.values_list("pk", flat=True)[:MOST_AT_ONCE])


def _due() -> "QuerySet[ExportSchedule]":
    return ExportSchedule.objects.filter(is_paused=False, due_at__lte=timezone.now() - SETTLES)


def _locked(pk: int) -> ExportSchedule | None:
    """The schedule if it is due and nobody else has it, until the caller's transaction ends."""
    rows = _due().select_for_update(skip_locked=True, of=("self",))
    return rows.select_related("mini_program", "superapp", "owner").filter(pk=pk).first()


def _try_to_start(pk: int) -> int:
    """start_one(); whatever is wrong with one schedule holds up no other."""
    for step in (start_one, _note_fault):
        try:
            return step(pk)
        except Exception:
            log.exception("schedule_not_started", schedule=pk)
    return 0


@transaction.atomic
def start_one(pk: int) -> int:
    """Start one export if it still is due; 1 if it was. It is paused where its owner or its filters forbid it."""
    schedule = _locked(pk)
    if schedule is None:
        return 0
    if not can(schedule.owner, exportable(schedule.record).permission, schedule.place):
        return _pause(schedule, Trouble.PERMISSION, note=f"{schedule.owner} may not export this list any more.")
    if not listing_of(schedule).is_valid:
        return _pause(schedule, Trouble.FILTERS, note="Its filters cannot be understood any more.")
    since, until = schedule.next_since, last_day(schedule.next_since, schedule.every)
    title = f"{schedule.name}: {days_of(since, until)}"
    job = jobs.start(
        KIND, actor=schedule.owner, title=title, params=params_of(schedule, since, until), container=schedule.place
    )
    ExportRun.objects.create(schedule=schedule, since=since, until=until, job=job)
    plan(schedule, following(since, schedule.every))
    schedule.note()
    schedule.save(update_fields=["next_since", "due_at", "trouble", "trouble_since"])
    return 1


def listing_of(schedule: ExportSchedule) -> Listing:
    """The list with the filters that the schedule keeps."""
    return exportable(schedule.record).listing(schedule.place, QueryDict(schedule.query))


def filters_of(listing: Listing) -> PeriodFilters:
    """The filters of a list that can be on a schedule: one about days."""
    assert isinstance(listing.filterset, PeriodFilters)
    return listing.filterset


def query_to_begin_with(listing: Listing) -> str:
    """The query of a list as a new schedule takes it up: the filter form names the usual axis though nobody chose it."""
    usual = next(iter(filters_of(listing).axes))
    return listing.url(without=("time",) if listing.query.get("time") == usual else ())[1:]


def _pause(schedule: ExportSchedule, trouble: ExportSchedule.Trouble, *, note: str) -> int:
    """Start no more exports until somebody has seen to it."""
    schedule.is_paused = True
    schedule.note(trouble)
    schedule.save(update_fields=["is_paused", "trouble", "trouble_since"])
    record("console.export_schedule.pause", schedule, actor=SCHEDULER, note=note)
    _tell_paused(schedule)
    return 0


def _tell_paused(schedule: ExportSchedule) -> None:
    """Tell its owner, and the recipients who still may see the list, what can be done; in the caller's transaction."""
    owner, permission = schedule.owner, exportable(schedule.record).permission
    people = {owner, *schedule.recipients.all()}
    readers = {user for user in people if can(user, permission, schedule.place)}

    def write(reader: User) -> News:
        subject = _("Paused: the scheduled export “%(name)s”") % {"name": schedule.name}
        return _news(schedule, subject, _why_paused(schedule), is_linked=reader in readers)

    tell([user for user in readers | {owner} if user.is_active], kind=Notice.Kind.EXPORT, write=write)


def _why_paused(schedule: ExportSchedule) -> str:
    """What is wrong, and what can be done."""
    if schedule.trouble == Trouble.FILTERS:
        told = _("Its filters cannot be understood any more, so it makes no files.")
        return joined([told, *listing_of(schedule).filterset.faults, _("Delete it and make another from the list.")])
    why = _("%(owner)s, in whose name it ran, may not export this list any more. No files are made.") % {"owner": schedule.owner}
    return joined([why, _("Whoever resumes it on its page lets it run in their own name.")])


@transaction.atomic
def _note_fault(pk: int) -> int:
    """What could not be started is tried again at the next call; its owner is told when that happens first. Returns 0."""
    schedule = _locked(pk)
    if schedule is None or schedule.trouble:
        return 0
    schedule.note(Trouble.FAULT)
    schedule.save(update_fields=["trouble", "trouble_since"])

    def write(_reader: User) -> News:
        subject = _("Not started: the scheduled export “%(name)s”") % {"name": schedule.name}
        told = _("You need not do anything: the period is made up for. If it stays so, tell whoever runs the platform.")
        return _news(schedule, subject, joined([Trouble.FAULT.label, told]), is_linked=True)

    tell([schedule.owner] if schedule.owner.is_active else [], kind=Notice.Kind.EXPORT, write=write)
    return 0


def _news(schedule: ExportSchedule, subject: str, said: str, *, is_linked: bool) -> News:
    url = url_of(schedule) if is_linked else ""
    return News(subject, url, f"{subject}\n\n{said}\n" + (f"\n{settings.BASE_URL}{url}\n" if url else ""))


def url_of(schedule: ExportSchedule) -> str:
    """The page of a schedule."""
    place = schedule.place
    if isinstance(place, MiniProgram):
        return reverse("program-export-schedule", kwargs={"app_id": place.app_id, "pk": schedule.pk})
    return reverse("superapp-export-schedule", kwargs={"superapp": place.code, "pk": schedule.pk})


def params_of(schedule: ExportSchedule, since: date, until: date) -> dict[str, Any]:
    """What console.exports needs to make the file: the list's query with the days of the period."""
    query = QueryDict(schedule.query, mutable=True)
    query.update({"zone": schedule.zone})
    query["time"] = filters_of(listing_of(schedule)).axis_of_periods
    query["since"], query["until"] = str(since), str(until)
    return {
        "record": schedule.record, "permission": exportable(schedule.record).permission, "query": query.urlencode(),
        "columns": schedule.columns, "scope": "all", "file": schedule.file, "ids": [], **names_of(schedule.place),
        "zone": schedule.zone, "language": schedule.owner.language or "en", "schedule": schedule.pk,
    }  # fmt: skip
