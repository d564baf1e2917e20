"""The mailbox: what the demo sent, for whoever it was meant."""

import email
import email.policy
from typing import Any, ClassVar
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from simulator.models import MailboxMessage
from simulator.views.base import SimulatorView


class Mailbox(SimulatorView):
    """All mails the demo sent."""

    template_name: ClassVar[str] = "simulator/mailbox.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Newest first."""
        return self.render(request, mails=MailboxMessage.objects.defer("raw")[:100])


class Mail(SimulatorView):
    """One mail with its attachments."""

    template_name: ClassVar[str] = "simulator/mail.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Text and attachment names."""
        row = get_object_or_404(MailboxMessage, pk=pk)
        message: Any = email.message_from_bytes(bytes(row.raw), policy=email.policy.default)
        body = message.get_body(("plain",))
        names = [part.get_filename() for part in message.iter_attachments()]
        return self.render(request, mail=row, sender=message["From"], text=body.get_content() if body else "", names=names)


class MailAttachment(SimulatorView):
    """An attachment as a download."""

    def get(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """By its place in the mail; its name never becomes a path."""
        row = get_object_or_404(MailboxMessage, pk=pk)
        message: Any = email.message_from_bytes(bytes(row.raw), policy=email.policy.default)
        parts = list(message.iter_attachments())
        if number >= len(parts):
            return HttpResponse(status=404)
        response = HttpResponse(parts[number].get_payload(decode=True), content_type="application/octet-stream")
        response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(parts[number].get_filename() or 'attachment')}"
        response["X-Content-Type-Options"] = "nosniff"
        return response
