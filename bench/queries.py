"""How the SQL of a page is timed: as the page runs it, with its parameters bound by the server, all rows fetched."""

import random
from collections.abc import Callable, Sequence

from django.db import connection
from django.db.models import Max, Min, QuerySet

from console.columns import annotations
from console.listing import Listing
from orders.models import Order

TIMES = 20  # in a round: one query takes about as long as the clock and the machine's noise


def page_rows(listing: Listing, rows: QuerySet) -> QuerySet:
    """What a page selects of these rows."""
    aliases = annotations(listing.shown)
    return rows.annotate(**aliases).values("id", listing.sort.field, *listing.extra, *aliases)


def runner(rows: QuerySet, *, times: int = TIMES) -> Callable[[], None]:
    """Something that runs the query so many times."""
    sql, params = rows.query.sql_with_params()

    def run() -> None:
        with connection.cursor() as cursor:
            for _time in range(times):
                cursor.execute(sql, params)
                cursor.fetchall()

    return run


def by_key(listing: Listing, ids: Sequence[int]) -> QuerySet:
    """The same columns of rows whose primary keys are known: the least that a page can cost."""
    return page_rows(listing, Order.objects.filter(pk__in=ids))


def some_ids(rows: QuerySet, number: int, *, seed: int = 1) -> list[int]:
    """Primary keys of rows from all over the table."""
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    chance = random.Random(seed)
    wanted = {chance.randint(ends["first"], ends["last"]) for _number in range(number * 20)}
    return list(rows.filter(pk__in=wanted).values_list("pk", flat=True)[:number])
