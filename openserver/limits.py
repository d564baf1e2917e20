"""How many calls a minute one address and one mini program may make (docs/openserver.md, "How many calls").

The counters are in the memory of each web process: they need neither Redis nor the database and cost an order some microseconds.
The price is that a limit is shared out among the processes of this machine, and that another machine counts for itself.
A process that starts anew begins with full buckets.
"""

import math
import threading
import time
from functools import cache

from django.conf import settings

from openserver.errors import RateLimited

MINUTE = 60.0  # seconds
ROUNDING = 1e-6  # seconds; sums of many steps are not exact
KEPT = 50_000  # callers; the idle ones are forgotten beyond that
LOCAL = {"", "127.0.0.1", "::1"}  # "" is a socket of this machine


class Buckets:
    """One bucket for each caller. It holds `per_minute` calls and fills up within a minute; 0 sets no limit."""

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self.full_at: dict[object, float] = {}  # monotonic seconds at which a bucket is full again; absent is full
        self.lock = threading.Lock()

    def wait(self, caller: object, *, now: float | None = None) -> float:
        """Seconds until the caller may make one more call; 0 when it may now. Nothing is counted."""
        if not self.per_minute:
            return 0.0
        now = time.monotonic() if now is None else now
        step = MINUTE / self.per_minute
        over = self.full_at.get(caller, now) + step - now - max(MINUTE, step)
        return over if over > ROUNDING else 0.0

    def take(self, caller: object, *, now: float | None = None) -> float:
        """Count one call and return 0; or count nothing and return the seconds to wait."""
        now = time.monotonic() if now is None else now
        with self.lock:
            seconds = self.wait(caller, now=now)
            if self.per_minute and not seconds:
                self.full_at[caller] = max(self.full_at.get(caller, now), now) + MINUTE / self.per_minute
                if len(self.full_at) > KEPT:
                    self.full_at = {name: full for name, full in self.full_at.items() if full > now}
        return seconds


@cache
def addresses() -> Buckets:
    """Those of addresses."""
    return Buckets(settings.CALLS_PER_ADDRESS / settings.WEB_PROCESSES)


@cache
def programs() -> Buckets:
    """Those of mini programs."""
    return Buckets(settings.CALLS_PER_PROGRAM / settings.WEB_PROCESSES)


def count_program(program_id: int) -> None:
    """Count a call of a mini program's developer or SDK, or refuse it. Raises RateLimited."""
    if seconds := programs().take(program_id):
        raise RateLimited("This mini program makes too many calls.", seconds=math.ceil(seconds))


def check_address(address: str) -> None:
    """Refuse an address that has made too many calls that nobody vouches for. Raises RateLimited."""
    if seconds := addresses().wait(address):
        raise RateLimited("Too many calls come from your address.", seconds=math.ceil(seconds))


def count_address(address: str) -> None:
    """Count a call that nobody vouches for. This machine itself is not counted: it is the operator, or a proxy of theirs."""
    if address not in LOCAL:
        addresses().take(address)
