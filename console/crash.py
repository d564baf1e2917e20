"""Marks at which a test kills the process, to prove that nothing is lost there. Without settings.CRASH_POINT they do nothing."""

import os
import signal
from collections import Counter

from django.conf import settings

_passed: Counter[str] = Counter()


def mark(name: str) -> None:
    """End this process with SIGKILL if `name` is the crash point: "name", or "name:3" for the third time it is passed."""
    if not settings.CRASH_POINT:
        return
    wanted, _colon, times = settings.CRASH_POINT.partition(":")
    if name == wanted:
        _passed[name] += 1
        if _passed[name] >= int(times or 1):
            os.kill(os.getpid(), signal.SIGKILL)
