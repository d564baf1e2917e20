"""Lists say that a number they do not find is in the archive."""

from pathlib import Path

import pytest
from django.urls import reverse

from console.templatetags.moments import day_text
from tests.orders.archive import archive, sold
from tests.orders.shop import new_order

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def store(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def order_list(starfall) -> str:
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


def test_the_list_says_that_a_number_is_in_the_archive(client, operator, starfall, order_list):
    sold(starfall, "ORDER-1")
    (made,) = archive()
    client.force_login(operator)
    page = client.get(order_list, {"q": "ORDER-1"}).content.decode()
    assert f"The order ORDER-1 was archived on {day_text(made.made_at.date())} with the orders of March 2025." in page
    assert f"archive {made.pk}" in page
    assert "was archived" not in client.get(order_list, {"q": "ORDER"}).content.decode()


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
    page = client.get(reverse("orders:refund-list", kwargs={"app_id": starfall.app_id}), {"q": "R-1"}).content.decode()
    assert "The refund R-1 was archived on" in page


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
    assert "The order ORDER-1 was archived" in client.get(url, {"q": "ORDER-1"}).content.decode()
