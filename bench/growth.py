"""The same at five times as many orders: list, page, order, delivery, in two databases in turn (bench/README.md)."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import NamedTuple

from django.conf import settings
from django.db import connections
from django.http import QueryDict
from django.urls import reverse

from bench.database import copy_deliveries, fresh_database, record, use
from bench.deliver import add, drain, endpoints, receiver
from bench.measuring import Result
from bench.order_list import sql
from bench.order_page import COLUMNS, fetch, signed_in
from bench.place_order import OURS, Shop, load, superapp_server, web
from console.models import MiniProgram
from orders.listings import order_listing

TIMES = 5  # as many orders
ROUNDS, QUICK_ROUNDS = 5, 15  # of rates; of queries and pages, which differ more from round to round
ORDERS, DELIVERIES = 800, 1_000  # in a round
GOAL = 1.2
Run = Callable[[], float]  # seconds, or a rate


class Side(NamedTuple):
    """A database and what is measured in it."""

    database: str
    runs: dict[str, Run]


def measure(rows: int) -> list[Result]:
    """With `rows` orders, and with five times as many."""
    with ExitStack() as stack:
        stand_in, port = stack.enter_context(superapp_server()), receiver(stack)
        settings.LOCAL_DESTINATIONS |= {stand_in}
        settings.ALLOWED_HOSTS = ["*"]
        sides = [prepare(stack, "bench", rows, stand_in, port)]
        stack.enter_context(fresh_database("bench_grown"))
        sides.append(prepare(stack, "bench_grown", TIMES * rows, stand_in, port))
        return [compared(name, *in_turn(name, sides), rows) for name in sides[0].runs]


def prepare(stack: ExitStack, database: str, rows: int, stand_in: str, port: int) -> Side:
    """Fill the database that is in use, and start what works on it."""
    owners = record(rows)
    copy_deliveries()
    program, client = owners[0], signed_in(owners[0])
    url, deep = f"{reverse('orders:list', kwargs={'app_id': program.app_id})}?{COLUMNS}", after(program)
    pushed, shop = endpoints(port), Shop(f"http://{stand_in}")
    connections.close_all()
    server = stack.enter_context(web("console.wsgi:application", stand_in, OURS))
    numbers = iter(range(0, 10**9, DELIVERIES))
    runs: dict[str, Run] = {
        "list, first page": partial(warmed, sql(program, "")),
        "list, deep page": partial(warmed, sql(program, f"after={deep}")),
        "page, first": partial(warmed, partial(fetch, client, url)),
        "page, deep": partial(warmed, partial(fetch, client, f"{url}&after={deep}")),
        "orders a second": lambda: load(server, shop, ORDERS),
        "deliveries a second": lambda: DELIVERIES / delivered(pushed, next(numbers)),
    }
    return Side(database, runs)


def after(program: MiniProgram) -> str:
    """The place of the row at nine tenths of the list."""
    listing = order_listing(program, QueryDict(""))
    depth = listing.matching.count() * 9 // 10
    return listing._cursor(listing.ordered.values("id", "created_at")[depth])


def warmed(work: Callable[[], None]) -> float:
    """Seconds, on a connection that has done it once: a new one reads the catalogue first."""
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def delivered(owners: list[MiniProgram], first: int) -> float:
    """Seconds from an outbox with so many due rows to the last acknowledged one; what was delivered stays in the tables."""
    add(owners, DELIVERIES, first=first)
    return drain()


def in_turn(name: str, sides: list[Side]) -> tuple[float, float]:
    """The medians of a measurement in both databases; the first round warms up."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range((ROUNDS if is_rate(name) else QUICK_ROUNDS) + 1):
        for place, side in enumerate(sides):
            use(side.database)
            value = side.runs[name]()
            if number:
                taken[place].append(value)
    return median(taken[0]), median(taken[1])


def is_rate(name: str) -> bool:
    """Whether more is better."""
    return name.endswith("a second")


def compared(name: str, few: float, many: float, rows: int) -> Result:
    """One line: ours with many orders, the limit with few."""
    met = few <= GOAL * many if is_rate(name) else many <= GOAL * few
    goal = f"at {TIMES * rows:,} orders within {GOAL} × of what it is at {rows:,}, which is the limit here"
    return Result(name=f"growth {name}", ours=many, limit=few, peer=None, unit="/s" if is_rate(name) else "s", goal=goal, met=met)
