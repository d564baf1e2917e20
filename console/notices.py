"""News for people: in the console for everybody, by mail as each of them chose (docs/operations.md).

`tell()` is the one door. A day's mail is sent from eight in the morning, as the reader's clock says.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from console.celery import app
from console.mail import queue_mail
from console.models import Notice, NoticeChoice, User

Way = NoticeChoice.Way
USUAL = {
    Notice.Kind.DECISION: Way.AT_ONCE,
    Notice.Kind.REQUEST: Way.DAILY,
    Notice.Kind.WAITING: Way.AT_ONCE,
    Notice.Kind.EXPORT: Way.AT_ONCE,
    Notice.Kind.RECONCILIATION: Way.AT_ONCE,
}
DIGEST_HOUR = 8  # of the reader's clock
KEPT = timedelta(days=90)
BATCH = 500  # readers of one run


class News(NamedTuple):
    """What is said: `subject` is one line, `url` a path of the console. `mail` is the body of a mail of its own."""

    subject: str
    url: str
    mail: str


def tell(people: Iterable[User], *, kind: Notice.Kind, write: Callable[[User], News]) -> None:
    """Note the news for each person, and the mail where they want one at once, in the caller's transaction.

    `write` is called once for each person, in their language.
    """
    readers = list(people)
    chosen = dict(NoticeChoice.objects.filter(user__in=readers, kind=kind).values_list("user", "way"))
    rows = []
    for reader in readers:
        way = chosen.get(reader.pk, USUAL[kind])
        with override(reader.language or settings.LANGUAGE_CODE):
            news = write(reader)
        subject = " ".join(news.subject.split())[:200]
        rows.append(Notice(user=reader, kind=kind, subject=subject, url=news.url, digest=way == Way.DAILY))
        if way == Way.AT_ONCE:
            queue_mail(to=reader.email, subject=news.subject, body=news.mail)
    Notice.objects.bulk_create(rows)


@app.task(name="console.notices.send_digests")
def send_digests() -> int:
    """Queue the daily mails that are due and forget news of long ago; returns how many mails. Beat calls it every 15 minutes."""
    now = timezone.now()
    Notice.objects.filter(created_at__lt=now - KEPT).delete()
    readers = User.objects.filter(is_active=True, notices__digest=True).distinct().order_by("pk")
    return sum(_send_digest(reader, now) for reader in readers[:BATCH] if is_due(reader, now))


def is_due(reader: User, now: datetime) -> bool:
    """Whether it is past eight where the reader is, and they had no such mail today. `now` is aware."""
    zone = ZoneInfo(reader.time_zone or settings.TIME_ZONE)
    last = Notice.objects.filter(user=reader, digested_at__isnull=False).order_by("-digested_at").first()
    local = now.astimezone(zone)
    had_today = bool(last and last.digested_at and last.digested_at.astimezone(zone).date() == local.date())
    return local.hour >= DIGEST_HOUR and not had_today


@transaction.atomic
def _send_digest(reader: User, now: datetime) -> int:
    rows = list(Notice.objects.select_for_update(skip_locked=True).filter(user=reader, digest=True).order_by("pk")[:100])
    if not rows:
        return 0
    with override(reader.language or settings.LANGUAGE_CODE):
        count = len(rows)
        subject = ngettext("%(count)d piece of news", "%(count)d pieces of news", count) % {"count": count}
        lines = [f"- {row.subject}\n  {settings.BASE_URL}{row.url}" for row in rows]
        ending = _("Notification settings: %(url)s") % {"url": f"{settings.BASE_URL}/notifications/preferences"}
        queue_mail(to=reader.email, subject=subject, body="\n".join([*lines, "", ending, ""]))
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(digest=False, digested_at=now)
    return 1


def mark_read(reader: User, pk: int | None = None) -> int:
    """Mark one of the reader's notices as read, or all of them; returns how many were unread."""
    unread = Notice.objects.filter(user=reader, read_at=None)
    return (unread if pk is None else unread.filter(pk=pk)).update(read_at=timezone.now())


def choose(reader: User, choices: dict[str, str]) -> None:
    """Keep how the reader wants to hear of each kind of news: kinds of Notice.Kind, ways of NoticeChoice.Way."""
    rows = [NoticeChoice(user=reader, kind=kind, way=way) for kind, way in choices.items()]
    NoticeChoice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "kind"], update_fields=["way"]
    )
