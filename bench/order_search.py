"""The SQL of searching the order record: exact number, 200 pasted numbers, a part of a number (bench/README.md)."""

from django.http import QueryDict

from bench.database import record
from bench.measuring import Result, medians
from bench.queries import TIMES, by_key, page_rows, runner, some_ids
from console.listing import PAGE_SIZE
from console.models import Superapp
from orders.listings import order_listing
from orders.models import Environment, Order

ROUNDS = 7


def measure(rows: int) -> list[Result]:
    """In the record of a superapp, which holds all orders."""
    record(rows)
    place = Superapp.objects.get()
    listing = order_listing(place, QueryDict(""))
    ids = some_ids(listing.rows, 200)
    numbers = list(Order.objects.filter(pk__in=ids).order_by("pk").values_list("out_trade_no", flat=True))
    one = numbers[len(numbers) // 2]
    exact = listing.rows.filter(out_trade_no=one, env__in=Environment.values).values("id", "env", "kind", *listing.extra)[:10]
    pasted, part = (order_listing(place, QueryDict(f"q={text}")) for text in ("+".join(numbers), one[-8:]))
    plain = order_listing(place, QueryDict(""))
    usual = plain.matching.filter(out_trade_no__icontains=one[-8:]).order_by(*plain.sort.order)[: PAGE_SIZE + 1]
    times = medians(
        ROUNDS,
        key=runner(by_key(listing, ids[:1])),
        exact=runner(exact),
        pasted=runner(page_rows(pasted, pasted.cut(PAGE_SIZE + 1))),
        part=runner(page_rows(part, part.cut(PAGE_SIZE + 1))),
        peer=runner(page_rows(plain, usual), times=1),
    )
    peer = times.pop("peer")
    times = {name: seconds / TIMES for name, seconds in times.items()}
    return [
        result("exact number", times["exact"], times["key"], 2),
        result("200 pasted numbers", times["pasted"], times["key"], 20),
        result("part of a number", times["part"], times["key"], 10, peer=peer),
    ]


def result(what: str, ours: float, limit: float, most: int, *, peer: float | None = None) -> Result:
    """Against one row by primary key, and for a part of a number against icontains."""
    goal = f"≤ {most} × of one row by primary key" + ("; ≥ 40 × faster than icontains" if peer else "")
    met = ours <= most * limit and (peer is None or peer >= 40 * ours)
    return Result(name=f"order_search {what}", ours=ours, limit=limit, peer=peer, unit="s", goal=goal, met=met)
