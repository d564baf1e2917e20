"""The demo's mail server: a table that the mailbox page shows."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from simulator.models import MailboxMessage


class MailboxBackend(BaseEmailBackend):
    """Keeps each message as it would have been sent."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Store them all; returns how many."""
        for message in email_messages:
            MailboxMessage.objects.create(
                recipient=", ".join(message.recipients())[:320], subject=message.subject[:400], raw=message.message().as_bytes()
            )
        return len(email_messages)
