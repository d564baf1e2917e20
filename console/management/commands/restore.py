"""Restore a backup, and check it before anything can be delivered from it (docs/operations.md, "Backups")."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.backups import RESTORING, BackupFault, restore

CHECKS = ("check_invariants", "verify_audit")


class Command(BaseCommand):
    help = "Restore a backup to the empty database of DATABASE_URL. It is there only once check_invariants and verify_audit hold."
    requires_system_checks: list[str] = []  # some ask the database, which is not there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("backup", type=Path)

    def handle(self, *, backup: Path, **options: Any) -> None:
        try:
            restore(backup, check=self.check_copy)
        except (BackupFault, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The backup is restored and in order. Run `manage.py migrate`, then start the processes.")

    def check_copy(self) -> None:
        """Raises CommandError; the copy stays under its other name, to be looked at."""
        for name in CHECKS:
            try:
                call_command(name, stdout=self.stdout)
            except CommandError as error:
                kept = f"The copy is kept with {RESTORING} behind its name; nothing is delivered from it."
                raise CommandError(f"{name}: {error} {kept}") from error
