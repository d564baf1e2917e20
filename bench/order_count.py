"""The SQL of the capped count of the order record, against its page and against an exact count (bench/README.md)."""

from django.db import connection
from django.http import QueryDict

from bench.database import orders, programs
from bench.measuring import Result, medians
from bench.queries import TIMES, page_rows, runner
from console.listing import PAGE_SIZE, Listing
from console.models import MiniProgram, Superapp
from orders.listings import order_listing

ROUNDS = 7
QUERIES = ("", "payment=paid", "delivery=delivered")


def measure(rows: int) -> list[Result]:
    """Of the mini program with the most orders, and of the superapp with all of them."""
    owners = programs()
    orders(owners, rows)
    return [counted(place, query) for place in (owners[0], Superapp.objects.get()) for query in QUERIES]


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


def count(listing: Listing, which: str, *, times: int) -> None:
    """Count the rows of this name so many times."""
    rows = getattr(listing, which)
    sql, params = rows.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        for _time in range(times):
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS found", params)
            cursor.fetchall()
