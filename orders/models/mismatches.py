"""What the mismatch desk keeps of its own: prices that were refused, and what people settled."""

from django.db import models
from django.utils import timezone

from console.models import MiniProgram, Superapp, Team, User
from console.permissions import Scope
from payments.models import ProgramOwned


class PriceRefusal(ProgramOwned):
    """How often live orders of an item were refused on one day (UTC) because they asked the same other price.

    A row each would let a caller fill the table. Prices in minor units, of one piece. Without a `product_id` the row counts what
    came on a day that had refusals of too many kinds already.
    """

    # Their own indexes would only cost: the two below begin with them.
    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="price_refusals", db_index=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    product_id = models.CharField(max_length=64, blank=True, default="")
    asked_price = models.PositiveBigIntegerField(default=0)
    asked_currency = models.CharField(max_length=3, blank=True, default="")
    price = models.PositiveBigIntegerField(default=0, help_text="Of the item when it was refused last.")
    currency = models.CharField(max_length=3, blank=True, default="")
    times = models.PositiveIntegerField(default=0)
    last_number = models.CharField(max_length=32, blank=True, default="", help_text="Of the newest order that was refused.")
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mini_program", "day", "product_id", "asked_price", "asked_currency"], name="price_refusal_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["superapp", "-day", "-id"], name="price_refusal_superapp")]

    def __str__(self) -> str:
        return self.product_id


class Settlement(models.Model):
    """A mismatch that somebody looked into and settled: the desk leaves it out. Without a mini program it is the superapp's.

    Reopening deletes the row; the activity keeps both. `subject` is the id of an order, a notification or a price refusal, as the
    case says. It is no foreign key: what it is about may leave the table by its age, and the desk looks back 90 days only.
    """

    # Cases that come back when their order moves on (docs/records.md, "Settling").
    UNDELIVERED, WAITING, HELD, PAYMENT = "undelivered", "waiting", "held", "payment"
    #: Those that a redelivery is for.
    FAILING = (UNDELIVERED, WAITING)

    case = models.CharField(max_length=20)
    subject = models.BigIntegerField()
    label = models.CharField(max_length=64, help_text="What the case is about, for the activity.")
    mini_program = models.ForeignKey(MiniProgram, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+", db_index=False)
    note = models.CharField(max_length=500)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "subject"], name="one_settlement_a_case")]
        indexes = [
            models.Index(fields=["mini_program", "case", "-settled_at"], name="settlement_program"),
            models.Index(fields=["superapp", "case", "-settled_at"], name="settlement_superapp"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def scope(self) -> Scope:
        """The team whose case it was, or the superapp."""
        return Scope(self.team_id, self.superapp_id)
