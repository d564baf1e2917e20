"""Jobs and their workers: a silent one lives, a dead one is followed by another, and no file outlives its 7 days."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from console import jobs
from console.errors import Forbidden, Refused
from console.jobs import Cancelled, Progress
from console.models import Job

# The heartbeat writes on a connection of its own.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]


@pytest.fixture
def job(operator, northlight, monkeypatch):
    monkeypatch.setattr(jobs, "BEAT", timedelta(milliseconds=50))
    monkeypatch.setattr(jobs, "STALE_AFTER", timedelta(milliseconds=600))
    owners = {"actor": operator, "team": northlight, "superapp": northlight.superapp}
    return Job.objects.create(**owners, kind="slow", title="Export of orders")


@pytest.fixture
def work(job, monkeypatch):
    """Makes a function the work of the job and lets a worker do it."""

    def does(function):
        monkeypatch.setitem(jobs._kinds, "slow", function)
        jobs.run_job(job.pk)
        return Job.objects.get(pk=job.pk)

    return does


def keep(text, name="a.csv"):
    def carry_out(_row, progress):
        progress.keep(name, ContentFile(text))
        return {"filename": name}

    return carry_out


def hearts():
    return [thread for thread in threading.enumerate() if thread.name.startswith("heartbeat")]


def test_a_worker_that_is_silent_for_long_is_not_taken_for_dead(work):
    def silent(_row, _progress):
        for _part in range(4):
            time.sleep(0.4)
            jobs.sweep()
        return {}

    job = work(silent)
    assert (job.state, job.restarts) == ("succeeded", 0)
    assert hearts() == []


def test_the_heartbeat_waits_for_work_that_writes_in_one_transaction(work):
    def writes(row, _progress):
        with transaction.atomic():
            Job.objects.create(actor=row.actor, kind="slow", title="Another", state="cancelled")
            time.sleep(0.5)
        silent_since = timezone.now()
        time.sleep(0.5)
        assert Job.objects.get(pk=row.pk).heartbeat_at > silent_since
        return {}

    with capture_logs() as logs:
        assert work(writes).state == "succeeded"
    assert [entry for entry in logs if entry["event"] == "heartbeat_failed"] == []


def test_a_worker_that_died_is_followed_by_another_and_beats_for_it_no_more(job):
    jobs._claim(job.pk)
    first = Progress(Job.objects.get(pk=job.pk))
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    jobs.move(job, "requeue", actor=jobs.WORKER)
    jobs._claim(job.pk)
    Job.objects.update(heartbeat_at=(long_ago := timezone.now() - timedelta(minutes=2)))
    with jobs.beating(first):
        time.sleep(0.3)
    assert Job.objects.get().heartbeat_at == long_ago
    with pytest.raises(Cancelled):
        first.advance(1, 1)
    with pytest.raises(Cancelled):
        first.keep("a.csv", ContentFile(b"late"))
    assert not Job.objects.get().file


@pytest.mark.parametrize("error", [Refused("The disk is full."), Forbidden(), RuntimeError("The pool is empty.")])
def test_what_fails_in_a_worker_that_was_followed_by_another_ends_nothing(job, work, monkeypatch, error):
    told = []
    monkeypatch.setitem(jobs._after_failure, "slow", told.append)

    def fails_late(row, _progress):
        jobs.move(row, "requeue", actor=jobs.WORKER)
        jobs._claim(row.pk)
        raise error

    assert work(fails_late).state == "running" and told == []


def test_a_worker_that_was_followed_by_another_cannot_end_the_job_well(job):
    jobs._claim(job.pk)
    first = Progress(Job.objects.get())
    jobs.move(job, "requeue", actor=jobs.WORKER)
    jobs._claim(job.pk)
    with pytest.raises(Cancelled):
        first.finish({})
    assert Job.objects.get().state == "running"


def test_a_job_that_was_cancelled_fails_no_more(job, work):
    def fails_late(row, _progress):
        jobs.move(row, "cancel", actor=jobs.WORKER)
        raise Refused("The disk is full.")

    assert work(fails_late).state == "cancelled"


def test_a_file_of_a_job_that_ends_badly_is_not_served_and_goes_after_seven_days(client, operator, work):
    def fails(row, progress):
        keep(b"rows")(row, progress)
        raise Refused("The disk is full.")

    job = work(fails)
    assert job.state == "failed" and job.expires_at > timezone.now() + timedelta(days=6)
    client.force_login(operator)
    assert client.get(reverse("job-file", kwargs={"uid": job.uid})).status_code == 409
    assert "Download" not in client.get(reverse("job-detail", kwargs={"uid": job.uid})).content.decode()
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    jobs.sweep()
    assert not Job.objects.get().file and not job.file.storage.exists(job.file.name)


def test_a_file_that_was_left_without_a_date_goes_too(work):
    job = work(keep(b"rows"))
    Job.objects.update(expires_at=None, finished_at=timezone.now() - timedelta(days=8))
    jobs.sweep()
    assert not job.file.storage.exists(job.file.name)


def test_a_worker_that_follows_puts_its_file_in_the_place_of_the_earlier_one(job, work):
    jobs._claim(job.pk)
    Progress(Job.objects.get()).keep("a.csv", ContentFile(b"first"))
    earlier = Job.objects.get().file
    jobs.move(job, "requeue", actor=jobs.WORKER)
    job = work(keep(b"second", "b.csv"))
    assert job.file.read() == b"second" and not earlier.storage.exists(earlier.name)
