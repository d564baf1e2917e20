"""What a superapp's own list of transactions says otherwise, day by day (docs/openserver.md, "Reconciliation")."""

from django.db import models

from console.models import MiniProgram, Superapp
from orders.models.orders import Order


class Reconciliation(models.Model):
    """One day (UTC) of a superapp, compared with its list. While something differs it is compared again for a week."""

    class State(models.TextChoices):
        WAITING = "waiting"
        AGREES = "agrees"
        DIFFERS = "differs"
        FAILED = "failed"

    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    found = models.PositiveIntegerField(default=0, help_text="Differences, also those beyond the ones that are kept.")
    fault = models.CharField(max_length=300, blank=True, default="", help_text="Why the list could not be had.")
    compared_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, help_text="To be compared then; while it is compared, the end of the lease.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["superapp", "day"], name="one_reconciliation_a_day")]
        indexes = [models.Index(fields=["next_at"], name="reconciliation_due", condition=models.Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.superapp} {self.day}"


class Difference(models.Model):
    """One transaction that the two sides do not tell alike. Without an order it is known to the superapp only."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here"
        MISSING_THERE = "missing_there"
        AMOUNT = "amount"
        STATE = "state"
        REFUNDS = "refunds"

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+")
    mini_program = models.ForeignKey(MiniProgram, null=True, on_delete=models.CASCADE, related_name="+")
    order = models.ForeignKey(Order, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    app_id = models.CharField(max_length=64)
    env = models.SmallIntegerField()
    out_trade_no = models.CharField(max_length=64)
    ours = models.CharField(max_length=64, help_text="What stands here: a state, or an amount in minor units.")
    theirs = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.out_trade_no} {self.kind}"
