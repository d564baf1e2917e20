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
WITHOUT_THE_KEY = """
SELECT indexrelid::regclass::text FROM pg_index
WHERE indisunique AND indrelid = %s::regclass AND NOT EXISTS (
    SELECT 1 FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey) AND attname = 'mini_program_id')
"""


@pytest.fixture
def tables(shop):
    """Those whose keys the statements of the document change; undone when the test's transaction ends."""
    text = (settings.BASE_DIR / "docs" / "scale.md").read_text()
    (sql,) = re.findall(r"```sql\n(.*?)```", text, re.S)
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
