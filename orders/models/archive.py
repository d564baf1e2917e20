"""What stays of orders that went into the archive (docs/scale.md, "Retention and archive").

Numbers count once, for ever: a trigger after the insert refuses an order or a refund whose number is one of these
(orders/archive_guard.py), so the order path asks nothing for it.
"""

from django.db import models
from django.utils import timezone

from console.models import MiniProgram, Superapp
from console.permissions import Scope
from orders.models.orders import Environment, Order


class Archive(models.Model):
    """One file of the archive: orders of one superapp, kind and environment that were created in one month (UTC).

    A month has as many files as it took. `totals` are minor units by currency: {"USD": {"amount", "paid", "refunded"}}; of the
    file, `sha256` is that of its bytes as they are stored.
    """

    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="+")
    month = models.DateField(help_text="Its first day.")
    kind = models.CharField(max_length=10, choices=Order.Kind.choices)
    env = models.PositiveSmallIntegerField(choices=Environment.choices)
    orders = models.PositiveIntegerField()
    refunds = models.PositiveIntegerField()
    totals = models.JSONField()
    file = models.CharField(max_length=255, unique=True, help_text="Its name in the store.")
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.file

    @property
    def scope(self) -> Scope:
        """The superapp whose orders they were."""
        return Scope(None, self.superapp_id)


class ArchivedOrder(models.Model):
    """The tombstone of an order: its number is never used again."""

    # The number first: it is looked for in all of a superapp too. The long columns first: a row of the heap is padded less.
    pk = models.CompositePrimaryKey("out_trade_no", "mini_program_id", "env")
    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="+", db_index=False)
    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="order_numbers", db_index=False)
    env = models.PositiveSmallIntegerField(choices=Environment.choices)
    out_trade_no = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.out_trade_no


class ArchivedRefund(models.Model):
    """The tombstone of a refund: its number is never used again."""

    pk = models.CompositePrimaryKey("refund_no", "mini_program_id")
    mini_program = models.ForeignKey(MiniProgram, on_delete=models.PROTECT, related_name="+", db_index=False)
    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="refund_numbers", db_index=False)
    refund_no = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.refund_no
