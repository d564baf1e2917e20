"""The order record."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from console.models import User
from orders.listings import order_listing
from orders.models import Notification, Order
from orders.parts import finds_parts
from tests.orders.records import numbers, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(starfall):
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


def walk(client, url, direction="next_url"):
    """The numbers of all pages from this one on."""
    found, query = [], ""
    while True:
        response = client.get(url + query)
        found.append(numbers(response))
        query = getattr(response.context["listing"], direction)
        if not query:
            return found, response


def test_shows_the_orders_newest_first(client, operator, starfall, url):
    now = timezone.now()
    place(starfall, "ORDER-1", created_at=now - timedelta(hours=1))
    place(starfall, "ORDER-2", created_at=now)
    client.force_login(operator)
    response = client.get(url)
    assert numbers(response) == ["ORDER-2", "ORDER-1"]
    assert "USD 9.90" in response.content.decode()
    assert "2 orders" in response.content.decode()


def test_refuses_post(client, operator, url):
    client.force_login(operator)
    assert client.post(url).status_code == 405


def test_is_hidden_from_strangers_and_refused_to_the_approver(client, stranger, approver, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.force_login(approver)
    assert client.get(url).status_code == 403


def test_shows_no_order_of_another_mini_program(client, operator, harbor_reader, url):
    place(harbor_reader, "THEIRS")
    client.force_login(operator)
    response = client.get(url)
    assert "THEIRS" not in response.content.decode()
    assert response.context["listing"].page.rows == []


def test_an_empty_record_leads_to_what_is_missing_or_waits_for_the_first_order(client, operator, starfall, url):
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "Not selling yet: Merchant" in page and "No merchant is bound yet." in page
    assert f'href="/m/{starfall.app_id}/">See what is missing' in page
    assert "Not selling yet: Permission for standard payment" in client.get(url + "?kind=standard").content.decode()
    assert "Nothing matches" in client.get(url + "?payment=paid").content.decode()


def test_pages_forth_and_back_show_every_order_once(client, operator, starfall, url):
    at = timezone.now()
    for number in range(120):
        place(starfall, f"ORDER-{number:03d}", created_at=at - timedelta(minutes=number // 3))
    client.force_login(operator)
    forth, last = walk(client, url)
    assert [len(page) for page in forth] == [50, 50, 20]
    assert len(set(sum(forth, []))) == 120
    back = client.get(url + last.context["listing"].previous_url)
    assert numbers(back) == forth[1]
    first = client.get(url + back.context["listing"].previous_url)
    assert numbers(first) == forth[0]
    assert first.context["listing"].previous_url == ""


def test_oldest_first_is_the_same_turned(client, operator, starfall, url):
    for number in range(3):
        place(starfall, f"ORDER-{number}", created_at=timezone.now() - timedelta(hours=number))
    client.force_login(operator)
    assert numbers(client.get(url + "?sort=oldest")) == ["ORDER-2", "ORDER-1", "ORDER-0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("payment=paid", ["PAID"]),
        ("delivery=needs_attention", ["PAID"]),
        ("refund=partially_refunded", ["PAID"]),
        ("item=sword", ["SWORD"]),
        ("env=1", ["TRY"]),
        ("kind=standard", ["COIN"]),
        ("alert=any", ["ODD", "PAID"]),
        ("time=paid", ["PAID"]),
    ],
)
def test_filters(client, operator, starfall, url, query, expected):
    now = timezone.now()
    states = {"payment_state": "paid", "delivery_state": "needs_attention", "refund_state": "partially_refunded"}
    place(starfall, "PAID", paid_at=now, alert="paid_after_closing", **states)
    place(starfall, "COIN", product_id="", kind="standard")
    place(starfall, "SWORD", product_id="sword")
    place(starfall, "TRY", env=1)
    odd = place(starfall, "ODD")
    about = {"superapp": starfall.superapp, "order": odd, "kind": "payment", "out_trade_no": "ODD", "verdict": "mismatch"}
    Notification.objects.create(**about, event="e", payload="{}", pay_event_sig="s")
    client.force_login(operator)
    assert sorted(numbers(client.get(f"{url}?{query}"))) == sorted(expected)


def test_days_are_the_readers_and_the_last_day_is_included(client, operator, starfall, url):
    operator.time_zone = "Asia/Shanghai"
    operator.save()
    place(starfall, "BEFORE", created_at=datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC))
    place(starfall, "FIRST", created_at=datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    place(starfall, "LAST", created_at=datetime(2026, 3, 3, 15, 59, 59, tzinfo=UTC))
    place(starfall, "AFTER", created_at=datetime(2026, 3, 3, 16, 0, tzinfo=UTC))
    client.force_login(operator)
    response = client.get(url + "?since=2026-03-02&until=2026-03-03")
    assert numbers(response) == ["LAST", "FIRST"]
    assert "Created: 2 Mar 2026 to 3 Mar 2026" in response.content.decode()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=2026-02-31", "“2026-02-31” is not a day of the calendar"),
        ("since=2026-03-03&until=2026-03-01", "The last day, 1 Mar 2026, is before the first, 3 Mar 2026. Swap them."),
        ("since=0001-01-01", "Enter a day between 1 January 2000 and 31 December 2100."),
        ("until=9999-12-31", "Enter a day between 1 January 2000 and 31 December 2100."),
        ("payment=stolen", "“stolen” is not one of the choices"),
        ("q=" + "x" * 10_000, "this one has 10000. Shorten it."),
        ("q=%00", "Null characters are not allowed"),
    ],
)
def test_bad_filters_get_a_sentence_and_no_rows(client, operator, starfall, url, query, sentence):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    response = client.get(f"{url}?{query}")
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert numbers(response) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=price", "This list cannot be sorted by “price”"),
        ("after=broken", "this is the first page"),
        ("after=WyJub3ciLCAxXQ", "this is the first page"),
        ("before=" + "A" * 5_000, "this is the first page"),
        ("since=2024-01-01&until=2026-01-31", "A list covers at most 12 months, so it starts on 31 Jan 2025."),
    ],
)
def test_what_was_understood_otherwise_is_said(client, operator, starfall, url, query, sentence):
    client.force_login(operator)
    assert sentence in client.get(f"{url}?{query}").content.decode()


def test_each_filter_is_a_chip_that_removes_it(client, operator, starfall, url):
    client.force_login(operator)
    listing = client.get(url + "?payment=paid&env=0&sort=oldest").context["listing"]
    assert [chip["label"] for chip in listing.chips][1:] == ["Payment: Paid"]
    assert listing.chips[1]["remove_url"] == "?env=0&sort=oldest"
    assert listing.clear_url == "?env=0&sort=oldest"


def test_the_days_that_apply_without_a_filter_are_told(client, operator, starfall, url):
    client.force_login(operator)
    listing = client.get(url).context["listing"]
    since = timezone.localdate().replace(year=timezone.localdate().year - 1)
    assert listing.chips == [{"label": f"Created: since {date_format(since, 'j M Y')}", "remove_url": ""}]


def test_live_and_sandbox_virtual_and_standard_are_lists_of_their_own(client, operator, starfall, url):
    place(starfall, "LIVE")
    place(starfall, "TRY", env=1)
    place(starfall, "STANDARD", kind="standard")
    client.force_login(operator)
    assert numbers(client.get(url)) == ["LIVE"]
    assert numbers(client.get(url + "?env=1")) == ["TRY"]
    standard = client.get(url + "?kind=standard")
    assert numbers(standard) == ["STANDARD"]
    assert "Order record of standard payment" in standard.content.decode()
    assert [tab["current"] for tab in standard.context["listing"].environments] == [True, False]
    assert "kind=standard" in standard.context["listing"].environments[1]["url"]


def test_an_empty_sandbox_points_to_the_live_orders(client, operator, starfall, url):
    place(starfall, "LIVE")
    client.force_login(operator)
    assert client.get(url + "?env=1").context["listing"].elsewhere[0] == {"label": "Live", "url": "?env=0"}


def test_sorts_by_the_amount_and_pages_by_it(client, operator, starfall, url):
    for number in range(60):
        place(starfall, f"ORDER-{number:02d}", amount=1 + number // 3)
    client.force_login(operator)
    forth, _last = walk(client, url + "?sort=largest")
    assert len(set(sum(forth, []))) == 60
    assert forth[0][:4] == ["ORDER-59", "ORDER-58", "ORDER-57", "ORDER-56"]
    head = client.get(url).context["listing"].head()
    assert 'href="?sort=largest"' in head and 'aria-sort="descending"' in head


def test_the_last_page_is_reached_at_once(client, operator, starfall, url):
    now = timezone.now()
    for number in range(70):
        place(starfall, f"ORDER-{number:02d}", created_at=now - timedelta(minutes=number))
    client.force_login(operator)
    last = client.get(url + client.get(url).context["listing"].last_url)
    assert numbers(last)[0] == "ORDER-20" and numbers(last)[-1] == "ORDER-69"
    assert last.context["listing"].next_url == ""
    assert numbers(client.get(url + last.context["listing"].previous_url)) == [f"ORDER-{number:02d}" for number in range(20)]


def test_the_zone_of_the_address_counts_the_days(client, operator, starfall, url):
    operator.time_zone = "America/New_York"
    operator.save()
    place(starfall, "ORDER-1", created_at=datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    client.force_login(operator)
    response = client.get(url + "?since=2026-03-02&zone=Asia/Shanghai")
    assert numbers(response) == ["ORDER-1"]
    assert {"label": "Days in Asia/Shanghai", "remove_url": "?since=2026-03-02"} in response.context["listing"].chips
    assert numbers(client.get(url + "?since=2026-03-02")) == []


def test_a_count_that_stops_says_so(client, operator, starfall, url, monkeypatch):
    monkeypatch.setattr("console.listing.COUNT_CAP", 3)
    for number in range(5):
        place(starfall, f"ORDER-{number}")
    client.force_login(operator)
    listing = client.get(url).context["listing"]
    assert listing.count_text == "3+"


def test_players_are_shown_whole_to_the_team_and_masked_to_others(client, operator, superapp_operator, platform, starfall, url):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    assert "player-0001-abcd" not in client.get(url).content.decode()
    assert "player-0001-abcd" in client.get(url + "?columns=number,player").content.decode()
    for outsider in (superapp_operator, platform):
        client.force_login(outsider)
        page = client.get(url + "?columns=number,player").content.decode()
        assert "player-0001-abcd" not in page and "pla…abcd" in page


def test_text_of_a_buyer_is_escaped(client, operator, starfall, url):
    place(starfall, "ORDER-1", product_name="<b>Gem</b>")
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "&lt;b&gt;Gem&lt;/b&gt;" in page and "<b>Gem" not in page


@pytest.mark.parametrize("rows", [1, 130])
def test_needs_the_same_few_queries_whatever_the_size(client, operator, starfall, url, django_assert_max_num_queries, rows):
    for number in range(rows):
        place(starfall, f"ORDER-{number}")
    client.force_login(operator)
    finds_parts()
    with django_assert_max_num_queries(13):
        client.get(url)


def test_the_superapp_sees_the_orders_of_all_its_mini_programs(client, superapp_operator, starfall, harbor_reader):
    place(starfall, "OURS", created_at=timezone.now() - timedelta(hours=1))
    theirs = place(harbor_reader, "THEIRS")
    client.force_login(superapp_operator)
    response = client.get(reverse("orders:superapp-list", kwargs={"superapp": starfall.superapp.code}))
    assert numbers(response) == ["THEIRS", "OURS"]
    detail = reverse("orders:detail", kwargs={"app_id": harbor_reader.app_id, "pk": theirs.pk})
    assert detail in response.content.decode()
    assert client.get(detail).status_code == 200


def test_the_first_page_and_a_deep_one_use_the_index(starfall):
    """The condition on the place is one row comparison, which an index answers; an OR of two would be a scan."""
    for number in range(60):
        place(starfall, f"ORDER-{number}")
    first = order_listing(starfall, QueryDict(""))
    second = order_listing(starfall, QueryDict(first.next_url[1:]))
    assert '("orders_order"."created_at", "orders_order"."id") < (' in str(second.cut().query).replace("'", "")
    assert Order.objects.count() == 60


def test_standard_orders_show_and_filter_their_delivery(client, operator, starfall, url):
    place(starfall, "STUCK", kind="standard", delivery_state="needs_attention")
    place(starfall, "DELIVERED", kind="standard", delivery_state="delivered")
    client.force_login(operator)
    listing = client.get(url + "?kind=standard").context["listing"]
    assert "delivery" in [column.name for column in listing.shown]
    assert "delivery" in [bound.name for bound in listing.shown_fields]
    assert numbers(client.get(url + "?kind=standard&delivery=needs_attention")) == ["STUCK"]


def test_a_state_and_the_time_of_it_are_two_words_in_chinese(client, operator, starfall, url):
    User.objects.filter(pk=operator.pk).update(language="zh-hans")
    place(starfall, "ORDER-1", delivery_state="delivered")
    client.force_login(operator)
    page = client.get(url + "?columns=delivery,delivered,paid&since=2026-01-02").content.decode()
    assert ">发货时间<" in page and "已发货<" in page
    assert ">支付时间<" in page and "2026-01-02" in page
