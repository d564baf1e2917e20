"""Save the database and the uploaded files (docs/operations.md, "Backups")."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console.backups import BackupFault, make


class Command(BaseCommand):
    help = "Write a backup of the database and the uploaded files below DIRECTORY, while everything goes on running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *, directory: Path, **options: Any) -> None:
        try:
            target = make(directory, now=timezone.now())
        except (BackupFault, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{target}\nThe keys are not in it: keep MASTER_KEYS and AUDIT_KEY in another place.")
