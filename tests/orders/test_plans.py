"""The plans of the records' queries: nothing reads all orders, and what is read is about what is shown.

The tables are seeded once for this file, inside a transaction that is rolled back.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.database import copy_orders, copy_refunds, programs
from console import bulk
from console.models import MiniProgram
from orders.figures import days_of
from orders.listings import order_listing, refund_listing
from orders.models import Order, Refund, Rollup, RollupProgress
from orders.parts import INDEXES, finds_parts

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's"),
]
ROWS = 24_000
#: Rows of orders that a page may read beside those it shows, in all parts of its plan.
SPARE = 600


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    with django_db_blocker.unblock(), transaction.atomic():
        owners = programs(20)
        copy_orders(owners, ROWS)
        copy_refunds(every=4)
        with connection.cursor() as cursor:
            for name, _table, _column in INDEXES:
                cursor.execute("SELECT gin_clean_pending_list(%s::text::regclass)", [name])  # as autovacuum does
            cursor.execute("ANALYZE orders_order, orders_refund, orders_notification, console_miniprogram")
        finds_parts.cache_clear()
        yield SimpleNamespace(program=owners[0], small=owners[-1], superapp=owners[0].superapp)
        transaction.set_rollback(True)


def plan(rows: Any) -> list[dict[str, Any]]:
    """The nodes of the plan as it was run, flat."""
    return explained(*rows.query.sql_with_params())


def explained(sql: str, params: Any = None) -> list[dict[str, Any]]:
    """The same of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        found = cursor.fetchone()[0]
    found = json.loads(found) if isinstance(found, str) else found
    return list(nodes(found[0]["Plan"]))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from nodes(child)


def read(found: list[dict[str, Any]], table: str) -> float:
    """How many rows of the table the plan touched."""
    touched = [node for node in found if node.get("Relation Name") == table]
    assert touched, found
    assert not [node for node in touched if node["Node Type"] == "Seq Scan"], found
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(sum(node.get(name, 0) for name in names) * node["Actual Loops"] for node in touched)


FILTERS = [
    "", "env=1", "kind=standard", "payment=paid", "payment=unpaid", "payment=closed", "payment=expired", "delivery=delivered",
    "delivery=needs_attention", "delivery=cancelled", "refund=refunded", "refund=partially_refunded", "refund=none", "alert=any",
    "time=paid", "time=paid&payment=paid&delivery=delivered", "sort=oldest", "since=2099-01-01", "env=1&payment=paid",
    "before=end", "payment=paid&refund=refunded",
]  # fmt: skip
OWN_FILTERS = ["sort=largest", "sort=smallest", "item=item_007", "item=missing", "item=item_007&payment=paid"]


@pytest.mark.parametrize("query", FILTERS)
@pytest.mark.parametrize("where", ["program", "small", "superapp"])
def test_a_page_reads_about_what_it_shows(shop, where, query):
    listing = order_listing(getattr(shop, where), QueryDict(query))
    assert listing.is_valid
    assert read(plan(listing.cut()), "orders_order") <= SPARE


@pytest.mark.parametrize("query", OWN_FILTERS)
def test_a_page_of_a_mini_program_reads_about_what_it_shows(shop, query):
    listing = order_listing(shop.program, QueryDict(query))
    assert listing.is_valid
    assert read(plan(listing.cut()), "orders_order") <= SPARE


@pytest.mark.parametrize("query", ["", "payment=paid", "env=1", "time=paid", "sort=largest", "sort=oldest"])
@pytest.mark.parametrize("depth", [100, 3000])
def test_a_deep_page_reads_no_more_than_the_first(shop, query, depth):
    listing = order_listing(shop.program, QueryDict(query))
    rows = listing.ordered.values("id", listing.sort.field)
    depth = min(depth, rows.count() - 60)
    for name in ("after", "before"):
        deep = order_listing(shop.program, QueryDict(f"{query}&{name}={listing._cursor(rows[depth])}"))
        assert deep.place and deep.notices == []
        assert read(plan(deep.cut()), "orders_order") <= SPARE


def number_of(shop: SimpleNamespace, place: int) -> Order:
    return Order.objects.filter(mini_program=shop.program).order_by("id")[place]


@pytest.mark.parametrize("where", ["program", "superapp"])
def test_a_search_reads_what_it_finds(shop, where):
    order = number_of(shop, 700)
    place = getattr(shop, where)
    for text in (
        order.out_trade_no,
        order.out_trade_no[4:-3],
        order.out_trade_no[-6:],
        order.prepay_id,
        order.open_id,
        "nothing-at-all",
    ):
        listing = order_listing(place, QueryDict(f"q={text}"))
        assert read(plan(listing.cut()), "orders_order") <= SPARE, text
        assert [row["id"] for row in listing.page.rows[:1]] == ([] if text == "nothing-at-all" else [order.pk])


def test_a_common_part_reads_no_more_than_a_page(shop):
    listing = order_listing(shop.superapp, QueryDict("q=T000"))
    assert len(listing.page.rows) == 50
    assert read(plan(listing.cut()), "orders_order") <= SPARE


@pytest.mark.parametrize("where", ["program", "superapp"])
def test_two_hundred_numbers_read_two_hundred_rows(shop, where):
    numbers = Order.objects.filter(mini_program=shop.program, kind="virtual").values_list("out_trade_no", flat=True)[:200]
    listing = order_listing(getattr(shop, where), QueryDict(f"q={'+'.join(numbers)}"))
    assert "200 of 200 numbers were found." in listing.notices
    assert read(plan(listing.cut()), "orders_order") <= 200
    assert read(plan(listing.filterset.with_numbers(listing.rows)), "orders_order") <= 200


@pytest.mark.parametrize("where", ["program", "superapp"])
def test_the_jump_reads_the_record(shop, where):
    place, number = getattr(shop, where), number_of(shop, 5).out_trade_no
    wanted = order_listing(place, QueryDict("")).rows.filter(out_trade_no=number, env__in=[0, 1])
    assert read(plan(wanted), "orders_order") <= 2


@pytest.mark.parametrize("where", ["program", "superapp"])
def test_the_count_reads_no_more_than_its_cap(shop, where, monkeypatch):
    # The real cap is half of this small table.
    monkeypatch.setattr("console.listing.COUNT_CAP", 500)
    listing = order_listing(getattr(shop, where), QueryDict(""))
    assert listing.count == 501
    assert read(plan(listing.capped), "orders_order") <= 501


@pytest.mark.parametrize(
    "query",
    [
        "", "since=2026-01-01", "state=success&since=2026-01-01", "env=1", "sort=oldest", "kind=standard", "before=end",
        "time=recorded", "time=recorded&state=success&since=2026-01-01",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["program", "superapp"])
def test_a_page_of_refunds_reads_about_what_it_shows(shop, where, query):
    listing = refund_listing(getattr(shop, where), QueryDict(query))
    assert listing.is_valid
    found = plan(listing.cut())
    assert read(found, "orders_refund") <= SPARE


@pytest.mark.parametrize(("where", "index"), [("program", "refund_recorded"), ("superapp", "superapp_refund_recorded")])
@pytest.mark.parametrize("query", ["since=2026-01-01", "since=2026-01-01&until=2026-12-31&sort=oldest"])
def test_refunds_by_the_time_of_recording_are_read_in_order_from_an_index(shop, where, index, query):
    listing = refund_listing(getattr(shop, where), QueryDict(f"time=recorded&{query}"))
    found = plan(listing.cut())
    assert [node["Node Type"] for node in found] == ["Limit", "Index Scan"]
    assert found[1]["Index Name"] == index


@pytest.mark.parametrize("item", ["item_007", "missing"])
@pytest.mark.parametrize("query", ["", "since=2026-01-01", "since=2026-01-01&state=success", "env=1", "sort=oldest"])
def test_the_refunds_of_an_item_are_read_in_order_from_an_index_and_without_their_orders(shop, item, query):
    listing = refund_listing(shop.program, QueryDict(f"item={item}&{query}"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = off")  # so few rows may as well be sorted
    found = plan(listing.cut())
    assert [node["Node Type"] for node in found] == ["Limit", "Index Scan"]
    assert found[1]["Index Name"] == "refund_record_product"
    assert read(found, "orders_refund") <= listing.count


def test_a_search_for_a_refund_does_not_read_all(shop):
    refund = Refund.objects.filter(mini_program=shop.program).order_by("-started_at")[3]
    for text in (refund.refund_no[-7:], refund.out_trade_no[3:-2], f"{refund.refund_no} {refund.out_trade_no}"):
        for place in (shop.program, shop.superapp):
            listing = refund_listing(place, QueryDict(f"q={text.replace(' ', '+')}&since=2000-01-01"))
            assert refund.pk in [row["id"] for row in listing.page.rows]
            assert read(plan(listing.cut()), "orders_refund"), text


@pytest.mark.parametrize(("zone", "most"), [("Asia/Shanghai", 90 * 24), ("Asia/Kathmandu", 90 * (24 + 1))])
def test_figures_of_ninety_days_read_hours_and_one_quarter_a_day(shop, zone, most):
    end = timezone.now().replace(minute=0, second=0, microsecond=0)
    starts = [(minutes, end - timedelta(minutes=minutes * back)) for minutes in (15, 60) for back in range(92 * 1440 // minutes)]
    names = ["mini_program_id", "env", "kind", "currency", "minutes", "start"]
    # With one mini program alone every fifth row of the table would be wanted: that is read whole, and rightly.
    owners = MiniProgram.objects.filter(superapp=shop.superapp)[:6]
    bulk.insert(Rollup, names, ([owner.pk, 0, "virtual", "USD", *start] for owner in owners for start in starts))
    RollupProgress.objects.create(pk=1, until=end)
    with connection.cursor() as cursor, timezone.override(zone):
        cursor.execute("ANALYZE orders_rollup")
        with CaptureQueriesContext(connection) as queries:
            days_of(shop.program, 90)
        asked = [query["sql"] for query in queries if 'FROM "orders_rollup"' in query["sql"]]
    assert 80 * 24 < sum(read(explained(sql), "orders_rollup") for sql in asked) <= most


def test_the_count_of_what_is_younger_keeps_its_plan(shop):
    RollupProgress.objects.update_or_create(pk=1, defaults={"until": timezone.now() - timedelta(minutes=75)})
    with connection.cursor() as cursor:
        # As with millions of orders: a plan for these very moments looks much cheaper than one for any.
        cursor.execute("SET LOCAL random_page_cost = 40")
        for _time in range(8):  # PostgreSQL plans the first five anew
            days_of(shop.program, 7)
        cursor.execute("SET LOCAL random_page_cost TO DEFAULT")
        cursor.execute("SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE '%date_bin%'")
        assert cursor.fetchall() == [(3,)]
