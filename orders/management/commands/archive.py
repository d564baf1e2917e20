"""Put old orders into the archive, or check what is in it (docs/operations.md, "Archive")."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import date
from getpass import getuser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.models import Superapp
from console.permissions import System
from orders.actions.archive import archive_orders, countable, limit
from orders.archive_files import ArchiveFault, check, left_over
from orders.models import Archive

MAY_GO = (
    "If this is the database that writes this store, and no copy of it, a run that was killed left the file: its orders are in"
    " the tables or in another file, and it may be deleted."
)
WAIT = "Delete none of them; verify again in two days."


class Command(BaseCommand):
    help = "Archive orders older than ARCHIVE_AFTER_MONTHS, month by month; or check the files of the archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--superapp", metavar="CODE", help="only this one's orders")
        parser.add_argument("--older-than", type=int, metavar="MONTHS", help="instead of ARCHIVE_AFTER_MONTHS")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--count", action="store_true", help="only say how many would be archived")
        which.add_argument("--verify", action="store_true", help="only read all files and compare them with their rows")

    def handle(self, *, superapp: str | None, older_than: int | None, count: bool, verify: bool, **_options: Any) -> None:
        chosen = self.chosen(superapp)
        if verify:
            return self.verify(chosen)
        before = self.before(older_than)
        if count:
            return self.count(chosen, before)
        self.archive(chosen, before)

    def chosen(self, code: str | None) -> Iterable[Superapp] | None:
        """The superapp asked for, None for all. Raises CommandError."""
        if code is None:
            return None
        found = Superapp.objects.filter(code=code)
        if not found:
            raise CommandError(f"There is no superapp with the code {code}.")
        return found

    def before(self, months: int | None) -> date:
        """The first day that stays. Raises CommandError."""
        kept = settings.ARCHIVE_AFTER_MONTHS if months is None else months
        if months is None and not kept:
            raise CommandError("Orders are kept for ever: ARCHIVE_AFTER_MONTHS is not set. Set it, or say --older-than MONTHS.")
        try:
            return limit(kept)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def archive(self, superapps: Iterable[Superapp] | None, before: date) -> None:
        """A line for each file."""
        orders = files = 0
        try:
            for made in archive_orders(before=before, actor=System(f"archive, by {getuser()}"), superapps=superapps):
                orders, files = orders + made.orders, files + 1
                self.stdout.write(f"{made.orders:,} orders and {made.refunds:,} refunds: {made.file} {made.sha256}")
        except (ArchiveFault, OSError) as error:
            raise CommandError(f"{error} {orders:,} orders were archived before.") from error
        self.stdout.write(f"{orders:,} orders from before {before} are in {files} new files.")

    def count(self, superapps: Iterable[Superapp] | None, before: date) -> None:
        """A line for each month, kind and environment."""
        total = 0
        for words, ready, kept in countable(before=before, superapps=superapps):
            total += ready
            self.stdout.write(f"{words}: {ready:,} ready, {kept:,} stay because something about them is pending or new")
        self.stdout.write(f"{total:,} orders from before {before} would be archived.")

    def verify(self, superapps: Iterable[Superapp] | None) -> None:
        """Each file against its row; then tells of files without a row. Raises CommandError when one does not fit."""
        rows = Archive.objects.order_by("month", "pk")
        rows = rows if superapps is None else rows.filter(superapp__in=superapps)
        faults = list(filter(None, map(self.fault, rows)))
        self.tell_of_left_over()
        if faults:
            raise CommandError(f"{len(faults)} of {rows.count()} files are not as they were written.")
        self.stdout.write(f"All {rows.count()} files are as they were written.")

    def tell_of_left_over(self) -> None:
        """A line for each file that was left over, and how many may still get a row."""
        over, others = left_over()
        for name in over:
            self.stdout.write(f"{name}: no row of this database names it. {MAY_GO}")
        if others:
            self.stdout.write(f"{others} files without a row are too young to be judged: a run may still enter them. {WAIT}")

    def fault(self, archive: Archive) -> str:
        """What is wrong with a file, printed; "" for nothing."""
        try:
            content = check(archive.file, archive.sha256)
        except ArchiveFault as error:
            said = str(error)
        else:
            found = (content.rows["orders"], content.rows["refunds"], content.totals)
            fits = found == (archive.orders, archive.refunds, archive.totals)
            said = "" if fits else f"{archive.file}: it does not add up to what its row says."
        if said:
            self.stdout.write(f"archive {archive.pk}: {said}")
        return said
