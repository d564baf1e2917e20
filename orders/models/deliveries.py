"""What superapps told us, and what developers must acknowledge."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.lifecycle import state_check
from console.models import MiniProgram, TeamOwnedQuerySet
from orders.models.orders import DeliveryState, Environment, Order
from orders.models.refunds import Refund
from payments.models import ProgramOwned


class Notification(models.Model):
    """What a superapp told openServer, byte for byte, and what was made of it. Nothing that came in is thrown away."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("Payment")
        REFUND = "refund", _("Refund")
        CLOSING = "closing", _("Closing")

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        DUPLICATE = "duplicate", _("Duplicate")
        UNKNOWN_ORDER = "unknown_order", _("Unknown order")
        MISMATCH = "mismatch", _("Does not fit the order")
        BAD_SIGNATURE = "bad_signature", _("Wrong signature")
        ARCHIVED = "archived", _("Order archived")

    superapp = models.ForeignKey("console.Superapp", on_delete=models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="notifications")
    # Without constraint and index: adding them would lock a large table, and few rows have one.
    mini_program = models.ForeignKey(
        MiniProgram, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False,
        help_text="Whose archived order it is about; else the order says whose.",
    )  # fmt: skip
    kind = models.CharField(max_length=10, choices=Kind.choices)
    env = models.PositiveSmallIntegerField(choices=Environment.choices, default=Environment.LIVE)
    out_trade_no = models.CharField(max_length=64)
    event = models.CharField(max_length=64)
    pay_model = models.CharField(max_length=64, blank=True, default="")
    payload = models.TextField()
    pay_event_sig = models.CharField(max_length=128)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    detail = models.CharField(max_length=300, blank=True, default="", help_text="What did not fit, in a sentence.")
    code = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The error code that a refund was refused with."
    )
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["superapp", "env", "out_trade_no"], name="notification_unmatched", condition=Q(order=None)),
            models.Index(
                fields=["order"], name="notification_suspicious", condition=Q(verdict__in=["mismatch", "bad_signature"])
            ),
            # The mismatch desk: what fits is in no index of it.
            models.Index(
                fields=["superapp", "verdict", "kind", "-received_at"],
                name="notification_desk",
                condition=Q(verdict__in=["mismatch", "unknown_order"]),
            ),
            models.Index(fields=["superapp", "-received_at"], name="notification_archived", condition=Q(verdict="archived")),
            models.Index(
                fields=["superapp", "-received_at"], name="notification_unsigned", condition=Q(verdict="bad_signature")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.out_trade_no}"

    @property
    def is_standard(self) -> bool:
        """Whether it tells of a standard payment: then `payload` is the whole body, and nothing inside it is signed."""
        return self.event.startswith(("TRANSACTION.", "REFUND."))


class Delivery(ProgramOwned):
    """The outbox: one event that the developer's backend must acknowledge. This table is the queue of record."""

    class Event(models.TextChoices):
        GOODS = "goods", _("Item delivery")
        REFUND = "refund", _("Refund")
        TEST = "test", _("Test push")
        CLOSING = "closing", _("Closing")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, help_text="The webhook-id: stable over all attempts.")
    order = models.ForeignKey(Order, null=True, on_delete=models.PROTECT, related_name="deliveries")
    refund = models.ForeignKey(Refund, null=True, on_delete=models.PROTECT, related_name="deliveries")
    event = models.CharField(max_length=10, choices=Event.choices)
    env = models.PositiveSmallIntegerField(choices=Environment.choices, default=Environment.LIVE)
    url = models.CharField(
        max_length=2048, blank=True, default="", db_default="", help_text="The order's notify_url; empty: where the push goes."
    )
    lane = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Tells the endpoints of a mini program apart (orders.lanes); 0: where the push goes."
    )
    body = models.TextField(help_text="The JSON that is posted, the same in every attempt.")
    state = FSMField(choices=DeliveryState.choices, default=DeliveryState.PENDING, protected=True)
    first_due_at = models.DateTimeField(
        default=timezone.now, help_text="Start of the present schedule; a redelivery starts it anew."
    )
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    attempt_number = models.PositiveIntegerField(
        default=0, help_text="Of the newest attempt; a result of an older one is fenced off."
    )
    schedule_step = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    acknowledged_at = models.DateTimeField(null=True)

    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        constraints = [
            state_check("state", DeliveryState.values, name="delivery_state_known"),
            # The mini program is the order's; it is in every constraint so that rows can be spread by it (docs/scale.md).
            models.UniqueConstraint(
                fields=["mini_program", "order"], condition=Q(event="goods"), name="one_goods_delivery_an_order"
            ),
            models.UniqueConstraint(fields=["mini_program", "refund"], condition=Q(event="refund"), name="one_delivery_a_refund"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["lease_until"], name="delivery_leased", condition=Q(state="delivering")),
            models.Index(fields=["id"], name="delivery_parked", condition=Q(state="needs_attention")),
            models.Index(fields=["mini_program", "state"], name="delivery_program_state"),
            models.Index(fields=["mini_program", "-created_at", "-id"], name="delivery_list"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} {self.order or self.uid}"

    @property
    def event_name(self) -> str:
        """The event for people; what is told of a standard payment delivers no item."""
        return str(_("Payment")) if self.url and self.event == self.Event.GOODS else self.get_event_display()

    @property
    def needed_to_read(self) -> tuple[str, ...]:
        """What a reader of its body has to hold besides: it tells of an order or a refund. A test push tells of neither."""
        if self.order_id is None:
            return ()
        refund = ("orders.view_refund",) if self.event == self.Event.REFUND else ()
        return ("orders.view_attempt", *refund)

    @transition(
        field=state,
        source=DeliveryState.PENDING,
        target=DeliveryState.DELIVERING,
        custom={"label": _("Claim"), "verb": "orders.delivery.claim"},
    )
    def claim(self, *, actor: object) -> None:
        """A dispatcher has it in hand until its lease ends."""

    @transition(
        field=state,
        source=DeliveryState.DELIVERING,
        target=DeliveryState.DELIVERED,
        custom={"label": _("Acknowledge"), "verb": "orders.delivery.acknowledge"},
    )
    def acknowledge(self, *, actor: object) -> None:
        """Final."""
        self.acknowledged_at = timezone.now()

    @transition(
        field=state,
        source=DeliveryState.DELIVERING,
        target=DeliveryState.PENDING,
        custom={"label": _("Retry"), "verb": "orders.delivery.retry"},
    )
    def retry(self, *, actor: object) -> None:
        """Not acknowledged; the schedule goes on."""

    @transition(
        field=state,
        source=DeliveryState.DELIVERING,
        target=DeliveryState.NEEDS_ATTENTION,
        custom={"label": _("Park"), "verb": "orders.delivery.park"},
    )
    def park(self, *, actor: object) -> None:
        """The schedule ended."""

    @transition(
        field=state,
        source=[DeliveryState.PENDING, DeliveryState.DELIVERING],
        target=DeliveryState.HELD,
        custom={"label": _("Hold"), "verb": "orders.delivery.hold"},
    )
    def hold(self, *, actor: object) -> None:
        """Push was switched off."""

    @transition(
        field=state,
        source=DeliveryState.HELD,
        target=DeliveryState.PENDING,
        custom={"label": _("Resume"), "verb": "orders.delivery.resume"},
    )
    def resume(self, *, actor: object) -> None:
        """Push was switched on."""

    @transition(
        field=state,
        source=DeliveryState.NEEDS_ATTENTION,
        target=DeliveryState.PENDING,
        permission="orders.redeliver",
        custom={"label": _("Redeliver"), "verb": "orders.delivery.redeliver"},
    )
    def redeliver(self, *, actor: object) -> None:
        """A person starts the schedule anew."""
        self.first_due_at = self.next_attempt_at = timezone.now()
        self.schedule_step = 0

    @transition(
        field=state,
        source=[DeliveryState.PENDING, DeliveryState.DELIVERING, DeliveryState.HELD, DeliveryState.NEEDS_ATTENTION],
        target=DeliveryState.CANCELLED,
        custom={"label": _("Cancel"), "verb": "orders.delivery.cancel"},
    )
    def cancel(self, *, actor: object) -> None:
        """Fully refunded before it was acknowledged."""


class Attempt(models.Model):
    """One POST and what came back. Durations in milliseconds; the answer is kept as at most 256 safe characters."""

    class Outcome(models.TextChoices):
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        REFUSED = "refused", _("Answered, refused")
        BAD_STATUS = "bad_status", _("Answered with an error status")
        BAD_BODY = "bad_body", _("Answered, not understood")
        NO_ANSWER = "no_answer", _("No answer")
        DESTINATION = "destination", _("Destination refused")
        NOT_CONFIGURED = "not_configured", _("No address configured")

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    # As of a notification: without constraint and index. Empty in attempts that were written before it was there.
    mini_program = models.ForeignKey(
        MiniProgram, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False,
        help_text="The delivery's.",
    )  # fmt: skip
    number = models.PositiveIntegerField()
    url = models.CharField(max_length=2048)
    request_headers = models.JSONField(default=dict)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    status = models.PositiveSmallIntegerField(null=True)
    return_code = models.CharField(max_length=64, blank=True, default="")
    answer = models.CharField(max_length=256, blank=True, default="")
    error = models.CharField(max_length=40, blank=True, default="", help_text="Error class of console.http.")
    durations = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mini_program", "delivery", "number"], name="attempt_number_once")]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number} {self.outcome}"

    @property
    def stages(self) -> list[tuple[str, float]]:
        """The name and the milliseconds of each stage that ended, in their order."""
        names = {"dns": _("Name lookup"), "connect": _("Connection"), "tls": _("TLS"), "first_byte": _("First byte")}
        return [(str(label), self.durations[name]) for name, label in names.items() if name in self.durations]


class DeliveryAlert(models.Model):
    """When a team was last told by mail that deliveries of a mini program fail: one mail a level, not one an order."""

    class Level(models.TextChoices):
        SIXTH_FAILURE = "sixth_failure", _("Six failures")
        DAY = "day", _("24 hours")
        WEEK = "week", _("7 days")
        ENDED = "ended", _("Schedule ended")

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.CASCADE, related_name="delivery_alerts")
    level = models.CharField(max_length=20, choices=Level.choices)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mini_program", "level"], name="one_delivery_alert_a_level")]

    def __str__(self) -> str:
        return f"{self.mini_program} {self.level}"
