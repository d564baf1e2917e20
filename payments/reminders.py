"""Mails to a team whose certificate ends soon: 30, 14, 7 and 1 days before, once each (docs/credentials.md, "Reminders")."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.mail import queue_mail
from payments.mailing import LANGUAGE
from payments.models import Credential

DAYS = (1, 7, 14, 30)
BATCH = 200


def remind() -> int:
    """Remind the teams whose active certificate ends soon; returns how many mails were queued. Safe to run twice at once."""
    now = timezone.now()
    active = Credential.objects.filter(state=Credential.State.ACTIVE, not_after__gt=now)
    due = reduce(or_, (_due(now, days) for days in DAYS))
    rows = active.filter(due).select_related("mini_program", "team")
    return sum(_remind(row, now) for row in rows.order_by("not_after")[:BATCH])


def _due(now: datetime, days: int) -> Q:
    """Ends within so many days, and no reminder of that or a later stage went."""
    return Q(not_after__lte=now + timedelta(days=days)) & (Q(reminded_days=None) | Q(reminded_days__gt=days))


def _remind(row: Credential, now: datetime) -> int:
    """One mail even where several stages were missed: the nearest."""
    stage = next(days for days in DAYS if row.not_after <= now + timedelta(days=days))
    with transaction.atomic():
        same = Credential.objects.filter(pk=row.pk, reminded_days=row.reminded_days, state=Credential.State.ACTIVE)
        if not same.update(reminded_days=stage):  # another worker, or it was rotated meanwhile
            return 0
        url = settings.BASE_URL + reverse("payments:delivery", kwargs={"app_id": row.mini_program.app_id})
        context = {"credential": row, "program": row.mini_program, "team": row.team, "url": url, "days": stage}
        with override(LANGUAGE):
            subject = render_to_string("payments/mail/expiry_subject.txt", context)
            queue_mail(to=row.team.linked_email, subject=subject, body=render_to_string("payments/mail/expiry.txt", context))
    return 1
