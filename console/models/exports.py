"""Exports that start by themselves."""

from datetime import date

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.models.jobs import Job
from console.models.people import MiniProgram, Superapp, Team, User
from console.permissions import Scope


class ExportSchedule(models.Model):
    """An export of a list, started once for each day, week or month that is over in its zone. `query` is that of the list.

    It stands in a mini program (with its team) or, without one, in the superapp. `next_since` is the first day of the next
    period, `due_at` the moment at which that period is over. `trouble` says why the last one that fell due was not started.
    """

    class Every(models.TextChoices):
        DAY = "day", _("Every day, about yesterday")
        WEEK = "week", _("Every Monday, about last week (Monday to Sunday)")
        MONTH = "month", _("On the first of the month, about last month")

    class Trouble(models.TextChoices):
        PERMISSION = "permission", _("The person in whose name it ran may not export this list any more.")
        FILTERS = "filters", _("Its filters cannot be understood any more.")
        FAULT = "fault", _("Something went wrong on our side. It is tried again every minute.")

    name = models.CharField(_("name"), max_length=60)
    record = models.CharField(max_length=40)
    mini_program = models.ForeignKey(MiniProgram, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", help_text="In whose name it runs.")
    recipients = models.ManyToManyField(User, related_name="+")
    query = models.TextField(blank=True, default="")
    columns = models.JSONField(default=list)
    file = models.CharField(max_length=4)
    every = models.CharField(max_length=5, choices=Every.choices)
    zone = models.CharField(max_length=64)
    next_since = models.DateField()
    due_at = models.DateTimeField()
    is_paused = models.BooleanField(default=False)
    trouble = models.CharField(max_length=12, choices=Trouble.choices, blank=True, default="", db_default="")
    trouble_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="export_schedule_due", condition=Q(is_paused=False))]

    def __str__(self) -> str:
        return self.name

    def note(self, trouble: str = "") -> None:
        """Say from now on why nothing is started; without a reason, that nothing is wrong. Unsaved."""
        self.trouble, self.trouble_since = trouble, timezone.now() if trouble else None

    @property
    def scope(self) -> Scope:
        """The team or the superapp that it stands in."""
        return Scope(self.team_id, self.superapp_id)

    @property
    def place(self) -> MiniProgram | Superapp:
        """Whose list is exported."""
        return self.mini_program or self.superapp


class ExportRun(models.Model):
    """One period of a schedule and the job that exports it: never two of the same days, whoever starts them."""

    schedule = models.ForeignKey(ExportSchedule, on_delete=models.CASCADE, related_name="runs")
    since = models.DateField()
    until = models.DateField(help_text="The last day, included.")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "since", "until"], name="one_export_a_period")]

    def __str__(self) -> str:
        return f"{self.schedule} {self.days}"

    @property
    def days(self) -> str:
        """The period, the same in every language."""
        return days_of(self.since, self.until)


def days_of(since: date, until: date) -> str:
    """Days as 2026-03-01 or 2026-03-01 – 2026-03-07."""
    return f"{since}" if since == until else f"{since} – {until}"
