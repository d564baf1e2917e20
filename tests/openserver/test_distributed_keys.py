"""docs/scale.md, "Citus": the keys of what would be distributed contain the mini program, and the code needs no change for it."""

import re

import pytest
from django.conf import settings
from django.db import connection

from console.http_messages import Answer
from orders.models import Attempt, Delivery, Order, Refund
from orders.outbox import claim
from orders.results import Result, write_results
from orders.sender import outgoing, tried
from payments.models import DeliveryConfig, owners_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite cannot change a primary key"),
]
ACKNOWLEDGED = Answer(status=200, body=b'{"returnCode": "0"}')
# The table, the one it refers to, its columns: the key first.
REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text, array_agg(attname::text ORDER BY attname <> 'mini_program_id')
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
WHERE contype = 'f' GROUP BY pg_constraint.oid
"""
BEGINS_WITH_ID = """
SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
WHERE indrelid = %s::regclass AND indpred IS NULL AND attname = 'id'
"""
WITHOUT_THE_KEY = """
SELECT indexrelid::regclass::text FROM pg_index
WHERE indisunique AND indrelid = %s::regclass AND NOT EXISTS (
    SELECT 1 FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey) AND attname = 'mini_program_id')
"""


def references():
    with connection.cursor() as cursor:
        return {(table, target, *columns) for table, target, columns in cursor.execute(REFERENCES).fetchall()}


def document():
    """What stands before the statements, and the statements."""
    text = (settings.BASE_DIR / "docs" / "scale.md").read_text()
    ((words, sql),) = re.findall(r'<a id="citus-keys"></a>\n(.*?)```sql\n(.*?)```', text, re.S)
    return words, sql


@pytest.fixture
def before():
    return references()


@pytest.fixture
def tables(before, shop):
    """Those whose keys the statements of the document change; undone when the test's transaction ends."""
    _words, sql = document()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql)
    return set(re.findall(r"ALTER TABLE (\w+)", sql))


def push_what_is_due():
    pushes = claim(limit=10, room={}, usual_room=10).pushes
    requests = [outgoing(push) for push in pushes]
    for push, request in zip(pushes, requests, strict=True):
        write_results([Result(push, tried(push, request, ACKNOWLEDGED, started_at=push.first_due_at))])


def test_no_unique_index_is_without_the_key(tables):
    with connection.cursor() as cursor:
        found = [name for table in tables for (name,) in cursor.execute(WITHOUT_THE_KEY, [table]).fetchall()]
    assert found == []
    assert {"orders_order", "orders_refund", "orders_delivery", "orders_attempt", "items_item"} <= tables


def test_foreign_keys_come_back_as_pairs_unless_the_document_says_that_they_do_not(before, tables):
    after = references()
    by_id = [(table, target, column) for table, target, column in before if target in tables]
    gone = {(table, column) for table, target, column in by_id if (table, target, "mini_program_id", column) not in after}
    assert by_id and not {table for table, _column in gone} & tables
    assert {f"{table}.{column}" for table, column in gone} == set(re.findall(r"`(\w+\.\w+_id)`", document()[0]))


def test_what_asks_by_id_alone_finds_an_index(tables):
    with connection.cursor() as cursor:
        assert [table for table in tables if not cursor.execute(BEGINS_WITH_ID, [table]).fetchone()[0]] == []


def test_an_item_is_sold_pushed_and_refunded(tables, shop, team_admin):
    DeliveryConfig.objects.create(
        **owners_of(shop.program), url="https://shop.example/push", enabled=True, saved_by=team_admin
    )
    assert shop.place(data=shop.sign_data(outTradeNo="N-1")).code == "0"
    assert shop.notify_paid("N-1").code == "0"
    push_what_is_due()
    assert shop.notify_refund("N-1").code == "0"
    push_what_is_due()
    order = Order.objects.get()
    assert (order.payment_state, order.delivery_state, order.refund_state) == ("paid", "delivered", "refunded")
    assert [row.state for row in Delivery.objects.all()] == ["delivered", "delivered"]
    assert set(Attempt.objects.values_list("mini_program", "number")) == {(shop.program.pk, 1)}
    assert Refund.objects.get().order_id == order.pk


def test_numbers_still_count_once(tables, shop):
    first = shop.order(data=shop.sign_data(outTradeNo="N-1"))
    assert [shop.place(first).code for _time in range(2)] == ["0", "0"]
    other = shop.place(data=shop.sign_data(outTradeNo="N-1", buyQuantity=2))
    assert other.code == "ORDER_NO_REUSED" and Order.objects.count() == 1
