"""Who is told of a request: those who may decide it, its requester, and the superapp's admins when it waits too long."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from console.actions.membership import set_superapp_role
from console.models import Notice, OutgoingMail
from console.notices import choose
from payments.actions import payment
from payments.models import Request
from payments.tasks import escalate_requests
from tests.people import SETUP


def told(person, kind=Notice.Kind.REQUEST):
    return list(Notice.objects.filter(user=person, kind=kind).order_by("pk").values_list("subject", flat=True))


def test_deciders_are_told_of_a_request_and_its_team_is_not(bound, starfall, team_admin, approver, superapp_admin, senior):
    set_superapp_role(senior, starfall.superapp, "approver", actor=SETUP)
    Notice.objects.all().delete()
    payment.request_payment(starfall, actor=team_admin, message="Moonstones.")
    subject = "New request: Payment permission · Starfall"
    assert told(approver) == told(superapp_admin) == [subject]
    assert told(senior) == told(team_admin) == []


def test_deciders_hear_of_requests_once_a_day_unless_they_choose_otherwise(bound, starfall, team_admin, approver, superapp_admin):
    choose(superapp_admin, {"request": "at_once"})
    OutgoingMail.objects.all().delete()
    payment.request_payment(starfall, actor=team_admin, message="Moonstones.")
    assert [mail.recipient for mail in OutgoingMail.objects.all()] == [superapp_admin.email]
    assert Notice.objects.get(user=approver, digest=True, subject__contains="Payment permission")


def test_the_requester_is_told_in_the_console_and_by_mail(requested, team_admin, approver):
    payment.approve(requested, actor=approver)
    subject = "Payment permission of Starfall: Approved"
    assert subject in told(team_admin, Notice.Kind.DECISION)
    assert OutgoingMail.objects.filter(recipient=team_admin.email, subject=subject).count() == 1


@pytest.fixture
def late(requested):
    moment = timezone.now() - timedelta(hours=settings.ESCALATE_AFTER_HOURS + 1)
    Request.objects.filter(pk=requested.pk).update(requested_at=moment)
    return requested


def test_a_request_that_waits_too_long_is_told_to_the_admins_once(client, orbit, late, superapp_admin, approver):
    assert escalate_requests() == 1
    assert escalate_requests() == 0
    assert told(superapp_admin, Notice.Kind.WAITING) == ["1 request of Orbit waits for more than 72 hours"]
    assert told(approver, Notice.Kind.WAITING) == []
    client.force_login(approver)
    listing = client.get(f"/s/{orbit.code}/approvals/?waiting=long").context["listing"]
    assert [row["id"] for row in listing.page.rows] == [late.pk]


def test_one_that_was_decided_or_is_young_is_not_told(late, orbit, superapp_admin, approver, northlight):
    payment.approve(late, actor=approver)
    assert escalate_requests() == 0
    assert told(superapp_admin, Notice.Kind.WAITING) == []
