"""Load the demo's data."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from simulator.demo.loading import adapt_addresses, load, write_file


class Command(BaseCommand):
    help = "Load the demo's data once, and write what HTTP clients need into VAR_DIR/demo.json."

    def handle(self, **options: Any) -> None:
        """Safe to repeat: what is there stays as it is."""
        if settings.PRODUCTION:
            raise CommandError("The demo is for trials. Run it with DEMO=1 (make demo).")
        if load():
            self.stdout.write("The demo is loaded.")
        adapt_addresses()
        self.stdout.write(f"Keys for HTTP clients: {write_file()}")
