"""Credentials: keys, rotation's overlap, the mail and how it is opened, resend."""

import email
import shutil
import smtplib
import subprocess
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.errors import WrongState
from console.lifecycle import move
from console.mail import delay_after
from console.models import AuditEntry
from payments import keys
from payments.actions import credential as credentials
from payments.actions import delivery
from payments.mailing import credential_message
from payments.models import CertificateAuthority, Credential, CredentialMail
from payments.tasks import retire_credentials, send_credential_mails

PUBLIC = "https://93.184.215.14/push"


@pytest.fixture
def issued(starfall, team_admin) -> delivery.Saved:
    return delivery.configure(starfall, actor=team_admin, url=PUBLIC)


def due() -> None:
    """Let the time of the next attempt come."""
    CredentialMail.objects.update(next_attempt_at=timezone.now())


def files_of(message) -> dict[str, bytes]:
    return {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}


def test_the_mail_opens_with_its_own_two_commands(issued, smtp_server, tmp_path):
    assert send_credential_mails() == 1
    message = smtp_server.messages[0]
    assert message["To"] == "payments@northlight.test"
    text = message.get_body().get_content()
    assert issued.credential.serial_no in text
    assert issued.passphrase not in message.as_string()
    for name, content in files_of(message).items():
        (tmp_path / name).write_bytes(content)
    commands = [line.strip() for line in text.splitlines() if line.strip().startswith("openssl ")]
    assert len(commands) == 2
    for command in commands:
        answer = f"{issued.passphrase}\n" if " pkcs12 " in command else ""
        asked = command + " -passin stdin" if answer else command  # a terminal would ask for it
        subprocess.run(asked.split(), cwd=tmp_path, input=answer, text=True, check=True, capture_output=True)
    opened = (tmp_path / "appkeys.json").read_text()
    for env, name in ((0, "live"), (1, "sandbox")):
        assert f'"{name}": "{keys.accepted_keys(issued.config.mini_program_id, env)[0].text}"' in opened
    assert "PRIVATE KEY" in (tmp_path / "credential.pem").read_text()


def test_openssl_is_here():
    assert shutil.which("openssl")


def test_attachments_are_wiped_once_accepted_and_no_second_mail_goes(issued, smtp_server):
    send_credential_mails()
    due()
    assert send_credential_mails() == 0
    mail = CredentialMail.objects.get()
    assert (mail.sealed_pkcs12, mail.sealed_appkeys, mail.last_error, len(smtp_server.messages)) == ("", "", "", 1)
    assert mail.sent_at
    assert AuditEntry.objects.filter(verb="payments.credential.mail").count() == 1


def test_a_failing_mail_server_gets_the_identical_mail_again(issued, smtp_server, settings):
    settings.EMAIL_PORT = 1  # nobody listens
    assert send_credential_mails() == 0
    mail = CredentialMail.objects.get()
    assert (mail.attempts, mail.last_error, mail.sent_at) == (1, "ConnectionRefusedError", None)
    assert mail.next_attempt_at > timezone.now()
    assert send_credential_mails() == 0, "not due yet"
    before = credential_message(mail).message().as_bytes()
    settings.EMAIL_PORT = smtp_server.port
    due()
    assert send_credential_mails() == 1
    assert files_of(smtp_server.messages[0])["credential.p12"] in _parts(before)
    assert smtp_server.messages[0]["Message-ID"] == credential_message(mail).message()["Message-ID"]


def _parts(raw: bytes) -> list[bytes]:
    return [bytes(part.get_payload(decode=True) or b"") for part in email.message_from_bytes(raw).walk()]


def test_a_crash_after_the_server_said_yes_sends_the_same_bytes_again(issued, smtp_server, monkeypatch):
    def crash(mail):
        raise KeyboardInterrupt

    monkeypatch.setattr("payments.tasks.note_accepted", crash)
    with pytest.raises(KeyboardInterrupt):
        send_credential_mails()
    monkeypatch.undo()
    due()
    assert send_credential_mails() == 1
    first, second = (message.as_bytes() for message in smtp_server.messages)
    assert first == second


def test_two_workers_send_one_mail(issued, smtp_server, monkeypatch):
    send = smtplib.SMTP.sendmail

    def meanwhile(self, *args, **kwargs):
        monkeypatch.setattr(smtplib.SMTP, "sendmail", send)
        assert send_credential_mails() == 0, "the row is claimed"
        return send(self, *args, **kwargs)

    monkeypatch.setattr(smtplib.SMTP, "sendmail", meanwhile)
    assert send_credential_mails() == 1
    assert len(smtp_server.messages) == 1


def test_delays_grow_to_an_hour():
    assert [delay_after(n).total_seconds() for n in (1, 2, 3, 9, 10, 40)] == [10, 20, 40, 2560, 3600, 3600]


def test_resend_puts_the_mail_in_front_and_is_refused_once_accepted(
    as_person, issued, smtp_server, settings, starfall, team_admin
):
    settings.EMAIL_PORT = 1
    send_credential_mails()
    client, address = as_person(team_admin), reverse("payments:credential-resend", kwargs={"app_id": starfall.app_id})
    assert "did not take it at 1 attempt" in client.get(address.removesuffix("credential/resend")).content.decode()
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 302
    settings.EMAIL_PORT = smtp_server.port
    assert send_credential_mails() == 1
    assert client.post(address).status_code == 409
    with pytest.raises(WrongState, match="wiped"):
        credentials.resend(issued.credential, actor=team_admin)


def test_there_is_nothing_to_resend_before_the_first_save(as_person, starfall, team_admin):
    address = reverse("payments:credential-resend", kwargs={"app_id": starfall.app_id})
    assert as_person(team_admin).post(address).status_code == 409


def test_the_authority_is_made_once(issued, harbor_reader, stranger):
    delivery.configure(harbor_reader, actor=stranger, url=PUBLIC)
    assert CertificateAuthority.objects.count() == 1
    assert Credential.objects.count() == 2


def test_keys_of_the_environments_differ_and_unknown_ones_are_an_error(issued):
    program = issued.config.mini_program_id
    live, sandbox = keys.accepted_keys(program, 0), keys.accepted_keys(program, 1)
    assert live[0].text != sandbox[0].text
    assert (live[0].credential_id, live[0].fingerprint) == (issued.credential.pk, issued.credential.live_key_fingerprint)
    assert keys.accepted_keys(program + 1, 0) == []
    with pytest.raises(ValueError, match="env is 0"):
        keys.accepted_keys(program, 2)


def test_reading_keys_costs_one_query_and_unseals_once(issued, django_assert_num_queries, monkeypatch):
    keys.accepted_keys(issued.config.mini_program_id, 0)
    monkeypatch.setattr("console.secrets.unseal", None)
    with django_assert_num_queries(1):
        assert keys.accepted_keys(issued.config.mini_program_id, 0)


def test_an_overlapping_key_is_accepted_after_the_active_one_until_its_time(issued, starfall, team_admin, time_machine):
    until = timezone.now() + timedelta(hours=24)
    move(issued.credential, "rotate", actor=team_admin, until=until)
    new = credentials.issue(starfall, credentials.prepare(starfall), actor=team_admin)
    assert [key.credential_id for key in keys.accepted_keys(starfall.pk, 0)] == [new.pk, issued.credential.pk]
    assert keys.certificate_by_serial(issued.credential.serial_no)
    assert retire_credentials() == 0
    time_machine.move_to(until + timedelta(seconds=1))
    assert [key.credential_id for key in keys.accepted_keys(starfall.pk, 0)] == [new.pk]
    assert keys.certificate_by_serial(issued.credential.serial_no) is None
    assert (retire_credentials(), retire_credentials()) == (1, 0)
    assert Credential.objects.get(pk=issued.credential.pk).state == "retired"


def test_a_revoked_credential_is_accepted_nowhere(issued, team_admin):
    move(issued.credential, "revoke", actor=team_admin)
    assert keys.accepted_keys(issued.config.mini_program_id, 0) == []
    assert keys.certificate_by_serial(issued.credential.serial_no) is None
