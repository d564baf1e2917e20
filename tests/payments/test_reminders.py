"""Mails before a certificate ends: 30, 14, 7 and 1 days, once each."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.models import OutgoingMail
from payments.actions import delivery, rotation
from payments.models import Credential
from payments.tasks import remind_of_expiry
from tests.payments.test_credential import PUBLIC


@pytest.fixture
def credential(starfall, team_admin) -> Credential:
    credential = delivery.configure(starfall, actor=team_admin, url=PUBLIC).credential
    assert credential is not None
    return credential


def ends_in(**time) -> None:
    Credential.objects.update(not_after=timezone.now() + timedelta(**time))


def reminders() -> list[str]:
    return list(OutgoingMail.objects.order_by("pk").values_list("subject", flat=True))


def test_each_stage_is_mailed_once(credential):
    assert remind_of_expiry() == 0
    for days in (30, 14, 7, 1):
        ends_in(days=days, hours=1)
        assert remind_of_expiry() == 0, f"more than {days} days are left"
        ends_in(days=days, minutes=-1)
        assert [remind_of_expiry(), remind_of_expiry()] == [1, 0]
    assert [subject.split("within ")[1] for subject in reminders()] == ["30 days", "14 days", "7 days", "1 day"]
    mail = OutgoingMail.objects.first()
    assert mail.recipient == "payments@northlight.test"
    assert credential.serial_no in mail.body and f"/m/{credential.mini_program.app_id}/delivery/" in mail.body


def test_missed_stages_are_one_mail(credential):
    ends_in(days=3)
    assert [remind_of_expiry(), remind_of_expiry()] == [1, 0]
    assert reminders()[0].endswith("7 days")


def test_what_has_ended_or_was_rotated_is_not_mailed(credential, team_admin):
    ends_in(minutes=-1)
    assert remind_of_expiry() == 0
    ends_in(days=3)
    rotation.rotate(credential, actor=team_admin, overlap=timedelta(days=7))
    assert remind_of_expiry() == 0
