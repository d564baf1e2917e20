"""After-sales records."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.lifecycle import state_check
from console.models import TeamOwnedQuerySet
from orders.models.orders import Environment, Order
from payments.models import ProgramOwned


class Refund(ProgramOwned):
    """An after-sales record; refunds start in the superapp. Amount in minor units of the order's currency."""

    class State(models.TextChoices):
        PROCESSING = "processing", _("Processing")
        SUCCESS = "success", _("Success")
        CLOSED = "closed", _("Closed")
        FAILED = "failed", _("Failed")

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    kind = models.CharField(max_length=10, choices=Order.Kind.choices, default=Order.Kind.VIRTUAL)
    env = models.PositiveSmallIntegerField(choices=Environment.choices, default=Environment.LIVE)
    refund_no = models.CharField(_("refund number"), max_length=64)
    out_trade_no = models.CharField(_("order number"), max_length=32)
    open_id = models.CharField(_("open id"), max_length=128, blank=True, default="")
    product_id = models.CharField(
        _("item ID"), max_length=64, blank=True, default="", db_default="", help_text="The order's, which never changes."
    )
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    cause = models.CharField(_("reason"), max_length=256, blank=True, default="")
    state = FSMField(choices=State.choices, default=State.PROCESSING, protected=True)
    started_at = models.DateTimeField(_("refund initiated"))
    succeeded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mini_program", "refund_no"], name="refund_number_once"),
            models.CheckConstraint(condition=Q(amount__gte=1), name="refund_amount_positive"),
            state_check("state", ["processing", "success", "closed", "failed"], name="refund_state_known"),
        ]
        indexes = [
            models.Index(fields=["mini_program", "kind", "env", "-started_at", "-id"], name="refund_record"),
            models.Index(fields=["superapp", "kind", "env", "-started_at", "-id"], name="superapp_refund_record"),
            models.Index(fields=["mini_program", "kind", "env", "-created_at", "-id"], name="refund_recorded"),
            models.Index(fields=["superapp", "kind", "env", "-created_at", "-id"], name="superapp_refund_recorded"),
            # Nearly all succeed: those that did not are few, and in no way found by the lists above.
            models.Index(
                fields=["mini_program", "kind", "env", "state", "-started_at", "-id"], name="refund_record_state",
                condition=~Q(state="success"),
            ),
            models.Index(
                fields=["superapp", "kind", "env", "state", "-started_at", "-id"], name="superapp_refund_state",
                condition=~Q(state="success"),
            ),
            models.Index(
                fields=["mini_program", "kind", "env", "product_id", "-started_at", "-id"], name="refund_record_product"
            ),
            models.Index(fields=["refund_no"], name="refund_number", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["out_trade_no"], name="refund_order", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.refund_no

    @transition(
        field=state,
        source=State.PROCESSING,
        target=State.SUCCESS,
        custom={"label": _("Succeed"), "verb": "orders.refund.succeed"},
    )
    def succeed(self, *, actor: object, at: datetime) -> None:
        """The money is back with the player."""
        self.succeeded_at = at

    @transition(
        field=state,
        source=State.PROCESSING,
        target=State.CLOSED,
        custom={"label": _("Close"), "verb": "orders.refund.close"},
    )
    def close(self, *, actor: object) -> None:
        """Not carried out."""

    @transition(
        field=state,
        source=State.PROCESSING,
        target=State.FAILED,
        custom={"label": _("Fail"), "verb": "orders.refund.fail"},
    )
    def fail(self, *, actor: object) -> None:
        """Could not be carried out."""
