"""The figures of what is settled, so that no page counts a table (docs/figures.md)."""

from django.db import models
from django.db.models import Case, F, Sum, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Greatest

from console.models import MiniProgram
from orders.models.orders import Environment, Order

#: Minutes of a bucket. Days of a zone whose offset is no whole hour begin at a quarter; days of all others are sums of hours.
QUARTER, HOUR = 15, 60
#: What is counted in a bucket.
MEASURES = (
    "orders", "standard", "paid", "paid_amount", "due", "delivered", "at_first", "within_5s", "within_1m", "within_1h",
    "refunds", "refunded_amount",
)  # fmt: skip


class Figures(models.Model):
    """What happened in one bucket of UTC, which begins at `start`. Amounts in minor units of `currency`.

    Orders count when they were placed, payments and all about their delivery when they were paid, refunds when they were
    initiated. Only `orders.rollups` writes them.
    """

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="+", db_index=False)
    env = models.PositiveSmallIntegerField(choices=Environment.choices)
    currency = models.CharField(max_length=3)
    start = models.DateTimeField()
    orders = models.PositiveIntegerField(default=0)
    standard = models.PositiveIntegerField(default=0, db_default=0, help_text="Of the orders: those of standard payment.")
    paid = models.PositiveIntegerField(default=0)
    paid_amount = models.PositiveBigIntegerField(default=0)
    refunds = models.PositiveIntegerField(default=0, help_text="Successful ones.")
    refunded_amount = models.PositiveBigIntegerField(default=0)
    due = models.PositiveIntegerField(default=0, help_text="Of the paid ones: to be delivered, and not cancelled by a refund.")
    delivered = models.PositiveIntegerField(default=0, help_text="Of the due ones.")
    at_first = models.PositiveIntegerField(default=0, help_text="Of the delivered ones: acknowledged at the first attempt.")
    within_5s = models.PositiveIntegerField(default=0, help_text="Of the delivered ones: so soon after the payment.")
    within_1m = models.PositiveIntegerField(default=0, help_text="As within_5s, which it contains.")
    within_1h = models.PositiveIntegerField(default=0, help_text="As within_1m, which it contains.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.mini_program} {self.start}"


class Rollup(Figures):
    """A bucket of a whole hour, and of a quarter of it, `minutes` long.

    Orders of both kinds are counted together. The previous version had a row for each kind, and has them still where it made
    them; ours say "virtual", so that it counts them while it runs beside us. `kind` goes a release later.
    """

    minutes = models.PositiveSmallIntegerField(choices=[(QUARTER, "15"), (HOUR, "60")])
    kind = models.CharField(max_length=10, choices=Order.Kind.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mini_program", "minutes", "env", "kind", "start", "currency"],
                name="rollup_once",
            )
        ]
        indexes = [
            # The buckets of one program are written days apart and lie on as many pages: a page of figures reads this alone.
            # On PostgreSQL rollup_quarters is beside it, in which the quarters of one time of day lie together.
            models.Index(
                fields=["mini_program", "env", "start"],
                include=[*MEASURES, "kind", "currency"],  # what has one width first: the rest of a row is found sooner
                condition=models.Q(minutes=HOUR),
                name="rollup_hours",
            )
        ]

    def __str__(self) -> str:
        return f"{super().__str__()} +{self.minutes}"


class RecentQuarter(Figures):
    """A quarter of the hour in progress. When the hour is whole, it is made anew from the rows and these go.

    They have a table of their own: the previous version makes whole hours, and would fail where it finds a part of one.
    """

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mini_program", "env", "start", "currency"], name="recent_quarter_once")]


#: What a row holds, by measure; those of the previous version do not say `standard`.
HELD: dict[str, Combinable] = {name: F(name) for name in MEASURES} | {
    "standard": Case(When(kind=Order.Kind.STANDARD, then=F("orders")), default=F("standard"))
}


def total(held: str | Combinable) -> Cast:
    """The sum. PostgreSQL adds up bigint as numeric, which takes longer to read and which a prepared query hands on as it is."""
    return Cast(Sum(held), models.BigIntegerField())


#: The sums of what rows hold.
SUMS = {f"sum_{name}": total(held) for name, held in HELD.items()}


class RollupProgress(models.Model):
    """How far the figures are made; the one row is locked by whoever makes them."""

    until = models.DateTimeField(null=True, help_text="What happened before is in Rollup. A whole hour.")
    quarters_until = models.DateTimeField(null=True, help_text="What happened since then, and before this, is in RecentQuarter.")

    def __str__(self) -> str:
        return str(self.until)


#: What happened before is in Rollup or RecentQuarter. The previous version, which has hours only, may have come further.
MADE = Greatest("until", Coalesce("quarters_until", "until"))


class LateChange(models.Model):
    """Something that happened so long ago that its figures may be made already has changed since.

    Triggers of the database write it, in the transaction of the change (orders/late_changes.py).
    """

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    at = models.DateTimeField(help_text="When it happened: the moment that it counts at.")

    def __str__(self) -> str:
        return f"{self.mini_program_id} {self.at}"
