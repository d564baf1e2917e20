"""Links that are mailed and work once (console.models.links): their tokens, and the task that sends them.

A token is the row's number and serial, signed with a key outside the database. So the mail can be built at any time, the same
each time, while the database and its backups hold only a hash.
"""

import hashlib
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.celery import app
from console.mail import StableMail, send_due
from console.models import OPEN_LINK, Invitation, LinkedEmailChange, MailedLink

L = TypeVar("L", bound=MailedLink)
#: The reader's language is not known yet, and a mail must not change between two attempts.
LANGUAGE = "en"
#: Model → the route of its link, the template of its mail.
KINDS: dict[type[MailedLink], tuple[str, str]] = {
    Invitation: ("invitation", "console/mail/invitation"),
    LinkedEmailChange: ("linked-email-confirm", "console/mail/linked_email"),
}


def _signer(model: type[MailedLink]) -> Signer:
    return Signer(salt=f"console.links.{model.__name__}")


def token_of(row: MailedLink) -> str:
    """The token of the newest mail of this row."""
    return _signer(type(row)).sign(f"{row.pk}.{row.serial}")


def url_of(row: MailedLink) -> str:
    """The address in the mail, without the host."""
    return reverse(KINDS[type(row)][0], kwargs={"token": token_of(row)})


def send(row: MailedLink) -> None:
    """A new token and a mail with it, in the caller's transaction; tokens of earlier mails stop working."""
    now = timezone.now()
    if row.pk is None:
        row.expires_at = now + row.VALID
        row.save(force_insert=True)
    row.serial += 1
    row.token_hash = _hash(token_of(row))
    row.expires_at = now + row.VALID
    row.attempts, row.next_attempt_at, row.sent_at, row.last_error = 0, now, None, ""
    row.save()
    send_links.delay_on_commit()


def find(model: type[L], token: str) -> L | None:
    """The row of a token that we signed and that is the newest of its row; it may be used, revoked or expired."""
    try:
        _signer(model).unsign(token)
    except BadSignature:
        return None
    return model._base_manager.filter(token_hash=_hash(token)).first()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@app.task(name="console.links.send_links")
def send_links() -> int:
    """Send what is due; returns how many mails were accepted. Woken by `send`, and by beat every few seconds."""
    return sum(send_due(model._base_manager.filter(OPEN_LINK), _message, _accepted) for model in KINDS)


def _message(row: Any) -> EmailMessage:
    _route, template = KINDS[type(row)]
    context = {"row": row, "url": settings.BASE_URL + url_of(row)}
    with override(LANGUAGE):
        subject = render_to_string(f"{template}_subject.txt", context)
        body = render_to_string(f"{template}.txt", context)
    key = f"{type(row).__name__.lower()}-{row.pk}-{row.serial}"
    return StableMail(key=key, date=_sent_since(row), subject=" ".join(subject.split()), body=body, to=[row.email])


def _sent_since(row: MailedLink) -> datetime:
    return row.expires_at - row.VALID


def _accepted(row: MailedLink) -> None:
    """A mail of an earlier serial says nothing about the newest."""
    rows = type(row)._base_manager.filter(pk=row.pk, serial=row.serial)
    rows.update(sent_at=timezone.now(), next_attempt_at=None, last_error="")
