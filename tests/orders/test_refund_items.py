"""A refund names the item of its order: what is new, what an old process inserts, and what was there before the column."""

from datetime import date, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from console import online_filling
from console.online_filling import CopyColumnOnline
from orders.models import Archive, ArchivedRefund, LateChange, Refund
from tests.orders.records import give_back, numbers, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

#: The columns that the previous version names.
OLD_INSERT = """
INSERT INTO orders_refund (mini_program_id, team_id, superapp_id, order_id, kind, env, refund_no, out_trade_no, open_id, amount,
    currency, cause, state, started_at, created_at)
SELECT mini_program_id, team_id, superapp_id, id, kind, env, 'R-OLD', out_trade_no, open_id, 100, currency, '', 'success',
    created_at, created_at
FROM orders_order WHERE id = %s
"""


def fill():
    migration = import_module("orders.migrations.0020_refund_product_filled").Migration
    (operation,) = [each for each in migration.operations if isinstance(each, CopyColumnOnline)]
    operation.code(None, SimpleNamespace(connection=connection))


def items():
    return dict(Refund.objects.values_list("refund_no", "product_id"))


def test_the_list_has_the_refunds_of_an_item(client, operator, starfall):
    for number, item in (("R-1", "gem"), ("R-2", "coin"), ("R-3", "gem")):
        order = place(starfall, f"ORDER-{number}", product_id=item)
        give_back(order, number)
    client.force_login(operator)
    response = client.get(reverse("orders:refund-list", kwargs={"app_id": starfall.app_id}) + "?item=gem")
    assert numbers(response) == ["R-3", "R-1"]


def test_a_refund_that_a_process_of_the_previous_version_inserts_gets_its_item(starfall):
    order, other = place(starfall, "ORDER-1"), place(starfall, "ORDER-2", product_id="coin", created_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(OLD_INSERT, [other.pk])
    give_back(order, "R-NEW")
    assert items() == {"R-OLD": "coin", "R-NEW": "gem"}
    assert not LateChange.objects.exists()


def test_refunds_of_before_the_column_get_the_item_of_their_order(starfall, monkeypatch):
    """In batches; it writes no late change, and no archived number refuses it."""
    monkeypatch.setattr(online_filling, "BATCH", 2)
    year_ago = timezone.now() - timedelta(days=365)
    for number in range(5):
        order = place(starfall, f"ORDER-{number}", product_id=f"item_{number}", created_at=year_ago)
        give_back(order, f"R-{number}", state="success", started_at=year_ago)
    give_back(place(starfall, "STANDARD", kind="standard", product_id=""), "R-STANDARD")
    bury("R-3")
    Refund.objects.update(product_id="")
    LateChange.objects.all().delete()
    fill()
    expected = {f"R-{number}": f"item_{number}" for number in range(5)} | {"R-STANDARD": ""}
    assert items() == expected
    assert not LateChange.objects.exists()
    fill()
    assert items() == expected


def bury(number):
    refund = Refund.objects.select_related("superapp").get(refund_no=number)
    shelf = {"superapp": refund.superapp, "month": date(2025, 3, 1), "kind": "virtual", "env": 0}
    archive = Archive.objects.create(**shelf, orders=0, refunds=1, totals={}, file="archive/x.jsonl.gz", size=1)
    ArchivedRefund.objects.create(mini_program_id=refund.mini_program_id, archive=archive, refund_no=number)
