"""Deliveries a second from outbox to acknowledged row, one dispatcher: against a bare aiohttp loop, and one Celery task each."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from django.conf import settings
from django.utils import timezone

from bench import usual_deliver
from bench.database import programs
from bench.measuring import Result, medians
from console import secrets
from console.models import MiniProgram, User
from orders.dispatcher import run
from orders.models import Attempt, Delivery, Order
from payments.models import Credential, DeliveryConfig, owners_of
from tests.services import free_port, valkey

ENDPOINTS = 50
MOST = 5000  # deliveries a round
PEER_MOST = 600  # of a peer: it takes ten times as long
ROUNDS = 3
AT_ONCE = 400  # the most that the dispatcher posts at once to this many endpoints
BODY = '{"EventType":"event","Event":"minigame_game_pay_goods_deliver_notify","PayModel":"m","Payload":"' + "x" * 400 + '"}'


def measure(rows: int) -> Result:
    """All sides post the same bodies to the same receiver, a process of its own."""
    count, peer_count = min(rows, MOST), min(rows, PEER_MOST)
    with ExitStack() as stack:
        port = receiver(stack)
        owners = endpoints(port)
        pools = usual_workers(port, stack)
        seconds: dict[str, list[float]] = {"ours": [], **{pool: [] for pool in pools}}
        # Filling the outbox is not what is measured, so our side and the peers time themselves.
        sides: dict[str, Callable[[], object]] = {"ours": lambda: seconds["ours"].append(ours(owners, count))}
        sides["limit"] = lambda: asyncio.run(post_all(port, count))
        for pool in pools:
            usual(owners, 20, pool)  # the first tasks start its processes and connections
            sides[pool] = partial(lambda pool: seconds[pool].append(usual(owners, peer_count, pool)), pool)
        times = medians(ROUNDS, **sides)
    rate, bare = count / median(seconds["ours"]), count / times["limit"]
    best = max(peer_count / median(seconds[pool]) for pool in pools)
    goal = "≥ 0.55 × of a bare aiohttp loop posting the same bodies; ≥ 5 × one Celery task each"
    return Result(
        name="deliver", ours=rate, limit=bare, peer=best, unit="/s", goal=goal, met=rate >= 0.55 * bare and rate >= 5 * best
    )


def receiver(stack: ExitStack, *arguments: str) -> int:
    """Start bench.receiver; the only destination that is allowed. Returns its port."""
    port = free_port()
    settings.LOCAL_DESTINATIONS = frozenset({f"127.0.0.1:{port}"})
    process = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port), *arguments])
    stack.callback(process.wait)
    stack.callback(process.terminate)
    _await(port)
    return port


def environment(port: int) -> dict[str, str]:
    """That of a process that works on the same database and may post to the receiver."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {**os.environ, "DATABASE_URL": f"{server}/bench", "LOCAL_DESTINATIONS": f"127.0.0.1:{port}"}


def usual_workers(port: int, stack: ExitStack) -> list[str]:
    """Start the peers' broker and workers; returns their names."""
    directory = Path(tempfile.mkdtemp(prefix="console-bench-"))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    broker = valkey(directory, stack)
    usual_deliver.app.conf.broker_url = broker
    usual_deliver.app.__dict__.pop("amqp", None)  # it keeps connections to the broker of the measurement before this one
    for pool in usual_deliver.POOLS:
        usual_deliver.worker(pool, broker, stack, environment(port))
    return list(usual_deliver.POOLS)


def usual(owners: list[MiniProgram], count: int, pool: str) -> float:
    """Seconds from the first task sent to the last acknowledged row."""
    fill(owners, count)
    began = time.perf_counter()
    for pk in Delivery.objects.values_list("pk", flat=True):
        usual_deliver.deliver.apply_async([pk], queue=pool)
    return _delivered(began)


def _delivered(began: float) -> float:
    # One by one, so that each has an index: a look through all that was delivered would be measured too.
    while any(Delivery.objects.filter(state=state).exists() for state in ("pending", "delivering")):
        time.sleep(0.05)
    return time.perf_counter() - began


def _await(port: int) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)


def ours(owners: list[MiniProgram], count: int) -> float:
    """Seconds from an outbox of `count` due rows to the last acknowledged row."""
    fill(owners, count)
    return drain()


def drain() -> float:
    """Seconds that a dispatcher takes until nothing is undelivered."""
    stop, began = threading.Event(), time.perf_counter()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    seconds = _delivered(began)
    stop.set()
    thread.join()
    return seconds


async def post_all(port: int, count: int) -> None:
    """The limit: no database, no signatures, no address checks; a fresh connection a post, as ours."""
    connector = aiohttp.TCPConnector(force_close=True, limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def post(number: int) -> None:
            async with session.post(f"http://127.0.0.1:{port}/p{number % ENDPOINTS}", data=BODY.encode()) as response:
                await response.read()

        await asyncio.gather(*(post(number) for number in range(count)))


def endpoints(port: int, number: int = ENDPOINTS) -> list[MiniProgram]:
    """So many mini programs with keys and a push that is on, each to a path of its own."""
    person, now, owners = User.objects.create_user("deliver@example.test", name="Bench"), timezone.now(), programs(number)
    for place, program in enumerate(owners):
        serial, key = f"{place:016X}", b64encode(bytes(32))
        sealed: dict[str, Any] = {
            f"sealed_{name}": secrets.seal(key, bound_to=f"credential:{serial}:{name}") for name in ("live_key", "sandbox_key")
        }
        url = f"http://127.0.0.1:{port}/p{place}"
        DeliveryConfig.objects.create(**owners_of(program), url=url, enabled=True, saved_by=person)
        Credential.objects.create(
            **owners_of(program), **sealed, serial_no=serial, not_before=now, not_after=now + timedelta(days=1), issued_by=person
        )
    return owners


def fill(owners: list[MiniProgram], count: int) -> None:
    """An outbox of so many due rows and nothing else."""
    Attempt.objects.all()._raw_delete("default")
    Delivery.objects.all()._raw_delete("default")
    Order.objects.all()._raw_delete("default")
    add(owners, count)


def add(owners: list[MiniProgram], count: int, *, first: int = 0) -> None:
    """So many due rows, numbered from `first`."""
    fields = {"open_id": "player", "amount": 990, "currency": "USD", "payment_state": "paid", "paid_amount": 990}
    owned = [owners_of(owners[number % len(owners)]) for number in range(first, first + count)]
    made = Order.objects.bulk_create(
        Order(**own, **fields, out_trade_no=f"ORDER-{number}", delivery_state="pending")
        for number, own in enumerate(owned, first)
    )
    Delivery.objects.bulk_create(
        Delivery(**own, order=order, event="goods", body=BODY) for own, order in zip(owned, made, strict=True)
    )
