"""Prepare the database and start the console in one process, for a trial or a small installation without Redis."""

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

COMMAND = ["-m", "gunicorn", "-c", "console/gunicorn_conf.py", "console.wsgi"]


def require_free_port(port: int) -> None:
    """Raise CommandError when `port` of 127.0.0.1 is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} is not free ({error.strerror}). Choose another one: make run PORT={port + 1}"
            raise CommandError(message) from error


class Command(BaseCommand):
    help = "Prepare the database and serve the console on 127.0.0.1:$PORT."
    requires_migrations_checks = False

    def handle(self, **options: Any) -> None:
        require_free_port(settings.PORT)
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("sync_grants", verbosity=0)
        if "demo" in get_commands():
            call_command("demo")
        call_command("collectstatic", interactive=False, verbosity=0)
        connections.close_all()
        sys.stdout.flush()
        # The same process becomes gunicorn: signals and the exit code are its own.
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, *COMMAND])
