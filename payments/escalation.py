"""Requests that wait too long are told to the admins of their superapp, once (docs/superapp.md)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import Notice, Superapp, User
from console.notices import News, tell
from payments.models import Request


def escalate(now: datetime) -> int:
    """Tell the admins of each superapp, once, of requests that wait longer than ESCALATE_AFTER_HOURS; returns how many."""
    late = Request.objects.pending().filter(requested_at__lt=now - timedelta(hours=settings.ESCALATE_AFTER_HOURS))
    told = 0
    for superapp in Superapp.objects.filter(pk__in=late.filter(escalated_at=None).order_by().values("superapp")):
        with transaction.atomic():
            rows = late.filter(superapp=superapp, escalated_at=None).select_for_update(skip_locked=True, of=("self",))
            numbers = list(rows.values_list("pk", flat=True))
            Request.objects.filter(pk__in=numbers).update(escalated_at=now)
            _tell_admins(superapp, len(numbers))
            told += len(numbers)
    return told


def _tell_admins(superapp: Superapp, count: int) -> None:
    admins = User.objects.filter(
        superapp_memberships__superapp=superapp, superapp_memberships__role="superapp_admin", is_active=True
    )
    url = reverse("payments:approvals", kwargs={"superapp": superapp.code}) + "?waiting=long"

    def write(_reader: User) -> News:
        subject = ngettext(
            "%(count)d request of %(superapp)s waits for more than %(hours)d hours",
            "%(count)d requests of %(superapp)s wait for more than %(hours)d hours",
            count,
        ) % {"count": count, "superapp": superapp, "hours": settings.ESCALATE_AFTER_HOURS}
        advice = _("Decide them, or add an approver under Members.")
        return News(subject, url, f"{advice}\n\n{settings.BASE_URL}{url}\n")

    if count:
        tell(admins, kind=Notice.Kind.WAITING, write=write)
