"""Two imports at once, a cancel while rows are written, and a worker that is killed: everything or nothing (PostgreSQL)."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import connection, transaction

from console import jobs
from console.errors import WrongState
from console.models import AuditEntry, Job
from console.permissions import System
from items.actions import import_rows
from items.actions import imports as actions
from items.models import Import, Item, ItemImage
from tests.items.conftest import fresh, picture_bytes
from tests.items.test_races import wait_until_blocked
from tests.items.workbooks import uploaded, workbook, zipped

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]
ROWS = [["coin", "Coin", 0.99, "Shines", "coin.png"], ["gem", "Big gem", "19.90", None, None]]


def checked(program, person):
    return uploaded(program, workbook(*ROWS), by=person, images=zipped({"coin.png": picture_bytes()}))


def confirmed(run, person, monkeypatch):
    """Confirmed, with a job that nobody has taken yet."""
    monkeypatch.setattr(jobs.run_job, "delay_on_commit", lambda _pk: None)
    return actions.confirm(run, actor=person)


def in_thread(work):
    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def written():
    """How much of the two rows stands in the database: items, the gem's new name, images, audit entries of items."""
    verbs = ("items.item.add", "items.item.edit")
    entries = AuditEntry.objects.filter(verb__in=verbs, object_type="items.item").count() - 1  # the gem was added by hand
    return Item.objects.count() - 1, Item.objects.filter(name="Big gem").count(), ItemImage.objects.count(), entries


NOTHING, EVERYTHING = (0, 0, 0, 0), (1, 1, 1, 2)


def test_of_two_imports_at_once_one_is_written_and_one_refused(starfall, developer, senior, gem, monkeypatch):
    runs = [confirmed(checked(starfall, person), person, monkeypatch) for person in (developer, senior)]
    threads = [in_thread(lambda run=run: jobs.run_job(run.job_id)) for run in runs]
    for thread in threads:
        thread.join()
    assert sorted(Import.objects.values_list("state", flat=True)) == ["applied", "refused"]
    assert written() == EVERYTHING


def test_a_second_import_waits_for_the_first_and_is_then_refused(starfall, developer, senior, gem, monkeypatch):
    first, second = (confirmed(checked(starfall, person), person, monkeypatch) for person in (developer, senior))
    with transaction.atomic():
        jobs.run_job(first.job_id)
        thread = in_thread(lambda: jobs.run_job(second.job_id))
        wait_until_blocked(thread)
    thread.join()
    assert (fresh(first).state, fresh(second).state) == ("applied", "refused")
    assert "check again" in fresh(second).reason and written() == EVERYTHING


def test_a_cancel_while_rows_are_written_leaves_nothing(starfall, developer, senior, gem, monkeypatch):
    run = confirmed(checked(starfall, developer), developer, monkeypatch)
    threads, change = [], import_rows.change

    def cancelled_meanwhile(*arguments):
        change(*arguments)
        assert written()[0] == 1, "the rows are written, not committed"
        threads.append(in_thread(lambda: actions.cancel(fresh(run), actor=senior)))
        wait_until_blocked(threads[0])  # for the import, which the worker holds; the job is cancelled by then

    monkeypatch.setattr(import_rows, "change", cancelled_meanwhile)
    jobs.run_job(run.job_id)
    threads[0].join()
    assert (fresh(run).state, fresh(run).job.state) == ("cancelled", "cancelled")
    assert written() == NOTHING
    assert not list(settings.MEDIA_ROOT.rglob("items/**/*.png")), "the files of the images are gone too"


def test_a_cancel_of_the_job_itself_leaves_nothing_and_the_file_can_be_checked_again(starfall, developer, gem, monkeypatch):
    run = confirmed(checked(starfall, developer), developer, monkeypatch)
    change = import_rows.change

    def cancelled_meanwhile(*arguments):
        change(*arguments)
        in_thread(lambda: jobs.cancel(Job.objects.get(pk=run.job_id), actor=developer)).join()

    with monkeypatch.context() as patch:
        patch.setattr(import_rows, "change", cancelled_meanwhile)
        jobs.run_job(run.job_id)
    assert fresh(run).is_stuck and written() == NOTHING
    again = actions.recheck(fresh(run), actor=developer)
    jobs.run_job(again.job_id)
    jobs.run_job(confirmed(fresh(run), developer, monkeypatch).job_id)
    assert fresh(run).state == "applied" and written() == EVERYTHING


def test_a_cancel_that_comes_after_the_commit_is_told_so(starfall, developer, gem, monkeypatch):
    run = confirmed(checked(starfall, developer), developer, monkeypatch)
    jobs.run_job(run.job_id)
    with pytest.raises(WrongState):
        actions.cancel(fresh(run), actor=developer)
    with pytest.raises(WrongState):
        jobs.cancel(Job.objects.get(pk=run.job_id), actor=developer)
    assert written() == EVERYTHING


def worker(run, crash_point=""):
    """A real process that does the job, killed with SIGKILL at the mark."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ, "DEBUG": "1", "CRASH_POINT": crash_point, "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
    }  # fmt: skip
    code = (
        f"import django; django.setup(); from django.conf import settings; settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}; "
        f"import items.imports; from console.jobs import run_job; run_job({run.job_id})"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment).returncode


def test_a_killed_worker_leaves_nothing_and_the_next_one_writes_everything(starfall, developer, gem, monkeypatch):
    run = confirmed(checked(starfall, developer), developer, monkeypatch)
    for point in ("import-half", "import-written"):
        assert worker(run, point) == -signal.SIGKILL, point
        assert written() == NOTHING and fresh(run).state == "applying"
        jobs.move(Job.objects.get(pk=run.job_id), "requeue", actor=System("sweeper"))
    assert worker(run) == 0
    assert (fresh(run).state, fresh(run).job.state) == ("applied", "succeeded") and written() == EVERYTHING
