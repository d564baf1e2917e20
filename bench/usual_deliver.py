"""Deliveries as one would write them with Celery: one task for each, acknowledged late, model instances and `move()`."""

import os
import subprocess
import sys
from contextlib import ExitStack

import django
from celery import Celery
from django.utils import timezone

POOLS = {"prefork": 4, "threads": 16}

if __name__ != "__main__" and "BENCH_BROKER" in os.environ:
    django.setup()

app = Celery("usual", broker=os.environ.get("BENCH_BROKER", "memory://"))
app.conf.update(
    task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True
)


@app.task(name="bench.usual_deliver.deliver")
def deliver(pk: int) -> None:
    """Claim, post, write what came back; each move locks its row and writes its audit entry.

    Imported late: a worker reads the settings when it loads this module, the bench before that.
    """
    from django.db import transaction

    from console.http import send_sync
    from console.lifecycle import move
    from console.permissions import System
    from orders.models import Delivery
    from orders.sender import Push, outgoing, tried
    from payments.keys import accepted_keys

    actor = System("usual")
    with transaction.atomic():
        delivery = move(
            Delivery.objects.select_related("order", "mini_program__delivery_config").get(pk=pk), "claim", actor=actor
        )
        assert delivery.order is not None
        move(delivery.order, "start_delivery", actor=actor)
    keys = [key.text for key in accepted_keys(delivery.mini_program_id, delivery.env)]
    push = Push.of(delivery, url=delivery.mini_program.delivery_config.url_for(env=delivery.env), app_keys=keys)
    request, started = outgoing(push), timezone.now()
    attempt = tried(push, request, send_sync(request), started_at=started).attempt()
    with transaction.atomic():
        attempt.save()
        move(delivery, "acknowledge", actor=actor)
        move(delivery.order, "acknowledge_delivery", actor=actor)


def worker(pool: str, broker: str, stack: ExitStack, environment: dict[str, str]) -> None:
    """Start a Celery worker of this pool with a queue of its name; it is stopped with the stack."""
    command = [sys.executable, "-m", "celery", "-q", "-A", "bench.usual_deliver", "worker", "-P", pool, "-c", str(POOLS[pool])]
    command += ["-Q", pool, "-n", f"{pool}@bench", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "error"]
    process = subprocess.Popen(command, env={**environment, "BENCH_BROKER": broker})
    stack.callback(process.wait)
    stack.callback(process.terminate)
