"""The plans of whole pages, exports, the sweeper and the dispatcher: none of their statements reads a large table to its end.

Every statement that they send is explained, so a query that is added later takes part by itself. The tables are seeded once.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench.database import copy_orders, copy_refunds, programs
from console import exporting
from console.exporting import totals_of
from console.list_settings import place_of
from console.models import MiniProgram, SavedView
from orders import health, rollups, sweeping
from orders.charts import charts_of
from orders.figures import days_of
from orders.listings import order_listing, refund_listing
from orders.mismatches import CASES
from orders.models import Delivery, Order, Refund, Settlement
from orders.outbox import claim
from orders.parts import INDEXES, finds_parts
from payments.models import DeliveryConfig, owners_of
from tests.orders.test_plans import nodes
from tests.people import member, staff

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's"),
]
ROWS = 12_000
LARGE = {
    "orders_order", "orders_refund", "orders_delivery", "orders_attempt", "orders_notification", "orders_rollup",
    "console_auditentry",
}  # fmt: skip
SEED = (
    # What is paid has its delivery with six attempts and its notification; a few misfit.
    """INSERT INTO orders_delivery (mini_program_id, team_id, superapp_id, order_id, uid, event, env, url, lane, body, state,
        first_due_at, next_attempt_at, attempt_number, schedule_step, created_at, acknowledged_at)
    SELECT mini_program_id, team_id, superapp_id, id, gen_random_uuid(), 'goods', env, '', 0, '{}', delivery_state, paid_at,
        CASE WHEN delivery_state = 'pending' THEN now() - interval '1 minute' END, 1, 0, paid_at, delivered_at
    FROM orders_order WHERE payment_state = 'paid' AND kind = 'virtual' AND delivery_state <> 'not_due'""",
    """INSERT INTO orders_attempt (delivery_id, number, url, request_headers, outcome, status, return_code, answer, error,
        durations, started_at)
    SELECT id, number, '', '{}', 'acknowledged', 200, '0', '', '', '{}', created_at
    FROM orders_delivery, generate_series(1, 6) number""",
    """INSERT INTO orders_notification (superapp_id, order_id, kind, env, out_trade_no, event, pay_model, payload, pay_event_sig,
        verdict, detail, code, received_at)
    SELECT superapp_id, id, 'payment', env, out_trade_no, 'e', '', '{}', '',
        CASE WHEN id % 500 = 0 THEN 'mismatch' ELSE 'accepted' END, '', '', created_at
    FROM orders_order WHERE payment_state = 'paid'""",
    """INSERT INTO console_auditentry (created_at, verb, object_type, object_id, object_label, actor_label, note, changes,
        mini_program_id, team_id, superapp_id, request_id, address, mac, chain_mac)
    SELECT created_at, 'orders.order.pay', 'orders.order', id::text, out_trade_no, 'superapp', '', '{}', mini_program_id,
        team_id, superapp_id, '', '', '', '' FROM orders_order""",
    "UPDATE orders_order SET alert = 'paid_after_closing' WHERE id % 700 = 0",
)


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: Any) -> Iterator[SimpleNamespace]:
    with django_db_blocker.unblock(), transaction.atomic():
        owners = programs(12)
        copy_orders(owners, ROWS)
        copy_refunds(every=4)
        with connection.cursor() as cursor:
            for statement in SEED:
                cursor.execute(statement)
        rollups.roll()
        program = owners[0]
        operator, olga = member("Otto", program.team, "operator"), staff("Olga", program.superapp, "superapp_operator")
        DeliveryConfig.objects.create(**owners_of(program), url="http://a.test/", enabled=True, saved_by=operator)
        with connection.cursor() as cursor:
            for name, _table, _column in INDEXES:
                cursor.execute("SELECT gin_clean_pending_list(%s::text::regclass)", [name])  # as autovacuum does
            cursor.execute("ANALYZE")
        finds_parts.cache_clear()
        yield SimpleNamespace(program=program, superapp=program.superapp, operator=operator, staff=olga)
        transaction.set_rollback(True)


@pytest.fixture
def app(shop) -> dict[str, str]:
    return {"app_id": shop.program.app_id}


def sequential(captured: CaptureQueriesContext) -> list[str]:
    """The statements that read a large table from end to end, of all that were sent."""
    assert len(captured), "nothing was asked"
    found = []
    for query in captured.captured_queries:
        sql = query["sql"]
        if not re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", sql) or not any(table in sql for table in LARGE):
            continue
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (FORMAT JSON) " + sql)
            (plan,) = cursor.fetchone()
        if [node for node in nodes(plan[0]["Plan"]) if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE]:
            found.append(sql[:400])
    return found


def asked(person, url: str) -> CaptureQueriesContext:
    client = Client()
    client.force_login(person)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200, url
    return captured


@pytest.mark.parametrize("days", [7, 90])
def test_home(shop, app, days):
    assert sequential(asked(shop.operator, f"{reverse('orders:home', kwargs=app)}?days={days}")) == []


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_the_mismatch_desk(shop, app, case):
    superapp = reverse("orders:superapp-mismatches", kwargs={"superapp": shop.superapp.code})
    for url, person in ((reverse("orders:mismatches", kwargs=app), shop.operator), (superapp, shop.staff)):
        assert sequential(asked(person, f"{url}?case={case}")) == []
        assert sequential(asked(person, f"{url}?case={case}&show=settled")) == []
        for place in ("after", "before"):
            row = newest_of(case)
            assert sequential(asked(person, f"{url}?case={case}&{place}={row}")) == []


def newest_of(case: str) -> int:
    """The id of a row that the case could hold, 0 where the seed has none."""
    rows = next(each for each in CASES if each.name == case).rows
    return rows(MiniProgram(pk=1, superapp_id=1)).model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_a_list_with_views_that_others_share(shop, app, monkeypatch):
    """Whether one of them names a player is read from an index."""
    monkeypatch.setattr("console.listing.COUNT_CAP", 500)  # the real cap is nearly all of this small table
    player = Order.objects.filter(mini_program=shop.program).values_list("open_id", flat=True)[0]
    for query in (f"q={player}", "q=nobody"):
        SavedView.objects.create(
            **place_of(shop.program), listing="orders", owner=shop.operator, name=query, query=query, is_shared=True
        )
    assert sequential(asked(shop.staff, reverse("orders:list", kwargs=app))) == []


FEW = ["payment=paid&since=2099-01-01", "q=T0000000000ff", "delivery=needs_attention", "item=missing", "alert=any"]
LISTS = ["", "?env=1", "?kind=standard", "?kind=standard&env=1", "?q=T0000", "?q=T000000000001", "?q=nobody nothing"]


@pytest.mark.parametrize("query", [*LISTS, "?before=end"])
def test_lists_with_all_that_stands_around_them(shop, app, query, monkeypatch):
    monkeypatch.setattr("console.listing.COUNT_CAP", 500)  # the real cap is nearly all of this small table
    for name in ("list", "refund-list"):
        assert sequential(asked(shop.operator, reverse(f"orders:{name}", kwargs=app) + query)) == []
        url = reverse(f"orders:superapp-{name}", kwargs={"superapp": shop.superapp.code})
        assert sequential(asked(shop.staff, url + query)) == []


YEAR = f"since={timezone.now().date() - timedelta(days=300)}"
REFUND_FILTERS = [f"state=success&{YEAR}", f"state=failed&{YEAR}", f"{YEAR}&before=end", f"{YEAR}&kind=standard&sort=oldest"]
REFUND_FILTERS += [f"time=recorded&{YEAR}&{more}" for more in ("", "state=failed", "before=end")]


@pytest.mark.parametrize("query", REFUND_FILTERS)
def test_every_filter_of_the_after_sales_record(shop, app, query, monkeypatch):
    monkeypatch.setattr("console.listing.COUNT_CAP", 200)
    own = f"{reverse('orders:refund-list', kwargs=app)}?{query}"
    assert sequential(asked(shop.operator, f"{own}&item=item_007")) == []
    assert sequential(asked(shop.operator, own)) == []
    theirs = f"{reverse('orders:superapp-refund-list', kwargs={'superapp': shop.superapp.code})}?{query}"
    assert sequential(asked(shop.staff, theirs)) == []
    assert sequential(asked(shop.staff, f"{theirs}&program=Program+3")) == []


@pytest.mark.parametrize("query", ["program=Program+3", "program=Program+3&item=item_007", "program=nobody&payment=paid"])
def test_filters_that_only_the_superapps_orders_have(shop, query, monkeypatch):
    monkeypatch.setattr("console.listing.COUNT_CAP", 200)
    url = reverse("orders:superapp-list", kwargs={"superapp": shop.superapp.code})
    assert sequential(asked(shop.staff, f"{url}?{query}")) == []


def test_details(shop, app):
    for rows, name in ((Order.objects.filter(payment_state="paid"), "detail"), (Refund.objects.all(), "refund-detail")):
        pk = rows.filter(mini_program=shop.program).values_list("pk", flat=True)[0]
        assert sequential(asked(shop.operator, reverse(f"orders:{name}", kwargs={**app, "pk": pk}))) == []


def test_the_activity_about_an_order(shop, app):
    pk = Order.objects.filter(mini_program=shop.program).values_list("pk", flat=True)[0]
    url = reverse("program-activity", kwargs=app)
    assert sequential(asked(shop.operator, f"{url}?object=orders.order:{pk}")) == []


@pytest.mark.parametrize("query", FEW)
def test_what_an_export_reads_and_adds_up(shop, query):
    """Of few rows among many; an export of everything rightly reads everything of its mini program."""
    listing = order_listing(shop.program, QueryDict(query))
    sql, params = exporting.copy_sql(connection, listing.ordered, listing.columns, "UTC")
    with CaptureQueriesContext(connection) as captured:
        totals_of(listing, listing.matching)
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
    assert sequential(captured) == []


def test_the_export_of_refunds(shop):
    listing = refund_listing(shop.program, QueryDict(""))
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        cursor.execute(*exporting.copy_sql(connection, listing.ordered, listing.columns, "UTC"))
        totals_of(listing, listing.matching)
    assert sequential(captured) == []


def test_the_dispatcher_claims_and_the_sweeper_sweeps(shop):
    Delivery.objects.filter(state="pending").update(first_due_at=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        assert claim(limit=20, room={}, usual_room=20).pushes
    assert sequential(captured) == []
    Delivery.objects.filter(state="delivering").update(lease_until=timezone.now() - timedelta(minutes=1))
    with CaptureQueriesContext(connection) as captured:
        sweeping.sweep()
    assert sequential(captured) == []


def test_the_health_page_and_the_rollups(shop):
    with CaptureQueriesContext(connection) as captured:
        health.deliveries(timezone.now())
        charts_of(days_of(shop.program, 90))
        rollups.roll()
    assert sequential(captured) == []


def test_a_full_read_is_noticed(shop):
    with CaptureQueriesContext(connection) as captured:
        list(Order.objects.filter(attach="level 3")[:1])
        Settlement.objects.exists()
    assert len(sequential(captured)) == 1
