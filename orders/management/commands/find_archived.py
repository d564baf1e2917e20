"""Read an order out of the archive (docs/operations.md, "Archive")."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.archive_files import ArchiveFault, find
from orders.models import Archive, ArchivedOrder, ArchivedRefund


class Command(BaseCommand):
    help = "Print the archived orders that have this order number or refund number, with all their rows, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", help="an order number or a refund number, whole")

    def handle(self, *, number: str, **_options: Any) -> None:
        told = 0
        for column, rows in (
            ("out_trade_no", ArchivedOrder.objects.filter(out_trade_no=number)),
            ("refund_no", ArchivedRefund.objects.filter(refund_no=number)),
        ):
            for archive in Archive.objects.filter(pk__in=rows.values_list("archive_id", flat=True)).order_by("pk"):
                told += self.tell(archive, column, number)
        if not told:
            raise CommandError(f"No order or refund {number} is in the archive.")

    def tell(self, archive: Archive, column: str, number: str) -> int:
        """Print what one file has; returns how many orders. Raises CommandError when the file cannot be read."""
        try:
            found = list(find(archive.file, column, number))
        except ArchiveFault as error:
            raise CommandError(str(error)) from error
        for line in found:
            told = {"archive": archive.pk, "file": archive.file, "archived_at": archive.made_at.isoformat(), **line}
            self.stdout.write(json.dumps(told, indent=1, ensure_ascii=False))
        return len(found)
