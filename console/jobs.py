"""Long work as rows (docs/architecture.md, "Job"): started in a request, carried out by a worker, watched on a page.

A kind of work is a function registered with `@job("orders.export")` that takes the job and a Progress and returns its
result as a dict. It must be idempotent: a worker that dies is followed by another.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.files.base import File
from django.db import Error, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from console.celery import app
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import move
from console.models import Job, User
from console.permissions import Scoped, System

KEPT = timedelta(days=7)
STALE_AFTER = timedelta(seconds=60)
BEAT = STALE_AFTER / 4
ENDS_WITHIN = 5.0  # seconds; a heartbeat that waits for a database that does not answer holds up no worker
MAX_RESTARTS = 3
WORKER = System("worker")
Work = Callable[[Job, "Progress"], dict[str, Any]]

_kinds: dict[str, Work] = {}
_after_failure: dict[str, Callable[[Job], None]] = {}
log = structlog.get_logger(__name__)


class Cancelled(Exception):
    """The person who started the job cancelled it."""


class Progress:
    """How far a job is. `advance` writes at most about once a second and raises Cancelled when the job was cancelled."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.restarts = job.restarts
        self._written_at = timezone.now()
        self._total: int | None = None

    @property
    def running(self) -> QuerySet[Job]:
        """The row of the job; none once it is over or was given to another worker."""
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, restarts=self.restarts)

    def hold(self) -> bool:
        """Whether the job still is this worker's; if so it stays that until the caller's transaction ends."""
        return self.running.select_for_update(no_key=True).first() is not None

    def advance(self, done: int, total: int | None = None) -> None:
        """Note that `done` of `total` steps are done."""
        now = timezone.now()
        if now - self._written_at < timedelta(seconds=1) and done != total and total == self._total:
            return
        self._written_at, self._total = now, total
        if not self.running.update(done=done, total=total, heartbeat_at=now):
            raise Cancelled

    def keep(self, name: str, file: "File[Any]") -> None:
        """Move a file to where results are kept, in place of one that a worker before this one left there.

        Raises Cancelled when the job is over or was given to another worker.
        """
        if self.job.file:
            self.job.file.delete(save=False)
        self.job.file.save(name, file, save=False)
        # From here on, or a job that ends badly before finish() would leave it for ever.
        if not self.running.update(file=self.job.file.name, expires_at=timezone.now() + KEPT):
            self.job.file.delete(save=False)
            raise Cancelled

    def finish(self, result: dict[str, Any]) -> None:
        """End the job well. Work that is all or nothing calls it as the last thing in its transaction: a cancel that came before
        raises Cancelled and nothing is kept; a cancel that comes later finds the job over.
        """
        with transaction.atomic():
            if not self.hold():
                raise Cancelled
            self.job = move(self.job, "succeed", actor=WORKER, result=result)
            Job.objects.filter(pk=self.job.pk).update(expires_at=timezone.now() + KEPT)

    def fail(self, error: str) -> None:
        """End the job badly, as fail(); one that is over or was given to another worker is left alone."""
        with transaction.atomic():
            if self.hold():
                fail(self.job, error=error)


def job(kind: str, *, failed: Callable[[Job], None] | None = None) -> Callable[[Work], Work]:
    """Register a function as the work of jobs of this kind. `failed` is called with a job that failed, in that transaction."""

    def register(work: Work) -> Work:
        _kinds[kind] = work
        if failed:
            _after_failure[kind] = failed
        return work

    return register


def start(kind: str, *, actor: User, title: str, params: dict[str, Any], container: Scoped | None = None) -> Job:
    """Store the job; a worker is woken once the transaction is committed, and the sweeper finds it otherwise."""
    scope = container.scope if container is not None else None
    row = Job.objects.create(
        kind=kind, actor=actor, title=title, params=params,
        team_id=scope.team_id if scope else None, superapp_id=scope.superapp_id if scope else None,
    )  # fmt: skip
    run_job.delay_on_commit(row.pk)
    return row


def fail(job: Job, *, error: str) -> Job:
    """End a job that cannot be done; `error` is a sentence for whoever waits. Raises WrongState when it is over already."""
    with transaction.atomic():
        failed = move(job, "fail", actor=WORKER, error=error)
        if told := _after_failure.get(job.kind):
            told(failed)
    return failed


def cancel(job: Job, *, actor: User) -> Job:
    """End a job that is queued or running. Raises WrongState when it is over already."""
    return move(job, "cancel", actor=actor)


@app.task(name="console.jobs.run_job")
def run_job(pk: int) -> None:
    """Carry out one job; a second message about the same job finds nothing to do."""
    if not _claim(pk):
        return
    job = Job.objects.select_related("actor").get(pk=pk)
    with translation.override(job.actor.language or settings.LANGUAGE_CODE):
        _carry_out(job)


def _carry_out(job: Job) -> None:
    progress = Progress(job)
    try:
        with beating(progress):
            result = _kinds[job.kind](job, progress)
        if progress.running.exists():
            progress.finish(result)
    except (Cancelled, WrongState):
        log.info("job_cancelled", job=job.pk)
    except Refused as refused:
        progress.fail(str(refused))
    except (Forbidden, Invisible):
        progress.fail(_("The permission that this needs was taken away meanwhile, so nothing was done."))
    except Exception:
        log.exception("job_failed", job=job.pk, kind=job.kind)
        progress.fail(_("Something went wrong on our side. Start it again; nothing was changed."))


@contextmanager
def beating(progress: Progress) -> Iterator[None]:
    """Let the sweeper know that this process lives, also while the work is silent: a query that finds little, an upload.

    A thread says so, on a connection of its own; it dies with the process, and ends with the block.
    """
    over = Event()
    thread = Thread(target=_beat, args=(progress, over), name=f"heartbeat of job {progress.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(ENDS_WITHIN)


def _beat(progress: Progress, over: Event) -> None:
    """One short statement each time, outside of any transaction: SQLite's one writer is held up by nothing.

    Where the work itself writes for long in one transaction, SQLite lets the beat wait; one that waited too long is left out.
    """
    while not over.wait(BEAT.total_seconds()):
        try:
            if not progress.running.update(heartbeat_at=timezone.now()):
                return
        except Error as error:
            log.warning("heartbeat_failed", job=progress.job.pk, error=str(error)[:200])
        finally:
            connection.close()


def _claim(pk: int) -> bool:
    """Take a queued job; False when somebody else has it or it is over."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=pk, state=Job.State.QUEUED).first()
        if job is None:
            return False
        move(job, "start", actor=WORKER)
    return True


@app.task(name="console.jobs.sweep")
def sweep() -> None:
    """Wake queued jobs whose message was lost, start the stale again or fail them, delete results past their date."""
    now = timezone.now()
    stale = Job.objects.filter(state=Job.State.RUNNING, heartbeat_at__lt=now - STALE_AFTER)
    told = _("The worker stopped several times while doing this. Start it again.")
    _each(stale.filter(restarts__gte=MAX_RESTARTS), lambda row: fail(row, error=told))
    _each(stale.filter(restarts__lt=MAX_RESTARTS), lambda row: move(row, "requeue", actor=WORKER))
    waiting = Job.objects.filter(state=Job.State.QUEUED, created_at__lt=now - timedelta(seconds=5))
    _each(waiting[:100], lambda row: run_job.delay_on_commit(row.pk))
    over = Job.objects.filter(Q(expires_at__lt=now) | Q(expires_at=None, finished_at__lt=now - KEPT)).exclude(file="")
    _each(over[:100], lambda row: row.file.delete())


def _each(rows: QuerySet[Job], handle: Callable[[Job], object]) -> None:
    """What is wrong with one row holds up none behind it: a job that ended that moment, a file that the storage keeps back."""
    for row in rows:
        try:
            handle(row)
        except Exception:
            log.exception("job_not_swept", job=row.pk)
