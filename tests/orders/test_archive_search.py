"""Lists say that a number they do not find is in the archive."""

from pathlib import Path

import pytest
from django.urls import reverse

from console.templatetags.moments import day_text
from tests.orders.archive import archive, sold
from tests.orders.records import give_back, numbers
from tests.orders.shop import new_order

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def store(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def order_list(starfall) -> str:
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


def test_an_archived_number_jumps_to_its_page(client, operator, starfall, order_list):
    sold(starfall, "ORDER-1")
    archive()
    client.force_login(operator)
    url = reverse("orders:archived", kwargs={"app_id": starfall.app_id})
    assert client.get(order_list, {"q": "ORDER-1"}).url == f"{url}?env=0&number=ORDER-1"
    assert client.get(order_list, {"q": "ORDER"}).status_code == 200, "a part of it is not looked for in the archive"


def test_of_a_number_used_in_both_environments_the_one_looked_at_counts(client, operator, starfall, order_list):
    sold(starfall, "ORDER-1")
    sold(starfall, "ORDER-1", env=1)
    archive()
    client.force_login(operator)
    assert client.get(order_list, {"q": "ORDER-1", "env": "1"}).url.endswith("?env=1&number=ORDER-1")
    new_order(starfall, "ORDER-2")
    sold(starfall, "ORDER-2", env=1)
    archive()
    assert "archived" not in client.get(order_list, {"q": "ORDER-2", "env": "1"}).url, "what is in the tables goes before"


def test_a_pasted_archived_number_is_told_with_its_month_and_a_link(client, operator, starfall, order_list):
    sold(starfall, "ORDER-1")
    (made,) = archive()
    client.force_login(operator)
    page = client.get(order_list, {"q": "ORDER-1 ORDER-2"}).content.decode()
    assert f"The order ORDER-1 was archived on {day_text(made.made_at.date())} with the orders of March 2025." in page
    assert "orders/archived?env=0&amp;number=ORDER-1" in page


def test_a_pasted_list_tells_archived_numbers_from_unknown_ones(client, operator, starfall, order_list):
    sold(starfall, "ORDER-1")
    archive()
    new_order(starfall, "ORDER-2")
    client.force_login(operator)
    page = client.get(order_list, {"q": "ORDER-1 ORDER-2 ORDER-3"}).content.decode()
    assert "1 of 3 numbers were found." in page
    assert "Not found: ORDER-3." in page
    assert "The order ORDER-1 was archived" in page


def test_many_archived_numbers_are_named_in_one_sentence(client, operator, starfall, order_list):
    for number in range(5):
        sold(starfall, f"ORDER-{number}")
    archive()
    client.force_login(operator)
    page = client.get(order_list, {"q": " ".join(f"ORDER-{number}" for number in range(5))}).content.decode()
    assert "In the archive: ORDER-0, ORDER-1, ORDER-2, ORDER-3, ORDER-4." in page


def test_the_after_sales_record_knows_archived_refunds(client, operator, starfall):
    sold(starfall, "ORDER-1", refund="R-1")
    archive()
    client.force_login(operator)
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    page = client.get(url, {"q": "R-1 R-2"}).content.decode()
    assert "The refund R-1 was archived on" in page
    there = reverse("orders:archived-refund", kwargs={"app_id": starfall.app_id})
    assert client.get(url, {"q": "R-1"}).url == f"{there}?number=R-1"


def test_an_archived_refund_number_with_spaces_and_commas_jumps_to_its_page(client, operator, starfall):
    sold(starfall, "ORDER-1", refund="R 1, 2026")
    archive()
    client.force_login(operator)
    there = reverse("orders:archived-refund", kwargs={"app_id": starfall.app_id})
    found = client.get(reverse("orders:refund-list", kwargs={"app_id": starfall.app_id}), {"q": "R 1, 2026"})
    assert found.url == f"{there}?number=R+1%2C+2026"


def test_the_after_sales_record_knows_archived_orders(client, operator, starfall):
    sold(starfall, "ORDER-1")
    archive()
    client.force_login(operator)
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    there = reverse("orders:archived", kwargs={"app_id": starfall.app_id})
    assert client.get(url, {"q": "ORDER-1"}).url == f"{there}?env=0&number=ORDER-1"
    page = client.get(url, {"q": "ORDER-1 ORDER-2"}).content.decode()
    assert "The order ORDER-1 was archived on" in page and "Not found: ORDER-2." in page


def test_refunds_in_the_tables_go_before_an_archived_order_of_the_same_number(client, operator, starfall):
    sold(starfall, "ORDER-1", env=1)
    archive()
    give_back(new_order(starfall, "ORDER-1"), "R-1")
    client.force_login(operator)
    response = client.get(reverse("orders:refund-list", kwargs={"app_id": starfall.app_id}), {"q": "ORDER-1"})
    assert numbers(response) == ["R-1"] and "The order ORDER-1 was archived on" in response.content.decode()


def test_another_team_is_not_told(client, stranger, harbor_reader, starfall):
    sold(starfall, "ORDER-1")
    archive()
    client.force_login(stranger)
    page = client.get(reverse("orders:list", kwargs={"app_id": harbor_reader.app_id}), {"q": "ORDER-1"})
    assert page.status_code == 200
    assert "was archived" not in page.content.decode()


def test_a_superapp_is_told_of_all_its_programs(client, superapp_operator, starfall):
    sold(starfall, "ORDER-1")
    archive()
    client.force_login(superapp_operator)
    url = reverse("orders:superapp-list", kwargs={"superapp": starfall.superapp.code})
    assert "The order ORDER-1 was archived" in client.get(url, {"q": "ORDER-1 ORDER-2"}).content.decode()
    there = reverse("orders:archived", kwargs={"app_id": starfall.app_id})
    assert client.get(url, {"q": "ORDER-1"}).url == f"{there}?env=0&number=ORDER-1"
