"""Deliveries a second from outbox to acknowledged row, one dispatcher, against a bare aiohttp loop posting the same bodies."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from datetime import timedelta
from typing import Any

import aiohttp
from django.conf import settings
from django.utils import timezone

from bench.database import programs
from bench.measuring import Result, medians
from console import secrets
from console.models import MiniProgram, User
from orders.dispatcher import run
from orders.models import Delivery, Order
from payments.models import Credential, DeliveryConfig, owners_of
from tests.services import free_port

ENDPOINTS = 50
MOST = 5000  # deliveries a round
ROUNDS = 3
AT_ONCE = 400  # the most that the dispatcher posts at once to this many endpoints
BODY = '{"EventType":"event","Event":"minigame_game_pay_goods_deliver_notify","PayModel":"m","Payload":"' + "x" * 400 + '"}'


def measure(rows: int) -> Result:
    """Both sides post the same number of the same bodies to the same receiver, a process of its own."""
    count, port = min(rows, MOST), free_port()
    settings.LOCAL_DESTINATIONS = frozenset({f"127.0.0.1:{port}"})
    receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)])
    _await(port)
    owners = _endpoints(port)
    seconds: list[float] = []
    try:
        times = medians(
            ROUNDS, ours=lambda: seconds.append(ours(owners, count)), limit=lambda: asyncio.run(post_all(port, count))
        )
    finally:
        receiver.terminate()
    # Filling the outbox is not what is measured.
    rate = count / sorted(seconds)[len(seconds) // 2]
    bare = count / times["limit"]
    goal = "≥ 0.55 × of a bare aiohttp loop posting the same bodies"
    return Result(name="deliver", ours=rate, limit=bare, peer=None, unit="/s", goal=goal, met=rate >= 0.55 * bare)


def _await(port: int) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)


def ours(owners: list[MiniProgram], count: int) -> float:
    """Seconds from an outbox of `count` due rows to the last acknowledged row."""
    _fill(owners, count)
    stop, began = threading.Event(), time.perf_counter()
    thread = threading.Thread(target=run, args=(stop,))
    thread.start()
    while Delivery.objects.exclude(state="delivered").exists():
        time.sleep(0.02)
    seconds = time.perf_counter() - began
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


def _endpoints(port: int) -> list[MiniProgram]:
    person, now, owners = User.objects.create_user("bench@example.test", name="Bench"), timezone.now(), programs(ENDPOINTS)
    for number, program in enumerate(owners):
        serial, key = f"{number:016X}", b64encode(bytes(32))
        sealed: dict[str, Any] = {
            f"sealed_{name}": secrets.seal(key, bound_to=f"credential:{serial}:{name}") for name in ("live_key", "sandbox_key")
        }
        url = f"http://127.0.0.1:{port}/p{number}"
        DeliveryConfig.objects.create(**owners_of(program), url=url, enabled=True, saved_by=person)
        Credential.objects.create(
            **owners_of(program), **sealed, serial_no=serial, not_before=now, not_after=now + timedelta(days=1), issued_by=person
        )
    return owners


def _fill(owners: list[MiniProgram], count: int) -> None:
    Delivery.objects.all().delete()
    Order.objects.all().delete()
    fields = {"open_id": "player", "amount": 990, "currency": "USD", "payment_state": "paid", "paid_amount": 990}
    owned = [owners_of(owners[number % ENDPOINTS]) for number in range(count)]
    made = Order.objects.bulk_create(
        Order(**own, **fields, out_trade_no=f"ORDER-{number}", delivery_state="pending") for number, own in enumerate(owned)
    )
    Delivery.objects.bulk_create(
        Delivery(**own, order=order, event="goods", body=BODY) for own, order in zip(owned, made, strict=True)
    )
