"""Long work as rows."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_fsm import FSMField, transition

from console.models.people import Superapp, Team, User
from console.permissions import Scope


class Job(models.Model):
    """Long work with progress and a result; pages poll this row, never the broker."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=60)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="jobs")
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    superapp = models.ForeignKey(Superapp, null=True, on_delete=models.PROTECT, related_name="+")
    readers = models.ManyToManyField(User, related_name="+", help_text="Who may download the result beside the actor.")
    title = models.CharField(max_length=200)
    params = models.JSONField(default=dict)
    state = FSMField(choices=State.choices, default=State.QUEUED, protected=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    file = models.FileField(upload_to="jobs/%Y/%m/", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="When the result is deleted.")
    restarts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "succeeded", "failed", "cancelled"]), name="job_state_known"
            )
        ]
        indexes = [
            models.Index(fields=["actor", "-created_at"], name="job_actor"),
            models.Index(fields=["state"], name="job_state"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def scope(self) -> Scope:
        """The container the work was about."""
        return Scope(self.team_id, self.superapp_id)

    @property
    def has_file(self) -> bool:
        """Whether there is a file to download; what a job that ended badly left is none, nor what waits for the sweeper."""
        return self.state == self.State.SUCCEEDED and bool(self.file) and not self.is_past_its_date

    @property
    def is_past_its_date(self) -> bool:
        """Whether its result was kept long enough, deleted or not."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def pace(self) -> str:
        """How fast it goes and how long it will take, in words; "" until there is something to go by."""
        if self.state != self.State.RUNNING or not self.started_at or not self.done:
            return ""
        rate = self.done / max((timezone.now() - self.started_at).total_seconds(), 1)
        values = {"rate": f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"}
        if not self.total:
            return _("%(rate)s a second") % values
        left = max(self.total - self.done, 0) / rate
        if left < 90:
            sentence = ngettext(
                "%(rate)s a second, about %(left)d second left", "%(rate)s a second, about %(left)d seconds left", round(left)
            )
            return sentence % (values | {"left": round(left)})
        sentence = ngettext(
            "%(rate)s a second, about %(left)d minute left", "%(rate)s a second, about %(left)d minutes left", round(left / 60)
        )
        return sentence % (values | {"left": round(left / 60)})

    @transition(field=state, source=State.QUEUED, target=State.RUNNING, custom={"label": _("Start")})
    def start(self, *, actor: object) -> None:
        """A worker takes it; again after a worker died."""
        self.started_at = self.heartbeat_at = timezone.now()

    @transition(field=state, source=State.RUNNING, target=State.QUEUED, custom={"label": _("Queue again")})
    def requeue(self, *, actor: object) -> None:
        """Its worker died."""
        self.restarts += 1

    @transition(field=state, source=State.RUNNING, target=State.SUCCEEDED, custom={"label": _("Finish")})
    def succeed(self, *, actor: object, result: dict[str, object]) -> None:
        """The work is done."""
        self.result, self.finished_at = result, timezone.now()

    @transition(field=state, source=[State.QUEUED, State.RUNNING], target=State.FAILED, custom={"label": _("Fail")})
    def fail(self, *, actor: object, error: str) -> None:
        """The work cannot be done; `error` is a sentence for the person who waits."""
        self.error, self.finished_at = error, timezone.now()

    @transition(field=state, source=[State.QUEUED, State.RUNNING], target=State.CANCELLED, custom={"label": _("Cancel")})
    def cancel(self, *, actor: object) -> None:
        """The person who started it does not want it any more."""
        self.finished_at = timezone.now()
