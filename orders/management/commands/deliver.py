"""The dispatcher as a process of its own; start as many as needed, they share the rows."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from orders.dispatcher import run


class Command(BaseCommand):
    help = "Send what stands in the outbox, until SIGTERM: then what is in hand is finished or given back within 20 seconds."

    def handle(self, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run(stop)
