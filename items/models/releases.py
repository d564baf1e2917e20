"""Submissions of items for release, decided entry by entry."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.errors import Refused
from console.lifecycle import state_check
from console.models import User
from console.permissions import System
from items.models.items import Item, ItemImage
from payments.models import ExemptionRequest, Request, reason_given, why_not_decide


class Release(Request):
    """One submission of one or many items of a mini program. Its state follows from its entries."""

    KIND = Request.Kind.RELEASE

    exempt = models.BooleanField(default=False, help_text="Approved by an exemption, without review.")
    exemption = models.ForeignKey(
        ExemptionRequest,
        null=True,
        on_delete=models.PROTECT,
        related_name="releases",
        help_text="The exemption that stood in for a review.",
    )

    @transition(
        field="state",
        source=Request.State.IN_PROGRESS,
        target=Request.State.APPROVED,
        permission="payments.decide",
        custom={"label": _("Approve"), "verb": "items.release.finish_approved"},
    )
    def finish_approved(self, *, actor: User | System) -> None:
        """Every entry that was not withdrawn is approved."""
        self._finish(actor)

    @transition(
        field="state",
        source=Request.State.IN_PROGRESS,
        target=Request.State.PARTLY_APPROVED,
        permission="payments.decide",
        custom={"label": _("Close"), "verb": "items.release.finish_partly"},
    )
    def finish_partly(self, *, actor: User | System) -> None:
        """Some entries are approved, some rejected."""
        self._finish(actor)

    @transition(
        field="state",
        source=Request.State.IN_PROGRESS,
        target=Request.State.REJECTED,
        permission="payments.decide",
        custom={"label": _("Reject"), "verb": "items.release.finish_rejected"},
    )
    def finish_rejected(self, *, actor: User | System) -> None:
        """Every entry that was not withdrawn is rejected."""
        self._finish(actor)

    @transition(
        field="state",
        source=Request.State.IN_PROGRESS,
        target=Request.State.CANCELLED,
        permission="items.submit_release",
        custom={"label": _("Withdraw"), "verb": "items.release.cancel"},
    )
    def cancel(self, *, actor: User | System) -> None:
        """Every entry was withdrawn."""
        self.ended_at = timezone.now()

    @transition(
        field="state",
        source=Request.State.IN_PROGRESS,
        target=Request.State.APPROVED,
        permission="items.submit_release",
        custom={"label": _("Release"), "verb": "items.release.exempt"},
    )
    def release_exempt(self, *, actor: User, exemption: ExemptionRequest) -> None:
        """Approved by an exemption: nobody decided, so nobody is noted as decider."""
        self.exempt, self.exemption, self.ended_at = True, exemption, timezone.now()

    def _finish(self, actor: User | System) -> None:
        """Note who decided. The system ends a release whose last open entry was withdrawn after the others were decided."""
        if isinstance(actor, User):
            self.decide(actor)
            return
        last = self.entries.exclude(decided_by=None).order_by("decided_at", "pk").last()
        if last is None:
            raise Refused(str(_("Only a person decides.")))
        self.decided_by, self.decided_at, self.ended_at = last.decided_by, last.decided_at, timezone.now()

    def refuse_decider(self, actor: User) -> None:
        """Raise Refused for somebody who must not decide. Asked once for this instance: one decision covers many entries."""
        asked: set[int] = self.__dict__.setdefault("_deciders", set())
        if actor.pk not in asked:
            if sentence := why_not_decide(self, actor):
                raise Refused(sentence)
            asked.add(actor.pk)

    def editor_ids(self) -> set[int]:
        """Whoever edited one of the items since it was last released does not decide."""
        rows = self.entries.values_list("edited_by_id", "editors")
        return {person for last, others in rows for person in (last, *others)}


class ReleaseEntry(models.Model):
    """One item in a submission: a snapshot of its draft and of the live copy it would replace; decided by itself."""

    class State(models.TextChoices):
        IN_PROGRESS = "in_progress", _("In progress")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Why(models.TextChoices):
        """Why an item of an exempt mini program is reviewed all the same."""

        TAKEN_DOWN = "taken_down", _("taken down before")
        PRICE = "price", _("over the price ceiling")
        NUMBER = "number", _("over the number of a day")
        OVER = "over", _("after the last day")

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="entries")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="release_entries")
    state = FSMField(choices=State.choices, default=State.IN_PROGRESS, protected=True)
    product_id = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    price = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    image = models.ForeignKey(ItemImage, null=True, on_delete=models.PROTECT, related_name="+")
    description = models.CharField(max_length=1024, blank=True, default="")
    content_hash = models.CharField(max_length=64)
    old_name = models.CharField(max_length=64, blank=True, default="")
    old_price = models.PositiveIntegerField(null=True)
    old_currency = models.CharField(max_length=3, blank=True, default="")
    old_image = models.ForeignKey(ItemImage, null=True, on_delete=models.PROTECT, related_name="+")
    old_description = models.CharField(max_length=1024, blank=True, default="")
    edited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    editors = models.JSONField(
        default=list, help_text="Ids of all who edited the draft since the live copy was released; none of them decides."
    )
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")
    reason_part = models.CharField(max_length=20, choices=Item.Part.choices, blank=True, default="")
    why_reviewed = models.CharField(max_length=20, choices=Why.choices, blank=True, default="")

    class Meta:
        constraints = [
            state_check("state", ["in_progress", "approved", "rejected", "withdrawn"], name="release_entry_state_known"),
            models.CheckConstraint(
                condition=Q(decided_by=None) | (~Q(decided_by=F("requested_by")) & ~Q(decided_by=F("edited_by"))),
                name="release_entry_not_decided_by_author",
            ),
            models.UniqueConstraint(fields=["item"], condition=Q(state="in_progress"), name="one_open_release_of_an_item"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.product_id})"

    @property
    def scope(self) -> Any:
        """Belongs to its release."""
        return self.release.scope

    def _decide(self, actor: User, reason: str = "") -> None:
        self.release.refuse_decider(actor)
        self.decided_by, self.decided_at, self.reason = actor, timezone.now(), reason

    @transition(
        field=state,
        source=State.IN_PROGRESS,
        target=State.APPROVED,
        permission="payments.decide",
        custom={"label": _("Approve"), "verb": "items.release_entry.approve"},
    )
    def approve(self, *, actor: User) -> None:
        """Released."""
        self._decide(actor)

    @transition(
        field=state,
        source=State.IN_PROGRESS,
        target=State.REJECTED,
        permission="payments.decide",
        custom={"label": _("Reject"), "verb": "items.release_entry.reject"},
    )
    def reject(self, *, actor: User, reason: str, part: str = "") -> None:
        """Not released. `part` says what the reason is about, "" for the whole."""
        self._decide(actor, reason_given(reason))
        self.reason_part = part if part in Item.Part.values else ""

    @transition(
        field=state,
        source=State.IN_PROGRESS,
        target=State.WITHDRAWN,
        permission="items.submit_release",
        custom={"label": _("Withdraw"), "verb": "items.release_entry.withdraw"},
    )
    def withdraw(self, *, actor: User | System) -> None:
        """Taken back by the team."""
        self.decided_at = timezone.now()

    @transition(
        field=state,
        source=State.IN_PROGRESS,
        target=State.APPROVED,
        permission="items.submit_release",
        custom={"label": _("Release"), "verb": "items.release_entry.auto_approve"},
    )
    def auto_approve(self, *, actor: User) -> None:
        """Approved by an exemption."""
        self.decided_at = timezone.now()
