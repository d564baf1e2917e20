"""How old the read replica is (console/replica.py)."""

from django.db import models
from django.db.models import Q


class ReplicaMark(models.Model):
    """One row that the primary database renews every few seconds: what the replica shows of it says how old all of it is."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField(help_text="By the clock of the primary database.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_replica_mark")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
