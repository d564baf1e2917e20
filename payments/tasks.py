"""What goes on behind the pages: mails that carry credentials, and the end of overlaps."""

from django.utils import timezone

from console.celery import app
from console.mail import send_due
from payments.actions.credential import note_accepted, retire_ended
from payments.escalation import escalate
from payments.mailing import credential_message
from payments.models import CredentialMail
from payments.reminders import remind


@app.task(name="payments.tasks.send_credential_mails")
def send_credential_mails() -> int:
    """Send the credential mails that are due; returns how many were accepted. Woken by a save, and by beat every 5 seconds."""
    rows = CredentialMail.objects.select_related("credential__mini_program", "credential__team")
    return send_due(rows, credential_message, note_accepted)


@app.task(name="payments.tasks.escalate_requests")
def escalate_requests() -> int:
    """Tell admins of superapps of requests that wait too long; returns how many requests."""
    return escalate(timezone.now())


@app.task(name="payments.tasks.retire_credentials")
def retire_credentials() -> int:
    """Retire credentials whose overlap is over; returns how many."""
    return retire_ended()


@app.task(name="payments.tasks.remind_of_expiry")
def remind_of_expiry() -> int:
    """Remind teams whose certificate ends soon; returns how many mails were queued."""
    return remind()
