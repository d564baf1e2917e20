"""The home page of a mini program."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.figures import days_of
from tests.orders.records import place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def url(starfall):
    return reverse("orders:home", kwargs={"app_id": starfall.app_id})


def test_shows_readiness_figures_and_what_needs_attention(client, operator, starfall, url):
    states = {"payment_state": "paid", "delivery_state": "needs_attention", "paid_amount": 990}
    place(starfall, "ORDER-1", **states)
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "Can it sell now?" in page and "Not yet" in page
    assert "Paid, not delivered" in page and "USD 9.90" in page and "<svg" in page


def test_is_hidden_from_strangers(client, stranger, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404


def test_who_may_not_view_orders_sees_no_figures(client, approver, starfall, url):
    place(starfall, "ORDER-1")
    client.force_login(approver)
    response = client.get(url)
    assert response.status_code in (200, 403)
    assert "Live orders by day" not in response.content.decode()


def test_currencies_are_never_added(starfall):
    place(starfall, "ORDER-1", payment_state="paid", paid_amount=990)
    place(starfall, "ORDER-2", payment_state="paid", paid_amount=500, currency="JPY")
    place(starfall, "SANDBOX", payment_state="paid", paid_amount=500, env=1)
    place(starfall, "OLD", payment_state="paid", paid_amount=500, created_at=timezone.now() - timedelta(days=8))
    days = days_of(starfall)
    assert [day.orders for day in days] == [0] * 6 + [2]
    assert dict(days[-1].amounts) == {"USD": 990, "JPY": 500}
    assert days[-1].amounts_text == "JPY 500, USD 9.90"


@pytest.mark.parametrize("rows", [1, 60])
def test_needs_the_same_queries_whatever_the_size(client, operator, starfall, url, django_assert_max_num_queries, rows):
    for number in range(rows):
        place(starfall, f"ORDER-{number}")
    client.force_login(operator)
    with django_assert_max_num_queries(27):
        client.get(url)
