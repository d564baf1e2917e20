"""Mails to a team whose backend does not acknowledge deliveries: one a mini program and level, not one an order."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from console.mail import queue_mail
from console.models import MiniProgram
from orders.models import DeliveryAlert

#: The same mail to the same mini program not more often than this.
QUIET = timedelta(hours=24)


def send_alerts(alerts: Iterable[tuple[int, str]]) -> None:
    """Queue the mails for (mini program id, level) pairs, in the caller's transaction, unless the same was said within a day."""
    for program_id, level in sorted(set(alerts)):
        if _is_new(program_id, level):
            _mail(MiniProgram.objects.select_related("team").get(pk=program_id), level)


def _is_new(program_id: int, level: str) -> bool:
    now = timezone.now()
    row, created = DeliveryAlert.objects.get_or_create(mini_program_id=program_id, level=level, defaults={"sent_at": now})
    if created:
        return True
    # Guarded, so that of two dispatchers one sends.
    return bool(DeliveryAlert.objects.filter(pk=row.pk, sent_at__lt=now - QUIET).update(sent_at=now))


def _mail(program: MiniProgram, level: str) -> None:
    with override(settings.LANGUAGE_CODE):
        subject = _("Deliveries of %(program)s are not acknowledged") % {"program": program.name}
        link = settings.BASE_URL + reverse("orders:push-log", kwargs={"app_id": program.app_id})
        tail = _("What your backend answered is in the delivery log: %(link)s") % {"link": link}
        queue_mail(to=program.team.linked_email, subject=subject, body=f"{_sentence(level)}\n\n{tail}\n")


def _sentence(level: str) -> str:
    sentences = {
        DeliveryAlert.Level.SIXTH_FAILURE: _("Your backend did not acknowledge a paid order six times. We keep trying."),
        DeliveryAlert.Level.DAY: _("Paid orders have waited 24 hours for an acknowledgement. We keep trying, every six hours."),
        DeliveryAlert.Level.WEEK: _("Paid orders have waited 7 days for an acknowledgement. We keep trying until day 30."),
        DeliveryAlert.Level.ENDED: _(
            "Paid orders were not acknowledged within 30 days. We stopped; redeliver them once your backend works."
        ),
    }
    return sentences[DeliveryAlert.Level(level)]
