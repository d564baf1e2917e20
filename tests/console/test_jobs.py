"""The pages of jobs."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.db.models.fields.files import FieldFile
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from console import jobs
from console.actions.membership import leave_team
from console.errors import WrongState
from console.models import Job, TeamMembership
from tests.people import SETUP

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(operator, northlight):
    owners = {"actor": operator, "team": northlight, "superapp": northlight.superapp}
    return Job.objects.create(**owners, kind="orders.export", title="Export of orders")


def page(client, job):
    return client.get(reverse("job-detail", kwargs={"uid": job.uid}))


def test_lists_the_readers_own_jobs(client, operator, senior, job):
    client.force_login(operator)
    assert "Export of orders" in client.get(reverse("job-list")).content.decode()
    client.force_login(senior)
    assert "Export of orders" not in client.get(reverse("job-list")).content.decode()


def test_a_job_of_somebody_else_is_not_found(client, team_admin, job):
    client.force_login(team_admin)
    for name in ("job-detail", "job-file"):
        assert client.get(reverse(name, kwargs={"uid": job.uid})).status_code == 404
    assert client.post(reverse("job-cancel", kwargs={"uid": job.uid})).status_code == 404


def test_who_lost_the_permission_sees_how_a_job_ended_and_none_of_its_figures(client, operator, job, northlight):
    totals = [{"currency": "USD", "sums": [["Amount", 123_456]]}]
    result = {"filename": "orders.csv", "facts": [["Rows", "4,321 rows"]], "totals": totals}
    params = {"permission": "orders.view_order"}
    Job.objects.update(state="succeeded", file="orders.csv", done=4321, total=4321, result=result, params=params)
    client.force_login(operator)
    figures = ("4,321 rows", "1,234.56", "orders.csv", "The file is ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.core.files.storage.FileSystemStorage.size", lambda *_arguments: 1)
        text = page(client, job).content.decode()
    assert all(figure in text for figure in figures) and "4321" in client.get(reverse("job-list")).content.decode()
    leave_team(TeamMembership.objects.get(user=operator, team=northlight), actor=SETUP)
    operator.refresh_from_db()
    client.force_login(operator)
    text = page(client, job).content.decode()
    assert "You no longer have the permission that this needs" in text and "The work is done." in text
    assert not any(figure in text for figure in figures)
    Job.objects.update(state="running")
    assert "4321" not in page(client, job).content.decode() + client.get(reverse("job-list")).content.decode()


def test_a_running_job_shows_how_far_it_is_and_asks_again(client, operator, job):
    Job.objects.filter(pk=job.pk).update(state="running", started_at=timezone.now() - timedelta(seconds=10), done=40, total=100)
    client.force_login(operator)
    text = page(client, job).content.decode()
    assert "40 of 100 done" in text and "a second, about" in text and 'hx-trigger="every 2s"' in text


@pytest.mark.parametrize(
    ("seconds", "done", "total", "says"),
    [
        (10, 40, 100, "4.0 a second, about 15 seconds left"),
        (10, 1_000, 100_000, "100 a second, about 16 minutes left"),
        (10, 40, None, "4.0 a second"),
        (10, 0, 100, ""),
    ],
)
def test_says_how_fast_it_goes_and_how_long_it_will_take(job, seconds, done, total, says):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        job = Job(state="running", started_at=now - timedelta(seconds=seconds), done=done, total=total)
        assert str(job.pace) == says


def test_says_when_no_worker_takes_it(client, operator, job):
    client.force_login(operator)
    assert "No worker is running" not in page(client, job).content.decode()
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert "No worker is running" in page(client, job).content.decode()


def test_cancelling_ends_it_and_it_asks_no_more(client, operator, job):
    client.force_login(operator)
    assert client.get(reverse("job-cancel", kwargs={"uid": job.uid})).status_code == 405
    client.post(reverse("job-cancel", kwargs={"uid": job.uid}))
    text = page(client, job).content.decode()
    assert "Cancelled. Nothing was kept." in text and "hx-trigger" not in text
    assert client.post(reverse("job-cancel", kwargs={"uid": job.uid})).status_code == 409


def test_a_failed_job_says_why(client, operator, job):
    Job.objects.filter(pk=job.pk).update(state="failed", error="The disk is full.")
    client.force_login(operator)
    assert "The disk is full." in page(client, job).content.decode()


def test_a_result_past_its_date_says_so(client, operator, job):
    Job.objects.filter(pk=job.pk).update(state="succeeded", result={"filename": "orders.csv"})
    client.force_login(operator)
    assert "The file was deleted after its 7 days." in page(client, job).content.decode()
    assert client.get(reverse("job-file", kwargs={"uid": job.uid})).status_code == 409


def with_a_file(job, **fields):
    """The job with a file that it ended well with."""
    job.file.save("orders.csv", ContentFile(b"rows"))
    Job.objects.filter(pk=job.pk).update(state="succeeded", result={"filename": "orders.csv"}, **fields)
    return Job.objects.get(pk=job.pk)


def test_a_file_past_its_date_is_not_to_be_had_while_the_sweeper_stands_still(client, operator, job):
    job = with_a_file(job, expires_at=timezone.now() + timedelta(minutes=1))
    client.force_login(operator)
    url = reverse("job-file", kwargs={"uid": job.uid})
    assert client.get(url).status_code == 200 and "kept until" in page(client, job).text
    Job.objects.update(expires_at=timezone.now())
    answer, text = client.get(url), page(client, job).text
    assert answer.status_code == 409 and "The file was deleted after its 7 days." in answer.text
    assert "kept until" not in text and "The file was deleted after its 7 days." in text and "Download" not in text


def another(job):
    """A job like this one."""
    return Job.objects.create(actor=job.actor, team=job.team, superapp=job.superapp, kind=job.kind, title="Another")


def breaks_once(monkeypatch, target, name, error):
    """The first call raises, the others do what they did."""
    right, errors = getattr(target, name), [error]

    def call(*arguments, **more):
        if errors:
            raise errors.pop()
        return right(*arguments, **more)

    monkeypatch.setattr(target, name, call)


@pytest.mark.parametrize(("restarts", "state"), [(0, "queued"), (jobs.MAX_RESTARTS, "failed")])
def test_a_job_that_ends_while_the_sweeper_looks_holds_up_no_other(job, monkeypatch, restarts, state):
    another(job)
    Job.objects.update(state="running", heartbeat_at=timezone.now() - timedelta(minutes=2), restarts=restarts)
    breaks_once(monkeypatch, jobs, "move", WrongState("It is over."))
    with capture_logs() as logs:
        jobs.sweep()
    assert sorted(Job.objects.values_list("state", flat=True)) == sorted(["running", state])
    assert len([entry for entry in logs if entry["event"] == "job_not_swept"]) == 1


def test_a_file_that_cannot_be_deleted_holds_up_no_other(job, monkeypatch):
    past = {"expires_at": timezone.now() - timedelta(seconds=1)}
    for row in (job, another(job)):
        with_a_file(row, **past)
    breaks_once(monkeypatch, FieldFile, "delete", OSError("The disk is read-only."))
    with capture_logs() as logs:
        jobs.sweep()
    assert Job.objects.filter(file="").count() == 1
    assert len([entry for entry in logs if entry["event"] == "job_not_swept"]) == 1
    jobs.sweep()
    assert Job.objects.filter(file="").count() == 2
