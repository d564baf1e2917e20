"""`manage.py make_search_index`: the index for parts of numbers, for a database that did not allow it when it was migrated."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from orders.parts import make_index


class Command(BaseCommand):
    help = "Make the extension pg_trgm and the indexes with which parts of order and refund numbers are found."

    def handle(self, *args: Any, **options: Any) -> None:
        if not make_index(connection):
            raise CommandError(
                "The database did not allow it. Let its owner run CREATE EXTENSION pg_trgm; then run this command again."
            )
        self.stdout.write("Parts of numbers can be searched for; restart the web processes.")
