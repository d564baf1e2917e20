"""Compare orders with the superapp's own list (docs/openserver.md, "Reconciliation")."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from console.models import Superapp
from openserver.actions import reconciliation
from openserver.reconciling import Differs, differences, fetch
from openserver.superapp import Backend, SuperappUnavailable
from orders.models import Reconciliation

ROW = "{:<14} {:<20} {:>3}  {:<32}  {:<24}  {}"
FAILED = 2  # the exit code when nothing could be compared; 1 is "there are differences"


class Command(BaseCommand):
    help = "Compare orders with the superapp's list of transactions. Exits 1 when they differ, 2 when the list cannot be had."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("superapp", help="its code")
        parser.add_argument("--from", dest="since", metavar="TIME", help="created since, 2026-11-20 or RFC 3339; else yesterday")
        parser.add_argument("--to", dest="until", metavar="TIME", help="created before; default a day after --from")
        parser.add_argument("--alert", action="store_true", help="keep the reports of whole days: desk, alerts, news")

    def handle(self, *, superapp: str, since: str | None, until: str | None, alert: bool, **_options: Any) -> None:
        row = Superapp.objects.filter(code=superapp).first()
        if row is None:
            raise CommandError(f"There is no superapp with the code {superapp}.", returncode=FAILED)
        begin = moment(since) if since else timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        end = moment(until) if until else begin + timedelta(days=1)
        if end <= begin:
            raise CommandError("--to is not after --from.", returncode=FAILED)
        found = Counter[str]()
        try:
            for difference in (kept if alert else compared)(row, begin, end):
                self.report(difference, first=not found)
                found[difference.kind] += 1
        except SuperappUnavailable as error:
            raise CommandError(
                f"The list could not be compared to its end: the superapp's backend {error.fault}.", returncode=FAILED
            ) from error
        span = f"from {begin.isoformat()} to {end.isoformat()}"
        if found:
            counted = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items()))
            raise CommandError(f"{found.total()} differences with {row.name} {span}: {counted}.")
        self.stdout.write(f"No differences with {row.name} {span}.")

    def report(self, difference: Differs, *, first: bool) -> None:
        """One line of the table; the head before the first."""
        if first:
            self.stdout.write(ROW.format("what", "appId", "env", "outTradeNo", "here", "there"))
        self.stdout.write(ROW.format(difference.kind, *difference.key, difference.ours, difference.theirs))


def moment(text: str) -> datetime:
    """A time; without an offset it is UTC, a day is its beginning. Raises CommandError."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is no time. Write 2026-11-20 or 2026-11-20T10:00:00Z.", returncode=FAILED) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def compared(superapp: Superapp, begin: datetime, end: datetime) -> Iterator[Differs]:
    """What differs; nothing is kept. Raises SuperappUnavailable."""
    return differences(superapp.pk, fetch(Backend.of(superapp), begin, end), begin, end)


def kept(superapp: Superapp, begin: datetime, end: datetime) -> Iterator[Differs]:
    """Compare and keep day by day. Raises CommandError for times that are no whole days, SuperappUnavailable."""
    days, rest = divmod(end - begin, timedelta(days=1))
    if rest or begin.astimezone(UTC).time() != time.min:
        raise CommandError("--alert keeps the reports of whole days (UTC): give dates.", returncode=FAILED)
    for number in range(days):
        row = reconciliation.compare(superapp, (begin + timedelta(days=number)).astimezone(UTC).date())
        if row.state == Reconciliation.State.FAILED:
            raise SuperappUnavailable(row.fault)
        for each in row.differences.order_by("pk"):
            yield Differs(each.kind, (each.app_id, each.env, each.out_trade_no), each.ours, each.theirs, each.order_id)
