"""Mails to a team whose certificate ends soon: 30, 14, 7 and 1 days before, once each (docs/credentials.md, "Reminders")."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.mail import queue_mail
from payments.mailing import LANGUAGE
from payments.models import ClientCertificate, Credential

DAYS = (1, 7, 14, 30)
BATCH = 200

Certificate = Credential | ClientCertificate


def remind() -> int:
    """Remind the teams whose certificates end soon: the active one of a mini program, and the one its pushes show.

    Returns how many mails were queued. Safe to run twice at once.
    """
    now = timezone.now()
    active = Credential.objects.filter(state=Credential.State.ACTIVE)
    return _remind_all(active, "payments/mail/expiry", now) + _remind_all(
        ClientCertificate.objects.all(), "payments/mail/client_expiry", now
    )


def _remind_all(rows: Any, mail: str, now: datetime) -> int:
    due = reduce(or_, (_due(now, days) for days in DAYS))
    found = rows.filter(due, not_after__gt=now).select_related("mini_program", "team").order_by("not_after")[:BATCH]
    return sum(_remind(rows, row, mail, now) for row in found)


def _due(now: datetime, days: int) -> Q:
    """Ends within so many days, and no reminder of that or a later stage went."""
    return Q(not_after__lte=now + timedelta(days=days)) & (Q(reminded_days=None) | Q(reminded_days__gt=days))


def _remind(rows: Any, row: Certificate, mail: str, now: datetime) -> int:
    """One mail even where several stages were missed: the nearest."""
    stage = next(days for days in DAYS if row.not_after <= now + timedelta(days=days))
    with transaction.atomic():
        same = rows.filter(pk=row.pk, reminded_days=row.reminded_days, not_after=row.not_after)
        if not same.update(reminded_days=stage):  # another worker, or it was rotated or replaced meanwhile
            return 0
        url = settings.BASE_URL + reverse("payments:delivery", kwargs={"app_id": row.mini_program.app_id})
        context = {"credential": row, "program": row.mini_program, "team": row.team, "url": url, "days": stage}
        with override(LANGUAGE):
            subject = render_to_string(f"{mail}_subject.txt", context)
            queue_mail(to=row.team.linked_email, subject=subject, body=render_to_string(f"{mail}.txt", context))
    return 1
