"""Mail that must not be lost."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class OutgoingMail(models.Model):
    """A plain-text mail on its way: written in the transaction of what it tells, sent by console.mail, kept as a record."""

    recipient = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, null=True, help_text="NULL once sent or given up.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(sent_at=None), name="outgoing_mail_due")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.recipient}"
