"""Mail leaves by rows: written in the transaction of what they tell, sent after it, again until a server accepted them.

`queue_mail()` is for everybody. `send_due()` is shared with mails that need rows of their own (payments.mailing). A crash between
the server's yes and our note sends the identical mail again: the same Message-ID, date and parts.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import Message
from email.utils import format_datetime, parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import models
from django.utils import timezone

from console.celery import app
from console.models import OutgoingMail

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
#: Longer than a mail server may take (settings.EMAIL_TIMEOUT), so that two workers do not send one row at once.
LEASE = timedelta(minutes=2)
GIVE_UP_AFTER = 40  # attempts: a day and a half
BATCH = 50

log = structlog.get_logger(__name__)


class StableMail(EmailMessage):
    """A mail that is the same bytes each time it is built."""

    def __init__(self, *, key: str, date: datetime, **fields: Any) -> None:
        """`key` names the mail for ever; `date` is when it was first meant to go (aware)."""
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
        headers = {"Message-ID": f"<{key}@{domain}>", "Date": format_datetime(date)}
        super().__init__(headers=headers, **fields)
        self.boundary = "=_" + hashlib.sha256(key.encode()).hexdigest()[:32]

    def message(self, *args: Any, **kwargs: Any) -> Any:
        """The message, with boundaries that follow from the key instead of chance."""
        message: Message = super().message(*args, **kwargs)
        if message.is_multipart():
            message.set_boundary(self.boundary)
        return message


def queue_mail(*, to: str, subject: str, body: str) -> OutgoingMail | None:
    """Note a mail in the caller's transaction; it is sent after the commit and again until a mail server accepts it.

    Without an address nothing is noted: a team whose linked e-mail nobody has confirmed yet has no mailbox.
    """
    if not to:
        return None
    row = OutgoingMail.objects.create(recipient=to, subject=" ".join(subject.split())[:200], body=body)
    send_mails.delay_on_commit()
    return row


@app.task(name="console.mail.send_mails")
def send_mails() -> int:
    """Send what is due; returns how many mails were accepted. Woken by `queue_mail`, and by beat every few seconds."""
    return send_due(OutgoingMail.objects.all(), _message, _accepted)


def send_due(rows: Any, build: Callable[[Any], EmailMessage], accepted: Callable[[Any], None]) -> int:
    """Claim due rows one by one, send each and call `accepted`; a failure is noted and tried again later.

    `rows` is a queryset of a model with attempts, next_attempt_at, sent_at and last_error. Returns how many were accepted.
    """
    sent = 0
    for row in rows.filter(sent_at=None, next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")[:BATCH]:
        if _claim(row):
            sent += _send(row, build, accepted)
    return sent


def _claim(row: Any) -> bool:
    """Take the row for LEASE by a guarded update; False when somebody else was faster."""
    rows = type(row)._base_manager.filter(pk=row.pk, sent_at=None, next_attempt_at=row.next_attempt_at)
    row.attempts += 1
    row.next_attempt_at = timezone.now() + LEASE
    return bool(rows.update(attempts=row.attempts, next_attempt_at=row.next_attempt_at))


def _send(row: Any, build: Callable[[Any], EmailMessage], accepted: Callable[[Any], None]) -> int:
    try:
        build(row).send()
    except Exception as error:  # whatever a mail server, the network or a backend comes up with
        _note_failure(row, error)
        return 0
    accepted(row)
    return 1


def _note_failure(row: models.Model, error: Exception) -> None:
    attempts: int = row.attempts  # type: ignore[attr-defined]
    due = None if attempts >= GIVE_UP_AFTER else timezone.now() + delay_after(attempts)
    # A mail server's words may quote the mail itself: the log and the page get the kind of the fault and its code only.
    said = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
    type(row)._base_manager.filter(pk=row.pk, sent_at=None).update(next_attempt_at=due, last_error=said[:200])
    log.warning("mail_not_accepted", mail=row.pk, model=row._meta.label_lower, attempts=attempts, error=said)


def delay_after(attempts: int) -> timedelta:
    """How long to wait after this many failed attempts: 10 s, then twice as long each time, at most an hour."""
    return min(FIRST_DELAY * 2 ** min(attempts - 1, 10), LONGEST_DELAY)


def _message(row: OutgoingMail) -> EmailMessage:
    return StableMail(key=f"mail-{row.pk}", date=row.created_at, subject=row.subject, body=row.body, to=[row.recipient])


def _accepted(row: OutgoingMail) -> None:
    OutgoingMail.objects.filter(pk=row.pk).update(sent_at=timezone.now(), next_attempt_at=None, last_error="")
