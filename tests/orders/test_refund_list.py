"""The after-sales record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Notification
from tests.orders.records import give_back, numbers, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def url(starfall):
    return reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})


@pytest.fixture
def order(starfall):
    return place(starfall, "ORDER-1", payment_state="paid", paid_amount=990)


def test_shows_the_refunds_of_the_past_seven_days_as_negative_amounts(client, operator, order, url):
    give_back(order, "R-NEW")
    give_back(order, "R-OLD", started_at=timezone.now() - timedelta(days=8))
    client.force_login(operator)
    response = client.get(url)
    assert numbers(response) == ["R-NEW"]
    assert "USD -1.00" in response.content.decode()


def test_refuses_post(client, operator, url):
    client.force_login(operator)
    assert client.post(url).status_code == 405


def test_is_hidden_from_strangers_and_refused_to_the_approver(client, stranger, approver, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.force_login(approver)
    assert client.get(url).status_code == 403


def test_covers_at_most_the_last_twelve_months_and_says_so(client, operator, order, url):
    give_back(order, "R-YEAR", started_at=timezone.now() - timedelta(days=300))
    give_back(order, "R-ANCIENT", started_at=timezone.now() - timedelta(days=400))
    client.force_login(operator)
    response = client.get(url + "?since=2001-01-01")
    assert numbers(response) == ["R-YEAR"]
    assert "A list covers at most 12 months" in response.content.decode()


@pytest.mark.parametrize("query", ["until=2024-01-01", "since=2023-06-01&until=2024-01-01"])
def test_days_before_the_last_twelve_months_show_nothing_and_say_so(client, operator, order, url, query):
    give_back(order, "R-OF-2023", started_at=datetime(2023, 7, 1, tzinfo=UTC))
    give_back(order, "R-NEW")
    client.force_login(operator)
    response = client.get(f"{url}?{query}")
    assert numbers(response) == []
    page = response.content.decode()
    assert "This list goes back at most 12 months, to" in page and "end before that, on 1 Jan 2024." in page
    assert "Initiated: until 1 Jan 2024" in page


def test_by_the_time_of_recording_it_shows_that_time_and_is_ordered_by_it(client, operator, order, url):
    now = timezone.now()
    give_back(order, "R-LATE", started_at=now - timedelta(days=8), created_at=now)
    give_back(order, "R-OLD", started_at=now, created_at=now - timedelta(days=8))
    give_back(order, "R-SOON", created_at=now - timedelta(hours=1))
    client.force_login(operator)
    response = client.get(f"{url}?time=recorded")
    assert numbers(response) == ["R-LATE", "R-SOON"]
    assert numbers(client.get(f"{url}?time=recorded&sort=oldest")) == ["R-SOON", "R-LATE"]
    listing = response.context["listing"]
    assert listing.chips[0]["label"].startswith("Recorded: since")
    assert [column.name for column in listing.shown[:3]] == ["number", "recorded", "order"]


def test_the_last_twelve_months_are_shown_with_the_zone_of_their_days(client, operator, url):
    client.force_login(operator)
    response = client.get(url)
    wider = response.context["wider_url"]
    assert f"zone={response.context['listing'].zone.replace('/', '%2F')}" in wider


def test_an_order_number_finds_its_refunds_of_the_last_twelve_months(client, operator, order, url):
    give_back(order, "R-1", started_at=timezone.now() - timedelta(days=100))
    give_back(order, "R-2")
    client.force_login(operator)
    assert numbers(client.get(url, {"q": "ORDER-1"})) == ["R-2", "R-1"]


def test_an_exact_refund_number_jumps_to_the_refund(client, operator, starfall, order, url):
    refund = give_back(order, "R-1")
    client.force_login(operator)
    detail = reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})
    assert client.get(url, {"q": "R-1"}).headers["Location"] == detail


def test_the_detail_links_to_the_order_and_the_order_to_the_refund(client, operator, starfall, order):
    refund = give_back(order, "R-1", cause="Bought twice")
    client.force_login(operator)
    refund_url = reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})
    order_url = reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": order.pk})
    page = client.get(refund_url).content.decode()
    assert order_url in page and "Bought twice" in page and "USD -1.00" in page
    assert refund_url in client.get(order_url).content.decode()


def test_the_detail_says_how_it_stands_and_what_the_superapp_sent(client, operator, superapp_operator, starfall, order):
    refund = give_back(order, "R-1", state="success", succeeded_at=timezone.now())
    order.delivered_at = timezone.now()
    type(order).objects.filter(pk=order.pk).update(delivery_state="delivered", delivered_at=order.delivered_at)
    about = {"superapp": order.superapp, "order": order, "kind": "refund", "out_trade_no": "ORDER-1", "verdict": "accepted"}
    for number in ("R-1", "R-2"):
        payload = f'{{"OpenId":"player-0001-abcd","RefundNo":"{number}"}}'
        Notification.objects.create(**about, event="e", payload=payload, pay_event_sig="s")
    url = reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})
    client.force_login(operator)
    response = client.get(url)
    page = response.content.decode()
    assert "The money is back with the player. The item had been delivered" in page
    assert [row.payload for row in response.context["notifications"]] == ['{"OpenId":"player-0001-abcd","RefundNo":"R-1"}']
    assert [event["title"] for event in response.context["events"]][:1] == ["Order placed"]
    assert "Refund notification accepted" in page
    client.force_login(superapp_operator)
    assert "player-0001-abcd" not in client.get(url).content.decode()


def test_a_refund_of_another_mini_program_is_not_found(client, operator, starfall, harbor_reader):
    refund = give_back(place(harbor_reader, "THEIRS"), "R-1")
    client.force_login(operator)
    assert client.get(reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})).status_code == 404


def test_the_superapp_sees_the_refunds_of_all_its_mini_programs(client, superapp_operator, starfall, harbor_reader, order):
    give_back(order, "R-1", started_at=timezone.now() - timedelta(hours=2))
    give_back(place(harbor_reader, "THEIRS"), "R-2")
    client.force_login(superapp_operator)
    response = client.get(reverse("orders:superapp-refund-list", kwargs={"superapp": starfall.superapp.code}))
    assert numbers(response) == ["R-2", "R-1"]


def test_needs_few_queries(client, operator, order, url, django_assert_max_num_queries):
    for number in range(60):
        give_back(order, f"R-{number}", amount=1)
    client.force_login(operator)
    with django_assert_max_num_queries(12):
        client.get(url)
