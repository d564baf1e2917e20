"""Marked points at which a test kills the process, to show that nothing is lost (docs/reliability.md)."""

import os
import signal

from django.conf import settings


def mark(name: str) -> None:
    """End this process with SIGKILL when CRASH_POINT names this point; it is empty in production (console/settings.py)."""
    if settings.CRASH_POINT == name:
        os.kill(os.getpid(), signal.SIGKILL)
