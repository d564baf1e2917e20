"""Compare orders with the superapp's own list (docs/openserver.md, "Reconciliation")."""

from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from console.models import Superapp
from console.permissions import System
from openserver.reconciling import Difference, differences, fetch
from openserver.superapp import Backend, SuperappUnavailable
from orders.actions.payment import raise_alert
from orders.models import Order

ROW = "{:<14} {:<20} {:>3}  {:<32}  {:<24}  {}"
FAILED = 2  # the exit code when nothing could be compared; 1 is "there are differences"


class Command(BaseCommand):
    help = "Compare orders with the superapp's list of transactions. Exits 1 when they differ, 2 when the list cannot be had."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("superapp", help="its code")
        parser.add_argument("--from", dest="since", metavar="TIME", help="created since, 2026-11-20 or RFC 3339; else yesterday")
        parser.add_argument("--to", dest="until", metavar="TIME", help="created before; default a day after --from")
        parser.add_argument("--alert", action="store_true", help="mark orders that differ, so that the order record lists them")

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
            for difference in differences(row.pk, fetch(Backend.of(row), begin, end), begin, end):
                self.report(difference, first=not found)
                found[difference.kind] += 1
                if alert:
                    mark(difference)
        except SuperappUnavailable as error:
            raise CommandError(f"The list could not be compared to its end: {error}", returncode=FAILED) from error
        span = f"from {begin.isoformat()} to {end.isoformat()}"
        if found:
            counted = ", ".join(f"{number} {kind}" for kind, number in sorted(found.items()))
            raise CommandError(f"{found.total()} differences with {row.name} {span}: {counted}.")
        self.stdout.write(f"No differences with {row.name} {span}.")

    def report(self, difference: Difference, *, first: bool) -> None:
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


def mark(difference: Difference) -> None:
    """Raise an alert at an order that has none yet."""
    order = Order.objects.filter(pk=difference.order_id, alert="").first() if difference.order_id else None
    if order:
        note = f"{difference.kind}: here {difference.ours}, there {difference.theirs}"
        raise_alert(order, "differs_from_superapp", actor=System("reconcile"), note=note)
