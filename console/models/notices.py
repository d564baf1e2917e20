"""News for a person: a row that the bell counts, sent by mail as the person chose."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.models.people import User


class Notice(models.Model):
    """One piece of news, written in the reader's language when it happened."""

    class Kind(models.TextChoices):
        DECISION = "decision", _("Decisions about my requests")
        REQUEST = "request", _("New requests that I may decide")
        WAITING = "waiting", _("Requests that wait too long")
        EXPORT = "export", _("Exports that are ready or failed")
        RECONCILIATION = "reconciliation", _("Differences with the superapp's list of transactions")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    subject = models.CharField(max_length=200)
    body = models.TextField(blank=True, default="")
    url = models.CharField(max_length=300, blank=True, default="", help_text="A path of the console.")
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    digest = models.BooleanField(default=False, help_text="Waits for the reader's daily mail.")
    digested_at = models.DateTimeField(null=True, help_text="The daily mail that held it was queued then.")

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_user"),
            models.Index(fields=["user"], name="notice_unread", condition=Q(read_at=None)),
            models.Index(fields=["user"], name="notice_digest", condition=Q(digest=True)),
        ]

    def __str__(self) -> str:
        return self.subject


class NoticeChoice(models.Model):
    """How a person wants to hear of one kind of news; without a row, console.notices.USUAL says it."""

    class Way(models.TextChoices):
        AT_ONCE = "at_once", _("A mail at once")
        DAILY = "daily", _("One mail a day")
        CONSOLE = "console", _("In the console only")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notice_choices")
    kind = models.CharField(max_length=20, choices=Notice.Kind.choices)
    way = models.CharField(max_length=20, choices=Way.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_of_a_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_way_display()}"
