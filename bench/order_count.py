"""The SQL of the capped count of the order record and of the figures, against a page and an exact count (bench/README.md)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from bench.database import copy_deliveries, record, rollups
from bench.measuring import Result, medians
from bench.queries import TIMES, page_rows, runner
from console import prepared
from console.listing import PAGE_SIZE, Listing
from console.models import MiniProgram, Superapp
from console.prepared import fetch
from orders import rollups as rolled_up
from orders.figures import PERIODS, days_of
from orders.listings import order_listing

ROUNDS = 7
YOUNG = timedelta(minutes=30)  # what is counted from the rows: the most that it can be
QUERIES = ("", "payment=paid", "delivery=delivered")
ZONES = ("Asia/Shanghai", "Asia/Kathmandu")  # sums of hours, sums of hours and quarters
#: What runs it, and its parameters.
Statement = tuple[Callable[[str, Any], object], str, Any]


def measure(rows: int) -> list[Result]:
    """Of the mini program with the most orders, and of the superapp with all of them."""
    owners = record(rows)
    copy_deliveries()  # the figures of what is younger ask for them
    made_but_the_youngest()
    counts = [counted(place, query) for place in (owners[0], Superapp.objects.get()) for query in QUERIES]
    return [*counts, *(figures(owners[0], zone, number) for number in PERIODS for zone in ZONES)]


def made_but_the_youngest() -> None:
    """The figures of all that is older; at first roughly, because that takes minutes."""
    for back in (timedelta(hours=3), YOUNG):
        line = timezone.now() - back
        with patch.object(rolled_up, "settled", lambda line=line: line):
            rollups()


def counted(place: MiniProgram | Superapp, query: str) -> Result:
    """The list's own count, its page, and COUNT of the same twelve months."""
    listing = order_listing(place, QueryDict(query))
    times = medians(
        ROUNDS,
        ours=lambda: count(listing, "capped", times=TIMES),
        limit=runner(page_rows(listing, listing.cut(PAGE_SIZE + 1))),
        peer=lambda: count(listing, "matching", times=1),
    )
    times = {name: seconds / (1 if name == "peer" else TIMES) for name, seconds in times.items()}
    goal = "≤ 3 × of the page's SQL; ≥ 20 × faster than COUNT over twelve months"
    met = times["ours"] <= 3 * times["limit"] and times["peer"] >= 20 * times["ours"]
    return Result(name=f"order_count {type(place).__name__} {query or 'all'}", unit="s", goal=goal, met=met, **times)


def figures(program: MiniProgram, zone: str, number: int) -> Result:
    """The queries of the figures of so many days, the list's page, and COUNT of twelve months of orders."""
    listing = order_listing(program, QueryDict(""))
    with timezone.override(zone):
        statements = recorded(lambda: days_of(program, number))
    times = medians(
        ROUNDS,
        ours=lambda: replay(statements, times=TIMES),
        limit=runner(page_rows(listing, listing.cut(PAGE_SIZE + 1))),
        peer=lambda: count(listing, "matching", times=1),
        same=lambda: summed(program, number),
    )
    times = {name: seconds / (TIMES if name in {"ours", "limit"} else 1) for name, seconds in times.items()}
    same = times.pop("same") / times["ours"]
    goal = f"≤ 3 × of the page's SQL; ≥ 20 × faster than COUNT over twelve months; {same:.0f} × faster than the same by GROUP BY"
    met = times["ours"] <= 3 * times["limit"] and times["peer"] >= 20 * times["ours"]
    return Result(name=f"order_count figures of {number} days, {zone}", unit="s", goal=goal, met=met, **times)


def summed(program: MiniProgram, number: int) -> None:
    """The figures of so many days from the orders themselves."""
    rolled_up.count(timezone.now() - timedelta(days=number), mini_program=program, env=0)


def recorded(make: Callable[[], object]) -> list[Statement]:
    """The statements that `make` runs, with what runs them and their parameters."""
    found: list[Statement] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append((plain, sql, params))
        return execute(sql, params, many, context)

    def note_prepared(sql: str, params: Any) -> Any:
        found.append((fetch, sql, params))
        return fetch(sql, params)

    with connection.execute_wrapper(note), patch.object(prepared, "fetch", note_prepared):
        make()
    return found


def plain(sql: str, params: Any) -> None:
    """Run it as the ORM does and fetch what it returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.fetchall()


def replay(statements: list[Statement], *, times: int) -> None:
    """Run the statements one after the other and fetch what they return, so many times."""
    for _time in range(times):
        for run, sql, params in statements:
            run(sql, params)


def count(listing: Listing, which: str, *, times: int) -> None:
    """Count the rows of this name so many times."""
    rows = getattr(listing, which)
    sql, params = rows.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        for _time in range(times):
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS found", params)
            cursor.fetchall()
