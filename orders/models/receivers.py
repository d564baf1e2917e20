"""What dispatchers know together: endpoints in trouble, and who is at work."""

from django.db import models
from django.utils import timezone

from console.models import MiniProgram
from orders.models.orders import Environment


class Receiver(models.Model):
    """An endpoint that is not simply well: the columns of orders.breaker.Health. A healthy one has no row.

    A mini program has at most 17 endpoints in each environment (orders.lanes), so the rows are bounded.
    """

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.CASCADE, related_name="+")
    env = models.PositiveSmallIntegerField(choices=Environment.choices)
    lane = models.PositiveSmallIntegerField(default=0, help_text="As in Delivery.")
    failures = models.PositiveIntegerField(default=0)
    rests = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    recovering_since = models.DateTimeField(null=True)
    paced_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mini_program", "env", "lane"], name="one_receiver_an_endpoint")]

    def __str__(self) -> str:
        return f"{self.mini_program} {self.get_env_display()}"


class Heartbeat(models.Model):
    """A dispatcher that is at work, or was: it writes every few seconds. The health page reads it."""

    name = models.CharField(max_length=200, unique=True, help_text="Host, process and thread.")
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
