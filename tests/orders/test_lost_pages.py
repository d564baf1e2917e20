"""A page whose rows have left the list since: the first page is shown and says so."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from console.exports import page_ids
from console.models import Job
from orders.listings import order_listing
from orders.models import Order, Refund
from tests.orders.records import give_back, numbers, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
STUCK = "?delivery=needs_attention"
TOLD = "The rows of the page that the address names have left the list; this is the first page."


@pytest.fixture
def url(starfall):
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


@pytest.fixture
def stuck(starfall):
    """Sixty orders, ORDER-00 the newest."""
    now = timezone.now()
    return [
        place(starfall, f"ORDER-{number:02d}", created_at=now - timedelta(minutes=number), delivery_state="needs_attention")
        for number in range(60)
    ]


@pytest.fixture
def second(client, operator, url, stuck):
    """The address of the second page, whose rows were redelivered since it was opened."""
    client.force_login(operator)
    second = url + client.get(url + STUCK).context["listing"].next_url
    assert len(numbers(client.get(second))) == 10
    Order.objects.filter(pk__in=[order.pk for order in stuck[50:]]).update(delivery_state="delivered")
    return second


def test_the_first_page_is_shown_and_says_so(client, second, url):
    response = client.get(second)
    page = response.content.decode()
    assert numbers(response) == numbers(client.get(url + STUCK)) and len(numbers(response)) == 50
    assert TOLD in page and "50 orders" in page and "Nothing matches" not in page
    assert response.context["export_url"] == f"export{STUCK}", "what is looked at is what is exported"


def test_a_page_backwards_too(client, operator, url, stuck):
    client.force_login(operator)
    second = client.get(url + client.get(url + STUCK).context["listing"].next_url)
    first = url + second.context["listing"].previous_url
    assert TOLD not in client.get(first).content.decode()
    Order.objects.filter(pk__in=[order.pk for order in stuck[:50]]).update(delivery_state="delivered")
    response = client.get(first)
    assert numbers(response) == [f"ORDER-{number}" for number in range(50, 60)] and TOLD in response.content.decode()


def test_refunds_of_the_past_seven_days_too(client, operator, starfall):
    order, now = place(starfall, "ORDER-1"), timezone.now()
    for number in range(60):
        give_back(order, f"R-{number:02d}", amount=1, started_at=now - timedelta(minutes=number))
    client.force_login(operator)
    url = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    second = url + client.get(url).context["listing"].next_url
    Refund.objects.filter(refund_no__gte="R-50").update(started_at=now - timedelta(days=8))
    page = client.get(second).content.decode()
    assert TOLD in page and "50 refunds" in page and "No refunds in the past seven days" not in page


def test_of_a_list_that_became_empty_nothing_is_lost(client, second):
    Order.objects.update(delivery_state="delivered")
    page = client.get(second).content.decode()
    assert "Nothing matches" in page and TOLD not in page


def test_only_the_page_that_is_lost_costs_one_query_more(client, operator, starfall, url, stuck):
    client.force_login(operator)
    second = url + client.get(url + STUCK).context["listing"].next_url

    def asked():
        with CaptureQueriesContext(connection) as captured:
            client.get(second)
        return len(captured)

    usual = asked()
    Order.objects.filter(pk__in=[order.pk for order in stuck[50:]]).update(delivery_state="delivered")
    assert asked() == usual + 1


def test_a_lost_page_is_not_exported_as_another_one(client, second, url, starfall):
    export = second.replace(url, f"{url}export")
    page = client.get(export).content.decode()
    assert "All that match: 50 orders" in page and "Only this page" not in page and TOLD in page
    form = {"scope": "page", "columns": ["number"], "file": "csv"}
    assert client.post(export, form).status_code == 422 and not Job.objects.exists()
    query = client.get(second).wsgi_request.GET
    assert page_ids(order_listing(starfall, query)) == []
