"""Mails to a team whose backend does not acknowledge deliveries: one a mini program and level, not one an order."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from console.mail import queue_mail
from console.models import MiniProgram
from orders.models import Delivery, DeliveryAlert, DeliveryState
from orders.schedule import END

#: The same mail to the same mini program not more often than this.
QUIET = timedelta(hours=24)
GRAVEST_LAST = list(DeliveryAlert.Level)
_OPEN = (DeliveryState.PENDING, DeliveryState.DELIVERING)


def send_alerts(alerts: Iterable[tuple[int, str]]) -> None:
    """Queue the mails for (mini program id, level) pairs, in the caller's transaction, after the rows were moved.

    One mail a mini program, about the gravest of its levels that was not mailed within a day.
    """
    levels = defaultdict[int, list[DeliveryAlert.Level]](list)
    for program_id, level in sorted(set(alerts)):
        if _is_new(program_id, level):
            levels[program_id].append(DeliveryAlert.Level(level))
    programs = MiniProgram.objects.select_related("team").in_bulk(levels)
    for program_id, found in levels.items():
        _mail(programs[program_id], max(found, key=GRAVEST_LAST.index))


def _is_new(program_id: int, level: str) -> bool:
    now = timezone.now()
    row, created = DeliveryAlert.objects.get_or_create(mini_program_id=program_id, level=level, defaults={"sent_at": now})
    if created:
        return True
    # Guarded, so that of two dispatchers one sends.
    return bool(DeliveryAlert.objects.filter(pk=row.pk, sent_at__lt=now - QUIET).update(sent_at=now))


def _mail(program: MiniProgram, level: DeliveryAlert.Level) -> None:
    with override(settings.LANGUAGE_CODE):
        context = _context(program, level)
        subject = render_to_string("orders/mail/failing_subject.txt", context)
        queue_mail(to=program.team.linked_email, subject=subject, body=render_to_string("orders/mail/failing.txt", context))


def _context(program: MiniProgram, level: DeliveryAlert.Level) -> dict[str, Any]:
    """What the mail says: when we try next and until when, and where to look and to act. Times in UTC."""
    rows = Delivery.objects.filter(mini_program=program)
    oldest = rows.filter(state__in=_OPEN).aggregate(first=Min("first_due_at"), next=Min("next_attempt_at"))
    first: datetime | None = oldest["first"]
    return {
        "program": program, "team": program.team, "level": level.value, "next": oldest["next"], "until": first and first + END,
        "parked": rows.filter(state=DeliveryState.NEEDS_ATTENTION).count(), "log": _link("orders:push-log", program),
        "redeliver": _link("orders:redeliver-many", program), "check": _link("payments:delivery", program),
    }  # fmt: skip


def _link(name: str, program: MiniProgram) -> str:
    return settings.BASE_URL + reverse(name, kwargs={"app_id": program.app_id})
