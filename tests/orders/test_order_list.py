"""The order record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Order
from payments.models import owners_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(starfall):
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


def place(program, number, **fields):
    values = {"open_id": "player-0001-abcd", "amount": 990, "currency": "USD", "product_id": "gem", "product_name": "Gem"}
    return Order.objects.create(**owners_of(program), out_trade_no=number, **(values | fields))


def numbers(response):
    return [row["col_number"] for row in response.context["listing"].page.rows]


def test_shows_the_orders_newest_first(client, operator, starfall, url):
    now = timezone.now()
    place(starfall, "ORDER-1", created_at=now - timedelta(hours=1))
    place(starfall, "ORDER-2", created_at=now)
    client.force_login(operator)
    response = client.get(url)
    assert numbers(response) == ["ORDER-2", "ORDER-1"]
    assert "USD 9.90" in response.content.decode()
    assert "2 orders" in response.content.decode()
