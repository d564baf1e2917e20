"""One upload of a workbook: what its check found, and what became of it (docs/import.md)."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.errors import Refused
from console.lifecycle import state_check
from console.models import Job, User
from payments.models import ProgramOwned

_OVER = (Job.State.SUCCEEDED, Job.State.FAILED, Job.State.CANCELLED)


class ImportManager(models.Manager["Import"]):
    """Findings and plan are megabytes: they are read when they are asked for, and a move leaves them alone otherwise."""

    def get_queryset(self) -> "models.QuerySet[Import]":
        """All imports."""
        return super().get_queryset().defer("findings", "plan")


class Import(ProgramOwned):
    """Upload → check → confirm → result. Nothing but this row is written before the confirm, and then everything or nothing.

    `plan` is what the check found to do and what an applied import did; items.importing.plan reads it. `findings` are the faults
    and warnings by cell.
    """

    class State(models.TextChoices):
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked")
        APPLYING = "applying", _("Being imported")
        APPLIED = "applied", _("Imported")
        REFUSED = "refused", _("Not imported")
        CANCELLED = "cancelled", _("Cancelled")
        UNDONE = "undone", _("Undone")

    class Mode(models.TextChoices):
        ADD_ONLY = "add_only", _("Add new items only")
        ADD_AND_UPDATE = "add_and_update", _("Add new items and update existing ones")

    state = FSMField(choices=State.choices, default=State.CHECKING, protected=True)
    mode = models.CharField(max_length=20, choices=Mode.choices)
    file = models.FileField(upload_to="imports/%Y/%m/")
    file_name = models.CharField(max_length=200, help_text="As the browser named it; shown, never used as a path.")
    images = models.FileField(upload_to="imports/%Y/%m/", blank=True)
    annotated = models.FileField(upload_to="imports/%Y/%m/", blank=True, help_text="The user's workbook with the faults in it.")
    currency = models.CharField(max_length=3, help_text="Settlement currency at the upload; prices are in it.")
    sheet = models.CharField(max_length=100, blank=True, default="")
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    faulty = models.PositiveIntegerField(default=0, help_text="Rows with a fault.")
    findings = models.JSONField(default=list)
    plan = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="", help_text="Why nothing was imported.")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True)

    objects = ImportManager()

    class Meta:
        constraints = [
            state_check(
                "state",
                ["checking", "checked", "applying", "applied", "refused", "cancelled", "undone"],
                name="import_state_known",
            )
        ]
        indexes = [models.Index(fields=["mini_program", "-started_at"], name="import_list")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_working(self) -> bool:
        """A job is at it, or will be."""
        return self.state in (self.State.CHECKING, self.State.APPLYING) and not self.is_stuck

    @property
    def is_stuck(self) -> bool:
        """Its job ended without a result: cancelled on the job's page, or failed."""
        return self.state in (self.State.CHECKING, self.State.APPLYING) and (self.job is None or self.job.state in _OVER)

    @transition(
        field=state,
        source=State.CHECKING,
        target=State.CHECKED,
        permission="items.edit_item",
        custom={"label": _("Finish the check"), "verb": "items.import.check"},
    )
    def finish_check(self, *, actor: object, found: dict[str, Any]) -> None:
        """The check is done; `found` are its results by field."""
        for field, value in found.items():
            setattr(self, field, value)

    @transition(
        field=state,
        source=[State.CHECKING, State.APPLYING],
        target=State.REFUSED,
        permission="items.edit_item",
        custom={"label": _("Refuse"), "verb": "items.import.refuse"},
    )
    def refuse(self, *, actor: object, reason: str) -> None:
        """The file cannot be read, or the items changed since the check."""
        self.reason = reason

    @transition(
        field=state,
        source=State.CHECKED,
        target=State.APPLYING,
        permission="items.edit_item",
        custom={"label": _("Confirm"), "verb": "items.import.confirm"},
    )
    def confirm(self, *, actor: User) -> None:
        """Only without faults, and only when there is something to do."""
        if self.faulty:
            raise Refused(str(_("The workbook has faults, so nothing can be imported. Mend them and choose the workbook again.")))
        if not self.new + self.changed:
            raise Refused(str(_("Nothing in the workbook differs from the items, so there is nothing to import.")))

    @transition(
        field=state,
        source=State.APPLYING,
        target=State.APPLIED,
        permission="items.edit_item",
        custom={"label": _("Import"), "verb": "items.import.apply"},
    )
    def finish(self, *, actor: object) -> None:
        """Every row of the plan is written."""
        self.applied_at = timezone.now()

    @transition(
        field=state,
        source=[State.CHECKED, State.REFUSED, State.CHECKING, State.APPLYING],
        target=State.CHECKING,
        permission="items.edit_item",
        custom={"label": _("Check again"), "verb": "items.import.recheck"},
    )
    def recheck(self, *, actor: User) -> None:
        """The same file against the items as they are now. While a job is at it, there is nothing to start again."""
        self._refuse_while_working()
        self.reason, self.findings, self.plan = "", [], {}

    @transition(
        field=state,
        source=[State.CHECKED, State.CHECKING, State.APPLYING],
        target=State.CANCELLED,
        permission="items.edit_item",
        custom={"label": _("Cancel"), "verb": "items.import.cancel"},
    )
    def cancel(self, *, actor: User) -> None:
        """Nothing was written and nothing will be."""
        if self.state == self.State.APPLYING:
            self._refuse_while_working()

    @transition(
        field=state,
        source=State.APPLIED,
        target=State.UNDONE,
        permission="items.edit_item",
        custom={"label": _("Undo the import"), "verb": "items.import.undo"},
    )
    def undo(self, *, actor: User) -> None:
        """The action has taken back every row."""

    def _refuse_while_working(self) -> None:
        if self.is_working:
            raise Refused(str(_("The workbook is being worked on. Wait until that is done.")))
