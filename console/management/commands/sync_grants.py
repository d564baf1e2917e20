"""Bring everybody's grants in step with the roles of the matrix; part of every update (docs/operations.md)."""

from typing import Any

from django.core.management.base import BaseCommand

from console.actions.grants import sync_grants


class Command(BaseCommand):
    help = "Give and take the permissions that roles gained or lost since memberships were set. May run at any time."

    def handle(self, **options: Any) -> None:
        added, removed = sync_grants()
        if options["verbosity"]:
            self.stdout.write(f"{added} grants added, {removed} removed.")
