"""The SQL of the order record's page: first, deep and last pages and each filter (bench/README.md)."""

from collections.abc import Callable

from django.db.models import Q
from django.http import QueryDict

from bench.database import record
from bench.measuring import Result, medians
from bench.queries import TIMES, by_key, page_rows, runner, some_ids
from console.listing import PAGE_SIZE
from console.models import MiniProgram, Superapp
from orders.listings import OrderListing, order_listing

ROUNDS = 7
DEPTHS = (0.5, 0.9)
Side = Callable[[], None]
FILTERS = (
    "env=1", "payment=paid", "payment=unpaid", "payment=closed", "delivery=delivered", "delivery=needs_attention",
    "refund=refunded", "time=paid", "sort=oldest", "sort=largest", "item=item_007", "payment=paid&refund=refunded",
)  # fmt: skip


def measure(rows: int) -> list[Result]:
    """Of the mini program with the most orders, and of the superapp with all of them."""
    owners = record(rows)
    superapp = Superapp.objects.get()
    return [first(owners[0]), *deep(owners[0]), *deep(superapp), filters(owners[0])]


def sql(place: MiniProgram | Superapp, query: str, *, times: int = TIMES) -> Side:
    """The page that the address names."""
    listing = order_listing(place, QueryDict(query))
    return runner(page_rows(listing, listing.cut(PAGE_SIZE + 1)), times=times)


def first(place: MiniProgram) -> Result:
    """The first page against 50 rows by primary key."""
    listing = order_listing(place, QueryDict(""))
    keys = runner(by_key(listing, some_ids(listing.rows, PAGE_SIZE)))
    times = each(medians(ROUNDS, ours=sql(place, ""), limit=keys))
    goal = "≤ 1.2 × of 50 rows by primary key"
    met = times["ours"] <= 1.2 * times["limit"]
    return Result(name="order_list first page", peer=None, unit="s", goal=goal, met=met, **times)


def deep(place: MiniProgram | Superapp) -> list[Result]:
    """Deep pages against the first, against OFFSET and against a comparison with OR, as one writes it with Q."""
    listing = order_listing(place, QueryDict(""))
    total = listing.matching.count()
    found = []
    for depth in [int(total * part) for part in DEPTHS]:
        row = listing.ordered.values("id", "created_at")[depth]
        page = sql(place, f"after={listing._cursor(row)}")
        at, pk = row["created_at"], row["id"]
        behind = Q(created_at__lt=at) | Q(created_at=at, id__lt=pk)
        usual = runner(page_rows(listing, listing.ordered.filter(behind)[: PAGE_SIZE + 1]), times=1)
        offset = runner(page_rows(listing, listing.ordered[depth : depth + PAGE_SIZE + 1]), times=1)
        found.append(compared(place, f"row {depth:,} of {total:,}", page, offset, usual))
    return [*found, compared(place, f"last page of {total:,}", sql(place, "before=end"), offset, usual)]


def compared(place: MiniProgram | Superapp, name: str, page: Side, offset: Side, usual: Side) -> Result:
    """A page beside the first one and the two peers; the ratio to the OR comparison stands in the goal."""
    times = medians(ROUNDS, ours=page, limit=sql(place, ""), peer=offset, usual=usual)
    times = {key: value / (TIMES if key in ("ours", "limit") else 1) for key, value in times.items()}
    ratio = times.pop("usual") / times["ours"]
    goal = f"≤ 1.5 × of page 1; ≥ 100 × faster than OFFSET and than OR (here {ratio:,.0f} ×)"
    met = times["ours"] <= 1.5 * times["limit"] and times["peer"] >= 100 * times["ours"] and ratio >= 100
    return Result(name=f"order_list {type(place).__name__} {name}", unit="s", goal=goal, met=met, **times)


def filters(place: MiniProgram) -> Result:
    """The slowest of the filters against 50 rows by primary key."""
    listing: OrderListing = order_listing(place, QueryDict(""))
    sides = {query: sql(place, query) for query in FILTERS}
    keys = runner(by_key(listing, some_ids(listing.rows, PAGE_SIZE)))
    times = each(medians(ROUNDS, limit=keys, **sides))
    limit = times.pop("limit")
    slowest = max(times, key=lambda query: times[query])
    goal = f"the slowest of {len(FILTERS)} filters, {slowest}, ≤ 1.2 × of 50 rows by primary key"
    return Result(
        name="order_list filters",
        ours=times[slowest],
        limit=limit,
        peer=None,
        unit="s",
        goal=goal,
        met=times[slowest] <= 1.2 * limit,
    )


def each(times: dict[str, float]) -> dict[str, float]:
    """Seconds of one query."""
    return {name: seconds / TIMES for name, seconds in times.items()}
