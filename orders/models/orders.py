"""Orders with their three axes."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField, transition

from console.lifecycle import state_check
from console.models import MiniProgram, Superapp, Team, TeamOwnedQuerySet
from items.models import Item
from payments.models import ProgramOwned


class Environment(models.IntegerChoices):
    """`env` of the wire formats."""

    LIVE = 0, _("Live")
    SANDBOX = 1, _("Sandbox")


class DeliveryState(models.TextChoices):
    """Where a push stands; shared by the order's delivery axis and by the delivery row itself."""

    NOT_DUE = "not_due", _("Not due")
    PENDING = "pending", _("Pending")
    DELIVERING = "delivering", _("Delivering")
    DELIVERED = "delivered", pgettext_lazy("state", "Delivered")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    HELD = "held", _("Held")
    CANCELLED = "cancelled", _("Cancelled")


#: What every query of a record begins with, and the order that most of them are in.
RECORD = ("mini_program", "kind", "env")
SUPERAPP_RECORD = ("superapp", "kind", "env")
NEWEST = ("-created_at", "-id")


class Order(ProgramOwned):
    """One purchase. Three independent axes: payment, delivery, refund (docs/domain.md, "Order"). Amounts in minor units."""

    class Kind(models.TextChoices):
        VIRTUAL = "virtual", _("Virtual payment")
        STANDARD = "standard", _("Standard payment")

    class Payment(models.TextChoices):
        CREATED = "created", pgettext_lazy("state", "Created")
        UNPAID = "unpaid", _("Unpaid")
        PAID = "paid", _("Paid")
        CLOSED = "closed", _("Closed")
        EXPIRED = "expired", _("Expired")
        FAILED = "failed", _("Failed")

    class RefundState(models.TextChoices):
        NONE = "none", _("None")
        PARTIALLY_REFUNDED = "partially_refunded", _("Partially refunded")
        REFUNDED = "refunded", _("Refunded")

    class Alert(models.TextChoices):
        """What somebody has to look at. A late payment stays one when another notification does not fit."""

        MISMATCH = "payment_mismatch"
        LATE = "paid_after_closing"
        LATE_AND_MISMATCH = "late_and_mismatch"
        DIFFERS = "differs_from_superapp"

    class PriceReading(models.TextChoices):
        """How the notification's ActualPrice was understood."""

        UNKNOWN = "", _("Not paid yet")
        UNIT = "unit", _("Unit price")
        TOTAL = "total", _("Total")

    # Their own indexes would only cost: the composite ones below begin with them, and nobody looks for a team's orders.
    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="orders", db_index=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.VIRTUAL)
    env = models.PositiveSmallIntegerField(choices=Environment.choices, default=Environment.LIVE)
    out_trade_no = models.CharField(_("order number"), max_length=32)
    open_id = models.CharField(_("open id"), max_length=128)
    item = models.ForeignKey(Item, null=True, on_delete=models.PROTECT, related_name="+")
    product_id = models.CharField(_("item ID"), max_length=64, blank=True, default="")
    product_name = models.CharField(_("item"), max_length=128, blank=True, default="")
    unit_price = models.PositiveBigIntegerField(default=0)
    quantity = models.PositiveIntegerField(default=1)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    merchant_no = models.CharField(_("merchant id"), max_length=64, blank=True, default="")
    platform = models.CharField(max_length=32, blank=True, default="")
    zone_id = models.CharField(max_length=64, blank=True, default="")
    attach = models.CharField(max_length=1024, blank=True, default="")
    method = models.CharField(max_length=40, blank=True, default="")
    sign_data = models.TextField(blank=True, default="", help_text="Byte for byte as signed.")
    pay_sig = models.CharField(max_length=64, blank=True, default="")
    signature = models.CharField(max_length=64, blank=True, default="")
    request_hash = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of what makes a request identical.")
    prepay_id = models.CharField(_("prepay id"), max_length=128, blank=True, default="")
    notify_url = models.CharField(
        max_length=2048, blank=True, default="", db_default="", help_text="Where a standard payment is told of; virtual: empty."
    )
    transaction_id = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="The superapp's number of a standard payment."
    )
    prepay_lease_until = models.DateTimeField(
        null=True, help_text="Somebody is asking the superapp until then, so nobody else does."
    )
    payment_state = FSMField(choices=Payment.choices, default=Payment.CREATED, protected=True)
    delivery_state = FSMField(choices=DeliveryState.choices, default=DeliveryState.NOT_DUE, protected=True)
    refund_state = FSMField(choices=RefundState.choices, default=RefundState.NONE, protected=True)
    paid_amount = models.PositiveBigIntegerField(default=0)
    price_reading = models.CharField(max_length=5, choices=PriceReading.choices, blank=True, default="")
    refunding_amount = models.PositiveBigIntegerField(default=0, help_text="Sum of refunds in Processing.")
    refunded_amount = models.PositiveBigIntegerField(default=0, help_text="Sum of refunds in Success.")
    alert = models.CharField(
        max_length=40,
        blank=True,
        default="",
        help_text="Code of the mismatch that needs a look, such as paid_after_closing.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mini_program", "env", "out_trade_no"], name="order_number_once"),
            state_check(
                "payment_state",
                ["created", "unpaid", "paid", "closed", "expired", "failed"],
                name="order_payment_known",
            ),
            state_check("delivery_state", DeliveryState.values, name="order_delivery_known"),
            state_check("refund_state", ["none", "partially_refunded", "refunded"], name="order_refund_known"),
            models.CheckConstraint(
                condition=Q(paid_amount__gte=F("refunding_amount") + F("refunded_amount")), name="refunds_within_paid"
            ),
            models.CheckConstraint(condition=~Q(payment_state="unpaid") | ~Q(prepay_id=""), name="unpaid_has_prepay_id"),
        ]
        # Each list has an index that gives its rows in their order (tests/orders/test_plans.py). States that few orders are in
        # have partial ones. The parts of order numbers have one that only PostgreSQL knows (orders/parts.py).
        indexes = [
            models.Index(fields=[*RECORD, *NEWEST], name="order_record"),
            models.Index(fields=[*RECORD, "-paid_at", "-id"], name="order_record_paid", condition=Q(paid_at__isnull=False)),
            models.Index(fields=[*RECORD, "payment_state", *NEWEST], name="order_record_payment"),
            models.Index(fields=[*RECORD, "delivery_state", *NEWEST], name="order_record_delivery"),
            models.Index(
                fields=[*RECORD, "refund_state", *NEWEST], name="order_record_refund", condition=~Q(refund_state="none")
            ),
            models.Index(fields=[*RECORD, "-amount", "-id"], name="order_record_amount"),
            models.Index(fields=["mini_program", "product_id", *NEWEST], name="order_product"),
            models.Index(fields=["mini_program", "superapp"], name="order_alerts", condition=~Q(alert="")),
            # The states are in it so that the count of the common ones, which have no index of their own here, reads no rows.
            models.Index(
                fields=[*SUPERAPP_RECORD, *NEWEST], name="superapp_record_states", include=["payment_state", "delivery_state"]
            ),
            models.Index(fields=[*SUPERAPP_RECORD, "-paid_at", "-id"], name="superapp_paid", condition=Q(paid_at__isnull=False)),
            models.Index(
                fields=[*SUPERAPP_RECORD, "payment_state", *NEWEST], name="superapp_payment", condition=~Q(payment_state="paid")
            ),
            models.Index(
                fields=[*SUPERAPP_RECORD, "delivery_state", *NEWEST],
                name="superapp_delivery",
                condition=~Q(delivery_state="delivered"),
            ),
            models.Index(
                fields=[*SUPERAPP_RECORD, "refund_state", *NEWEST], name="superapp_refund", condition=~Q(refund_state="none")
            ),
            # The operator class makes it serve "begins with" under any collation.
            models.Index(fields=["out_trade_no", "superapp"], name="order_number", opclasses=["varchar_pattern_ops", "int8_ops"]),
            models.Index(fields=["open_id"], name="order_open"),
            models.Index(fields=["prepay_id"], name="order_prepay", condition=~Q(prepay_id="")),
        ]

    def __str__(self) -> str:
        return self.out_trade_no

    @transition(
        field=payment_state,
        source=Payment.CREATED,
        target=Payment.UNPAID,
        custom={"label": _("Hold prepay id"), "verb": "orders.order.hold_prepay"},
    )
    def hold_prepay(self, *, actor: object, prepay_id: str) -> None:
        """The superapp answered with a prepay id."""
        self.prepay_id = prepay_id

    @transition(
        field=payment_state,
        source=[Payment.CREATED, Payment.UNPAID, Payment.CLOSED, Payment.EXPIRED, Payment.FAILED],
        target=Payment.PAID,
        custom={"label": _("Pay"), "verb": "orders.order.pay"},
    )
    def pay(self, *, actor: object, amount: int, reading: str) -> None:
        """Paid `amount` minor units; after closing it is recorded with an alert, never dropped."""
        if self.payment_state in {self.Payment.CLOSED, self.Payment.EXPIRED, self.Payment.FAILED}:
            self.alert = self.Alert.LATE
        self.paid_amount, self.price_reading, self.paid_at = amount, reading, timezone.now()

    @transition(
        field=payment_state,
        source=[Payment.CREATED, Payment.UNPAID],
        target=Payment.CLOSED,
        custom={"label": _("Close"), "verb": "orders.order.close"},
    )
    def close(self, *, actor: object) -> None:
        """Closed by the superapp."""
        self.closed_at = timezone.now()

    @transition(
        field=payment_state,
        source=[Payment.CREATED, Payment.UNPAID],
        target=Payment.EXPIRED,
        custom={"label": _("Expire"), "verb": "orders.order.expire"},
    )
    def expire(self, *, actor: object) -> None:
        """Not paid in time."""
        self.closed_at = timezone.now()

    @transition(
        field=payment_state,
        source=[Payment.CREATED, Payment.UNPAID],
        target=Payment.FAILED,
        custom={"label": _("Fail"), "verb": "orders.order.fail"},
    )
    def fail(self, *, actor: object) -> None:
        """The payment failed or the superapp refused the order."""
        self.closed_at = timezone.now()

    @transition(
        field=delivery_state,
        source=[DeliveryState.NOT_DUE, DeliveryState.HELD, DeliveryState.NEEDS_ATTENTION, DeliveryState.DELIVERING],
        target=DeliveryState.PENDING,
        custom={"label": _("Queue delivery"), "verb": "orders.order.queue_delivery"},
    )
    def queue_delivery(self, *, actor: object) -> None:
        """Due: paid, resumed, redelivered, or waiting for the next attempt."""

    @transition(
        field=delivery_state,
        source=[DeliveryState.NOT_DUE, DeliveryState.PENDING, DeliveryState.DELIVERING],
        target=DeliveryState.HELD,
        custom={"label": _("Hold delivery"), "verb": "orders.order.hold_delivery"},
    )
    def hold_delivery(self, *, actor: object) -> None:
        """Push is off or not configured."""

    @transition(
        field=delivery_state,
        source=DeliveryState.PENDING,
        target=DeliveryState.DELIVERING,
        custom={"label": _("Start delivery"), "verb": "orders.order.start_delivery"},
    )
    def start_delivery(self, *, actor: object) -> None:
        """A dispatcher has it in hand."""

    @transition(
        field=delivery_state,
        source=[DeliveryState.DELIVERING, DeliveryState.PENDING],
        target=DeliveryState.DELIVERED,
        custom={"label": _("Acknowledge delivery"), "verb": "orders.order.acknowledge_delivery"},
    )
    def acknowledge_delivery(self, *, actor: object) -> None:
        """The developer's backend acknowledged; final."""
        self.delivered_at = timezone.now()

    @transition(
        field=delivery_state,
        source=[DeliveryState.DELIVERING, DeliveryState.PENDING],
        target=DeliveryState.NEEDS_ATTENTION,
        custom={"label": _("Park delivery"), "verb": "orders.order.park_delivery"},
    )
    def park_delivery(self, *, actor: object) -> None:
        """The schedule ended without an acknowledgement."""

    @transition(
        field=delivery_state,
        source=[
            DeliveryState.NOT_DUE,
            DeliveryState.PENDING,
            DeliveryState.DELIVERING,
            DeliveryState.HELD,
            DeliveryState.NEEDS_ATTENTION,
        ],
        target=DeliveryState.CANCELLED,
        custom={"label": _("Cancel delivery"), "verb": "orders.order.cancel_delivery"},
    )
    def cancel_delivery(self, *, actor: object) -> None:
        """Fully refunded before delivery."""

    @transition(
        field=refund_state,
        source=[RefundState.NONE, RefundState.PARTIALLY_REFUNDED],
        target=RefundState.PARTIALLY_REFUNDED,
        custom={"label": _("Refund in part"), "verb": "orders.order.refund_in_part"},
    )
    def refund_in_part(self, *, actor: object) -> None:
        """Less than what was paid is refunded."""

    @transition(
        field=refund_state,
        source=[RefundState.NONE, RefundState.PARTIALLY_REFUNDED],
        target=RefundState.REFUNDED,
        custom={"label": _("Refund in full"), "verb": "orders.order.refund_in_full"},
    )
    def refund_in_full(self, *, actor: object) -> None:
        """All that was paid is refunded."""
