"""How long healthy endpoints wait while others are stuck: from due to acknowledged, p99 (bench/README.md)."""

import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from statistics import median, quantiles

from django.db import transaction
from django.db.models import F

from bench import usual_deliver
from bench.deliver import add, endpoints, environment, fill, receiver, usual_workers
from bench.measuring import Result
from console.models import MiniProgram
from orders.models import Delivery, Heartbeat, Receiver
from orders.wake import wake_on_commit

ENDPOINTS, SLOW = 100, 5
STUCK = 5000  # due rows of one slow endpoint, from the start
RATE, SECONDS = 100, 10  # healthy deliveries a second become due, for so long
ROUNDS = 3


def measure(rows: int) -> Result:
    """The same load with and without slow endpoints in turn; the peer gets the slow ones, but not the 5,000 stuck rows."""
    with ExitStack() as stack:
        port = receiver(stack, str(SLOW))
        usual_workers(port, stack)
        owners = endpoints(port, ENDPOINTS)
        slow, healthy = owners[:SLOW], owners[SLOW:]
        with_slow, without = [], []
        for _round in range(ROUNDS):
            without.append(waited(port, healthy, []))
            with_slow.append(waited(port, healthy, slow))
        peer = usual_waited(healthy, slow)
    ours, limit = (median(found[-1] for found in side) for side in (with_slow, without))
    p95 = max(found[94] for found in with_slow)
    goal = f"≤ 1.5 × of the same without slow endpoints; ≥ 50 × one Celery task each; worst p95 {p95:.2f} s ≤ 5 s"
    met = ours <= 1.5 * limit and peer >= 50 * ours and p95 <= 5
    return Result(name="deliver_isolation", ours=ours, limit=limit, peer=peer, unit="s", goal=goal, met=met)


def waited(port: int, healthy: list[MiniProgram], slow: list[MiniProgram]) -> list[float]:
    """The percentiles 1 to 99 of seconds that healthy deliveries waited."""
    fill(slow[:1], STUCK if slow else 0)
    Receiver.objects.all().delete()  # what the round before left behind
    # A process of its own, as in production: in ours it would wait for whoever makes the orders.
    dispatcher = subprocess.Popen([sys.executable, "manage.py", "deliver", "--skip-checks"], env=environment(port))
    while not Heartbeat.objects.exists():
        time.sleep(0.05)
    feed(healthy, slow, SECONDS, first=STUCK)
    found = percentiles(healthy)
    dispatcher.terminate()
    dispatcher.wait()
    return found


def usual_waited(healthy: list[MiniProgram], slow: list[MiniProgram]) -> float:
    """The p99 of the peer, a pool of threads."""
    fill(healthy, 0)
    sent: set[int] = set()

    def send() -> None:
        for pk in Delivery.objects.exclude(pk__in=sent).values_list("pk", flat=True):
            usual_deliver.deliver.apply_async([pk], queue="threads")
            sent.add(pk)

    feed(healthy, slow, SECONDS, then=send)
    return percentiles(healthy)[-1]


def feed(healthy: list[MiniProgram], slow: list[MiniProgram], seconds: int, *, first: int = 0, then: object = None) -> None:
    """Ten times a second a tenth of RATE becomes due at healthy endpoints, and SLOW % of that at slow ones."""
    began = time.perf_counter()
    for step in range(seconds * 10):
        time.sleep(max(0.0, began + step / 10 - time.perf_counter()))
        with transaction.atomic():
            add(healthy, RATE // 10, first=first + step * 20)
            if slow and step % 2:
                add(slow, 1, first=first + step * 20 + 15)
            wake_on_commit()
        if callable(then):
            then()


def percentiles(healthy: list[MiniProgram]) -> list[float]:
    """Waits until all healthy deliveries are acknowledged."""
    rows = Delivery.objects.filter(mini_program__in=healthy)
    while rows.exclude(state="delivered").exists():
        time.sleep(0.05)
    waits = rows.values_list(F("acknowledged_at") - F("first_due_at"), flat=True)
    return quantiles([wait / timedelta(seconds=1) for wait in waits], n=100)
