"""The home page of a mini program."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from django.utils import timezone

from console.models import User
from orders.charts import charts_of, percent_text
from orders.figures import currencies_of, days_of
from orders.rollups import roll
from tests.orders.records import give_back, numbers, place
from tests.people import own_role

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def sold(program, number, *, at=None, **fields):
    at = at or timezone.now()
    return place(program, number, **({"created_at": at, "paid_at": at, "payment_state": "paid", "paid_amount": 990} | fields))


def heights(chart):
    return [float(height) for height in re.findall(r'class="bar[^>]* height="([0-9.]+)"', chart.svg())]


@pytest.fixture
def url(starfall):
    return reverse("orders:home", kwargs={"app_id": starfall.app_id})


def test_shows_readiness_figures_and_what_needs_attention(client, operator, starfall, url):
    sold(starfall, "ORDER-1", delivery_state="needs_attention")
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "Can it sell now?" in page and "Not yet" in page
    assert "Paid, not delivered" in page and "USD 9.90" in page and "<svg" in page


def test_is_hidden_from_strangers(client, stranger, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404


def test_who_may_not_view_orders_sees_no_figures(client, team_admin, operator, starfall, url):
    sold(starfall, "ORDER-1", delivery_state="needs_attention")
    own_role(operator, starfall.team, team_admin, "items.view_item")
    client.force_login(User.objects.get(pk=operator.pk))
    page = client.get(url).content.decode()
    assert "Can it sell now?" in page
    assert all(told not in page for told in ("Live orders", "Paid, not delivered", "9.90"))


@pytest.mark.parametrize("made", [False, True], ids=["counted from the rows", "out of the rollups"])
def test_currencies_are_never_added(client, operator, starfall, url, made):
    """Neither in what is young nor in what the rollups hold, whatever the kind and however many days."""
    at = timezone.now() - timedelta(days=2)
    sold(starfall, "ORDER-1", at=at)
    give_back(sold(starfall, "ORDER-2", at=at, paid_amount=500, currency="JPY"), "R-1", state="success", started_at=at)
    sold(starfall, "ORDER-3", at=at, paid_amount=300, currency="JPY", kind="standard")
    sold(starfall, "SANDBOX", at=at, env=1)
    sold(starfall, "OLD", at=timezone.now() - timedelta(days=8), paid_amount=7, currency="KWD")
    if made:
        roll()
    days = days_of(starfall, 7)
    assert [day.total("orders") for day in days] == [0, 0, 0, 0, 3, 0, 0]
    assert {code: days[4].amount("paid_amount", code) for code in currencies_of(days)} == {"JPY": 800, "USD": 990}
    assert {code: days[4].amount("refunded_amount", code) for code in currencies_of(days)} == {"JPY": 100, "USD": 0}
    client.force_login(operator)
    page = client.get(url, {"days": "90"}).content.decode()
    assert all(told in page for told in ("USD 9.90", "JPY 800", "KWD 0.007", "JPY -100"))


def test_the_address_asks_for_seven_or_ninety_days(client, operator, starfall, url):
    sold(starfall, "OLD", at=timezone.now() - timedelta(days=60))
    client.force_login(operator)
    for query in ("", "?days=7", "?days=89", "?days=x"):
        assert "No live orders in the last 7 days" in client.get(url + query).content.decode(), query
    page = client.get(f"{url}?days=90").content.decode()
    assert "Live orders of the last 90 days" in page and page.count("<tr>") == 91


def test_each_chart_says_in_words_what_it_shows_and_needs_no_style(client, operator, starfall, url):
    sold(starfall, "ORDER-1")
    sold(starfall, "ORDER-2", paid_amount=500, currency="JPY")
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "style=" not in page
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg[^>]*role=.img.*?</svg>", page, re.DOTALL)]
    told = [chart[0].text for chart in charts]
    assert told == ["Orders", "Paid in JPY", "Paid in USD", "Refunds", "Delivered", "Delivered within 5 seconds of the payment"]
    for chart in charts:
        assert [chart.find(f"*[@id='{name}']") is not None for name in chart.get("aria-labelledby").split()] == [True, True]
    assert "2. Most on" in charts[0][1].text and charts[0][1].text.endswith(": 2.")


def test_a_bar_is_as_high_as_its_day_and_its_parts_make_it_up(starfall):
    sold(starfall, "ORDER-1", delivery_state="delivered", delivered_at=timezone.now())
    sold(starfall, "ORDER-2", delivery_state="needs_attention")
    sold(starfall, "ORDER-3", delivery_state="cancelled")
    place(starfall, "ORDER-4", created_at=timezone.now() - timedelta(days=1), payment_state="unpaid", prepay_id="p")
    charts = {chart.name: chart for chart in charts_of(days_of(starfall, 7))}
    assert heights(charts["orders"]) == [33.33, 100]
    assert heights(charts["delivered"]) == [50, 50], "a delivery that was cancelled is missed by nobody"
    assert charts["delivered"].value == "50.0 %"


def test_not_everything_delivered_is_never_called_100_percent():
    assert [percent_text(percent) for percent in (None, 99.96, 100.0)] == ["–", "99.9 %", "100.0 %"]


def test_a_day_of_the_table_leads_to_its_orders(client, operator, starfall, url):
    at = timezone.now() - timedelta(days=3)
    sold(starfall, "ORDER-1", at=at)
    client.force_login(operator)
    link = re.search(rf'href="([^"]*since={at:%Y-%m-%d}[^"]*)"', client.get(url).content.decode())[1]
    assert "ORDER-1" in client.get(link.replace("&amp;", "&")).content.decode()


def test_a_day_shows_a_colleague_elsewhere_the_same_orders_of_both_kinds(client, operator, senior, starfall, url):
    at = timezone.now() - timedelta(days=3)
    sold(starfall, "VIRTUAL", at=at.replace(hour=23, minute=30))
    sold(starfall, "STANDARD", at=at.replace(hour=23, minute=30), kind="standard")
    sold(starfall, "EARLIER", at=at - timedelta(days=1))
    for person, zone in ((operator, "Asia/Shanghai"), (senior, "America/New_York")):
        User.objects.filter(pk=person.pk).update(time_zone=zone)
    client.force_login(operator)
    page, day = client.get(url).content.decode(), at + timedelta(days=1)
    links = [link.replace("&amp;", "&") for link in re.findall(rf'href="([^"]*since={day:%Y-%m-%d}[^"]*)"', page)]
    assert page.count("Standard payment</a>") == 1, "only where standard orders were placed"
    client.force_login(User.objects.get(pk=senior.pk))
    assert [numbers(client.get(link)) for link in links] == [["VIRTUAL"], ["STANDARD"]]


@pytest.mark.parametrize(("rows", "days"), [(1, 7), (60, 7), (60, 90)])
def test_needs_the_same_queries_whatever_the_size(client, operator, starfall, url, django_assert_max_num_queries, rows, days):
    for number in range(rows):
        place(starfall, f"ORDER-{number}", created_at=timezone.now() - timedelta(hours=number))
    roll()
    client.force_login(operator)
    with django_assert_max_num_queries(31):
        client.get(f"{url}?days={days}")
