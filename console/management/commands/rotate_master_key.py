"""Wrap every stored secret with the first of MASTER_KEYS; the others are only read (docs/operations.md, "Keys")."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.master_key import left, rotate


class Command(BaseCommand):
    help = "Wrap every stored secret with the first of MASTER_KEYS. May be killed and run again. Exits 1 while something is left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", action="store_true", help="Only count what the first key does not wrap yet.")

    def handle(self, **options: Any) -> None:
        if not options["count"]:
            done = rotate()
            for fault in done.faults:
                self.stderr.write(fault)
            self.stdout.write(f"{done.wrapped} secrets were wrapped anew.")
        remaining = left()
        for place, count in remaining.items():
            self.stdout.write(f"{place}: {count} left")
        if remaining:
            raise CommandError(f"{sum(remaining.values())} are left. Keep the old keys in MASTER_KEYS and run this again.")
        self.stdout.write("Nothing is left: the keys behind the first one are not needed any more.")
