"""Requests that a superapp decides: what the four kinds share, and the three kinds of this app."""

from datetime import date
from functools import partial
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.errors import Refused
from console.lifecycle import state_check
from console.models import MiniProgram, Team, TeamOwned, TeamOwnedQuerySet, User
from console.permissions import System
from payments.models.merchants import Merchant

REASON_LIMIT = 500


class RequestQuerySet(TeamOwnedQuerySet):
    def pending(self) -> "RequestQuerySet":
        """In progress, oldest first: the order in which they are decided."""
        return self.filter(state=Request.State.IN_PROGRESS).order_by("requested_at", "pk")

    def in_force(self) -> "RequestQuerySet":
        """Approved or effective now."""
        return self.filter(state__in=[Request.State.APPROVED, Request.State.EFFECTIVE])


class Request(TeamOwned):
    """What the four kinds of request share, so that the approver's queue is one query over one table."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("Payment permission")
        MERCHANT_BINDING = "merchant_binding", _("Merchant binding")
        EXEMPTION = "exemption", _("Approval exemption")
        RELEASE = "release", _("Item release")

    class State(models.TextChoices):
        IN_PROGRESS = "in_progress", _("In progress")
        APPROVED = "approved", _("Approved")
        EFFECTIVE = "effective", _("Effective")
        PARTLY_APPROVED = "partly_approved", _("Partly approved")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")
        DISABLED = "disabled", _("Disabled")
        UNBOUND = "unbound", _("Unbound")
        REVOKED = "revoked", _("Revoked")

    class Part(models.TextChoices):
        """The field of the request's form that a rejection is about."""

        MESSAGE = "message", _("Message")
        MERCHANT = "merchant", _("Merchant")

    kind = models.CharField(max_length=20, choices=Kind.choices, editable=False)
    mini_program = models.ForeignKey(MiniProgram, null=True, on_delete=models.PROTECT, related_name="requests")
    state = FSMField(choices=State.choices, default=State.IN_PROGRESS, protected=True)
    message = models.CharField(_("message"), max_length=REASON_LIMIT, blank=True, default="")
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(_("reason"), max_length=REASON_LIMIT, blank=True, default="")
    reason_part = models.CharField(max_length=10, choices=Part.choices, blank=True, default="", db_default="")
    ended_at = models.DateTimeField(null=True, help_text="Cancelled, disabled, unbound or revoked at.")
    escalated_at = models.DateTimeField(null=True, help_text="The superapp's admins were told that it waits too long.")
    closed_at = models.GeneratedField(
        expression=Coalesce("ended_at", "decided_at"), output_field=models.DateTimeField(null=True), db_persist=True
    )
    content_hash = models.CharField(
        max_length=64, blank=True, default="", help_text="SHA-256 of the content that was shown and decided."
    )

    #: The kind that rows of a subclass are of.
    KIND: ClassVar[str] = ""

    objects = RequestQuerySet.as_manager()

    class Meta:
        constraints = [
            state_check(
                "state",
                [
                    "in_progress",
                    "approved",
                    "effective",
                    "partly_approved",
                    "rejected",
                    "cancelled",
                    "disabled",
                    "unbound",
                    "revoked",
                ],
                name="request_state_known",
            ),
            # Separation of duties, backed by the database (docs/roles.md).
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("requested_by")), name="request_not_decided_by_requester"
            ),
        ]
        indexes = [
            models.Index(fields=["superapp", "state", "requested_at", "id"], name="request_queue"),
            models.Index(fields=["superapp", "-closed_at", "-id"], name="request_closed"),
            models.Index(fields=["team", "kind", "-requested_at"], name="request_team"),
            models.Index(fields=["mini_program", "kind", "-requested_at"], name="request_mini_program"),
        ]

    def __str__(self) -> str:
        return f"{self.what} · {self.mini_program or self.team}"

    @property
    def what(self) -> str:
        """What is asked for, in words."""
        return self.get_kind_display()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The kind follows from the class; it is a column so that the queue can filter by it."""
        self.kind = self.KIND or self.kind
        super().save(*args, **kwargs)

    def as_kind(self) -> "Request":
        """The row of the kind's own table, whichever app it is in."""
        for relation in self._meta.related_objects:
            if relation.one_to_one and relation.parent_link:
                try:
                    return getattr(self, relation.get_accessor_name())  # type: ignore[arg-type]
                except ObjectDoesNotExist:
                    continue
        return self

    def editor_ids(self) -> set[int]:
        """People who edited the content under decision; kinds with content of their own override this."""
        return set()

    def decide(self, actor: "User | System", reason: str = "") -> None:
        """Note the decider. Raises Refused for one's own request and for members of the requesting team."""
        if isinstance(actor, System) or why_not_decide(self, actor):
            raise Refused(why_not_decide(self, actor) if isinstance(actor, User) else str(_("Only a person decides.")))
        self.decided_by, self.decided_at, self.reason = actor, timezone.now(), reason

    def grant(self) -> None:
        """What else an approval notes."""

    def close(self) -> None:
        """Nothing is open any more: another request may be made."""


def why_not_decide(request: Request, actor: User) -> str:
    """Why this person must not decide this request, in a sentence, or "" (separation of duties, docs/roles.md)."""
    if request.requested_by_id == actor.pk:
        return str(_("You made this request yourself, so someone else has to decide it."))
    if actor.team_memberships.filter(team_id=request.team_id).exists():
        return str(_("You are a member of the team that made this request, so someone else has to decide it."))
    if actor.pk in request.as_kind().editor_ids():
        return str(_("You edited what this request is about, so someone else has to decide it."))
    return ""


def reason_given(reason: str) -> str:
    """The trimmed reason. Raises Refused when it is empty or longer than REASON_LIMIT characters."""
    text = reason.strip()
    if not text:
        raise Refused(reason=str(_("Enter a reason. The requester reads it on the page and in the mail.")))
    if len(text) > REASON_LIMIT:
        raise Refused(
            reason=str(
                _("The reason has %(count)d characters; the limit is %(limit)d. Shorten it.")
                % {"count": len(text), "limit": REASON_LIMIT}
            )
        )
    return text


def answers(noun: str, *, asks: str, approved: Request.State = Request.State.APPROVED) -> tuple[Any, Any, Any]:
    """The moves approve, reject and cancel of a kind of request.

    Audit verbs call the kind `noun`; `asks` is the permission to make and to cancel such a request. A kind says in `grant` and
    `close` what it notes beside the decision.
    """
    answer = partial(transition, field="state", source=Request.State.IN_PROGRESS)

    def words(name: str, label: Any) -> dict[str, Any]:
        return {"label": label, "verb": f"payments.{noun}.{name}"}

    @answer(target=approved, permission="payments.decide", custom=words("approve", _("Approve")))
    def approve(self: Request, *, actor: User, reason: str = "", **limits: Any) -> None:
        self.decide(actor, reason.strip())
        self.grant(**limits)

    @answer(target=Request.State.REJECTED, permission="payments.decide", custom=words("reject", _("Reject")))
    def reject(self: Request, *, actor: User, reason: str) -> None:
        self.decide(actor, reason_given(reason))
        self.close()

    @answer(target=Request.State.CANCELLED, permission=asks, custom=words("cancel", _("Cancel request")))
    def cancel(self: Request, *, actor: User) -> None:
        self.ended_at = timezone.now()
        self.close()

    return approve, reject, cancel


class PaymentRequest(Request):
    """A team asks that one mini program may take payments of one type."""

    KIND = Request.Kind.PAYMENT

    class Type(models.TextChoices):
        VIRTUAL = "virtual", _("Virtual payment")
        STANDARD = "standard", _("Standard payment")

    type = models.CharField(max_length=10, choices=Type.choices)
    program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="payment_requests")
    open = models.BooleanField(
        default=True, null=True, help_text="True while in progress or approved, then NULL: one open request at a time."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "type", "open"], name="one_open_payment_request")]

    @property
    def what(self) -> str:
        """The two payments told apart."""
        return str(_("Standard payment permission")) if self.type == self.Type.STANDARD else super().what

    approve, reject, cancel = answers("payment_request", asks="payments.request_payment")

    @transition(
        field="state",
        source=Request.State.APPROVED,
        target=Request.State.DISABLED,
        permission="payments.intervene",
        custom={"label": _("Disable payment"), "verb": "payments.payment_request.disable"},
    )
    def disable(self, *, actor: User, reason: str) -> None:
        """The superapp stops the payments of this mini program."""
        self.reason, self.ended_at = reason_given(reason), timezone.now()
        self.close()

    def close(self) -> None:
        """Another request of the same type may be made."""
        self.open = None


class MerchantBinding(Request):
    """A team asks to be paid through a merchant; a newer effective binding replaces the older one."""

    KIND = Request.Kind.MERCHANT_BINDING

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="bindings")
    bound_team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="merchant_bindings")
    effective = models.BooleanField(
        default=None, null=True, help_text="True while effective, else NULL: one effective binding a team."
    )
    pending = models.BooleanField(
        default=True, null=True, help_text="True while in progress, else NULL: one pending binding a team."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bound_team", "effective"], name="one_effective_binding"),
            models.UniqueConstraint(fields=["bound_team", "pending"], name="one_pending_binding"),
        ]

    approve, reject, cancel = answers("merchant_binding", approved=Request.State.EFFECTIVE, asks="payments.bind_merchant")

    @transition(
        field="state",
        source=Request.State.EFFECTIVE,
        target=Request.State.UNBOUND,
        permission="payments.bind_merchant",
        custom={"label": _("Unbind"), "verb": "payments.merchant_binding.unbind"},
    )
    def unbind(self, *, actor: User | System) -> None:
        """No longer in force; selling is suspended until another one is."""
        self.effective, self.ended_at = None, timezone.now()

    def grant(self) -> None:
        """The team settles through this merchant from now on. The action unbinds the previous one first."""
        self.effective = True
        self.close()

    def close(self) -> None:
        """Another binding may be asked for."""
        self.pending = None


class ExemptionRequest(Request):
    """A team asks to release the items of one mini program without review."""

    KIND = Request.Kind.EXEMPTION

    program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="exemption_requests")
    open = models.BooleanField(
        default=True, null=True, help_text="True while in progress or approved, then NULL: one open request at a time."
    )
    price_ceiling = models.PositiveIntegerField(
        null=True, help_text="Minor units of `ceiling_currency`; dearer items are reviewed."
    )
    ceiling_currency = models.CharField(max_length=3, blank=True, default="")
    items_per_day = models.PositiveIntegerField(null=True, help_text="Items released without review on one day (UTC).")
    last_day = models.DateField(null=True, help_text="The exemption holds until the end of this day (UTC).")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "open"], name="one_open_exemption_request")]

    @property
    def is_over(self) -> bool:
        """Whether its last day is past (UTC)."""
        return self.last_day is not None and self.last_day < timezone.now().date()

    approve, reject, cancel = answers("exemption_request", asks="payments.request_exemption")

    @transition(
        field="state",
        source=Request.State.APPROVED,
        target=Request.State.REVOKED,
        permission="payments.intervene",
        custom={"label": _("Revoke"), "verb": "payments.exemption_request.revoke"},
    )
    def revoke(self, *, actor: User, reason: str) -> None:
        """Releases submitted from now on are reviewed again."""
        self.reason, self.ended_at = reason_given(reason), timezone.now()
        self.close()

    def grant(
        self,
        *,
        price_ceiling: int | None = None,
        ceiling_currency: str = "",
        items_per_day: int | None = None,
        last_day: date | None = None,
    ) -> None:
        """Releases submitted from now on need no review, within the limits; the action has checked those."""
        self.price_ceiling, self.ceiling_currency = price_ceiling, ceiling_currency
        self.items_per_day, self.last_day = items_per_day, last_day

    def close(self) -> None:
        """Another exemption may be asked for."""
        self.open = None


class ProgramOwned(TeamOwned):
    """A row of one mini program; team and superapp are copied from it so that lists need no join."""

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="%(class)ss")

    class Meta:
        abstract = True


def owners_of(program: MiniProgram) -> dict[str, Any]:
    """The three foreign keys of a row that belongs to `program`."""
    return {"mini_program": program, "team_id": program.team_id, "superapp_id": program.superapp_id}
