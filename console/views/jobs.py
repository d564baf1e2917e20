"""Long work, watched by whoever started it. The page polls the row; without JavaScript it is reloaded by hand."""

from typing import Any, ClassVar

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from console import jobs
from console.audit import record
from console.errors import Invisible, WrongState
from console.matrix import SIGNED_IN
from console.models import Job, User
from console.permissions import can, require
from console.views.base import ConsoleView


def may_see_work(actor: User, row: Job) -> bool:
    """Whether the actor may, now, see what the job read: its file, what it adds up to, how much it is."""
    permission = row.params.get("permission")
    return not permission or can(actor, permission, row)


class JobList(ConsoleView):
    """The reader's own jobs, newest first."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "console/job_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The newest hundred: older results are deleted after 7 days anyway."""
        rows = Job.objects.filter(actor=self.actor).order_by("-created_at")[:100]
        return self.render(jobs=[{"row": row, "is_seen": may_see_work(self.actor, row)} for row in rows])


class JobView(ConsoleView):
    """Base of pages about one job. Whoever started it sees it, and so do the recipients of a schedule who still may.

    Whoever started it and may no more finds out how it ended, and nothing of what it read.
    """

    permission: ClassVar[str] = SIGNED_IN

    def job(self, uid: Any) -> Job:
        """The job, or 404."""
        row = Job.objects.filter(uid=uid).select_related("team", "superapp").first()
        if row is None or not self.is_for_actor(row):
            raise Invisible
        return row

    def is_for_actor(self, row: Job) -> bool:
        """Whether the actor started it, or was given its result."""
        if row.actor_id == self.actor.pk:
            return True
        return row.readers.filter(pk=self.actor.pk).exists() and may_see_work(self.actor, row)


class JobDetail(JobView):
    """Progress and result."""

    template_name: ClassVar[str] = "console/job_detail.html"

    def get(self, request: HttpRequest, uid: Any) -> HttpResponse:
        """The page; with `part` in the query only the progress, for polling."""
        row = self.job(uid)
        waiting = row.state == Job.State.QUEUED and timezone.now() - row.created_at > jobs.STALE_AFTER / 4
        return self.render(job=row, no_worker=waiting, is_seen=may_see_work(self.actor, row))


class JobCancel(JobView):
    """End a job."""

    def post(self, request: HttpRequest, uid: Any) -> HttpResponse:
        """Answers 409 when it is over already."""
        row = self.job(uid)
        if row.actor_id != self.actor.pk:
            raise Invisible
        jobs.cancel(row, actor=self.actor)
        return redirect("job-detail", uid=uid)


class JobFile(JobView):
    """The file a job made. The permission is checked again at each download and each download is recorded."""

    def get(self, request: HttpRequest, uid: Any) -> FileResponse:
        """A POST would be no better: what changes is the audit trail only."""
        row = self.job(uid)
        if not row.has_file:
            is_gone = row.state == Job.State.SUCCEEDED and row.is_past_its_date
            told = _("The file was deleted after its 7 days. Start the export again for a new one.")
            raise WrongState(told if is_gone else row.get_state_display())
        if row.params.get("permission"):
            require(self.actor, row.params["permission"], row)
        record("console.job.download", row, actor=self.actor)
        return FileResponse(row.file.open("rb"), as_attachment=True, filename=str(row.result.get("filename") or row.file.name))
