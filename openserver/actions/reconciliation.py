"""Compare each day with the superapp's list, keep what differs, and tell those who can act (docs/openserver.md).

A day is compared when it is over for two hours. While it differs, or its list cannot be had, it is compared again every six hours
until it is a week old: what was told late, or was repaired, disappears by itself.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import MiniProgram, Notice, Superapp, User
from console.notices import News, tell
from console.permissions import System, holders
from openserver.reconciling import Differs, differences, fetch
from openserver.superapp import Backend, SuperappUnavailable
from orders import notes
from orders.actions.payment import end_alert, raise_alert
from orders.models import Difference, Order, Reconciliation

ACTOR = System("reconcile")
ALERT = Order.Alert.DIFFERS
SETTLES, AGAIN, LEASE = timedelta(hours=2), timedelta(hours=6), timedelta(hours=1)
DAYS = 7  # so far back days are compared
KEPT = timedelta(days=90)  # reports; as far back as the mismatch desk looks
MOST = 1000  # differences of a day that are kept one by one
State = Reconciliation.State
log = structlog.get_logger(__name__)


def compare_due() -> int:
    """Compare the days that are due, of all superapps with a backend; returns how many. Several may run at once."""
    now = timezone.now()
    _plan(now)
    due = Reconciliation.objects.filter(next_at__lte=now).select_related("superapp").order_by("next_at", "pk")
    compared = 0
    for row in due:
        # Guarded, so that of two workers one asks.
        if Reconciliation.objects.filter(pk=row.pk, next_at=row.next_at).update(next_at=timezone.now() + LEASE):
            compare(row.superapp, row.day)
            compared += 1
    return compared


def _plan(now: datetime) -> None:
    """A row for each day that is over, and none any more for days long ago."""
    today = now.astimezone(UTC).date()
    Reconciliation.objects.filter(day__lt=today - KEPT).delete()
    rows = [
        Reconciliation(superapp=superapp, day=day, next_at=_end(day) + SETTLES)
        for superapp in Superapp.objects.exclude(Q(backend_url="") | Q(sealed_secret_key=""))
        for day in (today - timedelta(days=back) for back in range(1, DAYS + 1))
        if day >= superapp.created_at.astimezone(UTC).date()
    ]
    Reconciliation.objects.bulk_create(rows, ignore_conflicts=True)


def compare(superapp: Superapp, day: date) -> Reconciliation:
    """Compare one day (UTC) and keep the report in place of the one before. Never raises for the superapp's faults."""
    begin, end = _end(day) - timedelta(days=1), _end(day)
    found, fault = list[Differs](), ""
    try:
        every = differences(superapp.pk, fetch(Backend.of(superapp), begin, end), begin, end)
        found = list(islice(every, MOST))
        number = len(found) + sum(1 for _each in every)
    except SuperappUnavailable as error:
        found, number, fault = [], 0, error.fault
        log.warning("reconciliation_failed", superapp=superapp.code, day=str(day), detail=error.detail)
    return _keep(superapp, day, found, number, fault)


@transaction.atomic
def _keep(superapp: Superapp, day: date, found: Sequence[Differs], number: int, fault: str) -> Reconciliation:
    Reconciliation.objects.bulk_create([Reconciliation(superapp=superapp, day=day)], ignore_conflicts=True)
    row = Reconciliation.objects.select_for_update(no_key=True).get(superapp=superapp, day=day)
    before, now = row.state, timezone.now()
    row.state = State.FAILED if fault else State.DIFFERS if number else State.AGREES
    row.fault, row.compared_at = fault[:300], now
    row.next_at = now + AGAIN if row.state != State.AGREES and _end(day) > now - timedelta(days=DAYS) else None
    if fault:  # what was found before still is what is known
        row.save()
        if before != State.FAILED and not _failed_before(row):
            _tell_of_fault(row)
        return row
    row.found = number
    row.save()
    new = _replace(row, found)
    _mark(row, found)
    if new:
        _tell_of_differences(row, new)
    return row


def _failed_before(row: Reconciliation) -> bool:
    """Whether people know already: the day before could not be compared either."""
    return Reconciliation.objects.filter(superapp=row.superapp_id, day=row.day - timedelta(days=1), state=State.FAILED).exists()


def _replace(row: Reconciliation, found: Sequence[Differs]) -> list[Difference]:
    """Store what differs now; returns what did not differ so before. What still does keeps its row: it may be settled."""
    old = {_facts(each): each.pk for each in row.differences.all()}
    app_ids = {each.key[0] for each in found}
    programs = dict(MiniProgram.objects.filter(superapp=row.superapp_id, app_id__in=app_ids).values_list("app_id", "pk"))
    rows = [
        Difference(
            reconciliation=row, superapp_id=row.superapp_id, mini_program_id=programs.get(each.key[0]), order_id=each.order_id,
            kind=each.kind, app_id=each.key[0][:64], env=each.key[1], out_trade_no=each.key[2][:64], ours=each.ours[:64],
            theirs=each.theirs[:64],
        )
        for each in found
    ]  # fmt: skip
    still = {_facts(each) for each in rows}
    row.differences.filter(pk__in=[pk for facts, pk in old.items() if facts not in still]).delete()
    new = [each for each in rows if _facts(each) not in old]
    Difference.objects.bulk_create(new, batch_size=500)
    return new


def _facts(each: Difference) -> tuple[str, str, int, str, str, str]:
    return each.kind, each.app_id, each.env, each.out_trade_no, each.ours, each.theirs


def _mark(row: Reconciliation, found: Sequence[Differs]) -> None:
    """Raise an alert at orders that differ and have none yet; end those of orders that agree now."""
    told = {each.order_id: _note(each) for each in found if each.order_id}
    for order in Order.objects.filter(pk__in=told, alert="").order_by("pk").select_for_update(no_key=True):
        raise_alert(order, ALERT, actor=ACTOR, note=told[order.pk])
    begin = _end(row.day) - timedelta(days=1)
    marked = Order.objects.filter(superapp=row.superapp_id, alert=ALERT, created_at__gte=begin, created_at__lt=_end(row.day))
    for order in marked.exclude(pk__in=told).order_by("pk").select_for_update(no_key=True):
        end_alert(order, actor=ACTOR, note=notes.AGREES)


def _note(each: Differs) -> str:
    return notes.DIFFERS % {"kind": each.kind, "ours": each.ours, "theirs": each.theirs}


def _tell_of_differences(row: Reconciliation, new: Iterable[Difference]) -> None:
    """One piece of news for the superapp's people, and one for the team of each mini program that is concerned."""
    count, programs = 0, dict[int, int]()
    for each in new:
        count += 1
        if each.mini_program_id:
            programs[each.mini_program_id] = programs.get(each.mini_program_id, 0) + 1
    url = reverse("orders:superapp-mismatches", kwargs={"superapp": row.superapp.code})
    _tell(holders("orders.view_order", row.superapp), row, row.superapp.name, count, url)
    for program in MiniProgram.objects.filter(pk__in=programs).select_related("team").order_by("pk"):
        url = reverse("orders:mismatches", kwargs={"app_id": program.app_id})
        _tell(holders("orders.redeliver", program), row, program.name, programs[program.pk], url)


def _tell(people: Iterable[User], row: Reconciliation, name: str, count: int, url: str) -> None:
    address = f"{url}?case=reconciled"

    def write(_reader: User) -> News:
        words = {"count": count, "name": name, "day": row.day.isoformat()}
        subject = ngettext(
            "%(name)s: %(count)d transaction of %(day)s differs from the superapp's list",
            "%(name)s: %(count)d transactions of %(day)s differ from the superapp's list", count,
        ) % words  # fmt: skip
        what = _("The mismatch desk shows each of them, what stands here and what the superapp says. Nothing was changed.")
        return News(subject, address, f"{what}\n\n{settings.BASE_URL}{address}\n")

    tell(people, kind=Notice.Kind.RECONCILIATION, write=write)


def _tell_of_fault(row: Reconciliation) -> None:
    """Those who can mend the backend."""
    url = reverse("orders:superapp-mismatches", kwargs={"superapp": row.superapp.code}) + "?case=reconciled"

    def write(_reader: User) -> News:
        words = {"name": row.superapp.name, "day": row.day.isoformat()}
        subject = _("%(name)s: orders of %(day)s could not be compared with the superapp's list") % words
        what = _("The superapp's backend: %(fault)s. It is asked again every six hours.") % {"fault": row.fault}
        return News(subject, url, f"{what}\n\n{settings.BASE_URL}{url}\n")

    tell(holders("payments.edit_backend", row.superapp), kind=Notice.Kind.RECONCILIATION, write=write)


def _end(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC) + timedelta(days=1)
