"""Mail by rows: sent after the commit, again until accepted, once."""

import pytest
from django.db import transaction
from django.utils import timezone

from console import mail
from console.models import OutgoingMail

pytestmark = pytest.mark.django_db


def test_a_queued_mail_is_sent_after_the_commit(smtp_server, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        row = mail.queue_mail(to="tara@demo.test", subject="Two\nlines", body="Hello Tara.")
        assert smtp_server.messages == []
    message = smtp_server.messages[0]
    assert (message["Subject"], message["To"], message.get_content().strip()) == ("Two lines", "tara@demo.test", "Hello Tara.")
    row.refresh_from_db()
    assert row.sent_at and row.next_attempt_at is None
    assert mail.send_mails() == 0


def test_what_is_rolled_back_is_never_sent(smtp_server):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        mail.queue_mail(to="tara@demo.test", subject="No", body="No.")
        raise ZeroDivisionError
    assert (mail.send_mails(), smtp_server.messages) == (0, [])


def test_a_failing_server_is_asked_again_with_the_same_message(smtp_server, settings):
    mail.queue_mail(to="tara@demo.test", subject="News", body="Hello.")
    settings.EMAIL_PORT = 1
    assert mail.send_mails() == 0
    row = OutgoingMail.objects.get()
    assert (row.attempts, row.last_error, row.sent_at) == (1, "ConnectionRefusedError", None)
    settings.EMAIL_PORT = smtp_server.port
    OutgoingMail.objects.update(next_attempt_at=timezone.now())
    assert mail.send_mails() == 1
    assert smtp_server.messages[0]["Message-ID"] == mail._message(row).message()["Message-ID"]


def test_one_bad_address_does_not_hold_up_the_others(smtp_server):
    for address in ("no address at all\r\n", "tara@demo.test"):
        OutgoingMail.objects.create(recipient=address, subject="News", body="Hello.")
    assert mail.send_mails() == 1
    assert OutgoingMail.objects.get(sent_at=None).last_error == "ValueError"


def test_it_gives_up_after_many_attempts(smtp_server, settings):
    settings.EMAIL_PORT = 1
    OutgoingMail.objects.create(recipient="a@demo.test", subject="s", body="b", attempts=mail.GIVE_UP_AFTER - 1)
    mail.send_mails()
    assert OutgoingMail.objects.get().next_attempt_at is None
