"""The page before an export: what it counts, and the export of one page of the list."""

import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone
from time_machine import travel

from console import exporting, jobs
from console import listing as listing_module
from console.exports import start_export
from console.models import Job
from console.views import exports as views
from orders.listings import order_listing
from orders.models import Order
from tests.orders import records
from tests.orders.test_export import AT, YEAR, form, place, table, url  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_this_page_exports_the_rows_of_the_page(client, operator, starfall, url, form):  # noqa: F811
    for number in range(60):
        place(starfall, f"ORDER-{number:02d}")
    client.force_login(operator)
    after = order_listing(starfall, QueryDict(YEAR)).next_url
    client.post(url.partition("?")[0] + after, form | {"scope": "page"})
    assert Job.objects.get().result["rows"] == 10


def test_the_export_of_the_second_page_is_linked_from_it_and_leads_back(client, operator, starfall, url, form):  # noqa: F811
    times = [AT + timedelta(seconds=number) for number in range(60)]
    orders = [place(starfall, f"ORDER-{number:02d}", amount=100 + number, created_at=at) for number, at in enumerate(times)]
    client.force_login(operator)
    first = url.replace("export", "")
    path = first.partition("?")[0]
    second = client.get(path + client.get(first).context["listing"].next_url)
    link = path + second.context["export_url"]
    assert f'href="{second.context["export_url"]}"'.replace("&", "&amp;") in second.content.decode()
    page = client.get(link)
    text = page.content.decode()
    assert "All that match: 60 orders" in text and "Only this page of the list: 10 orders" in text
    assert "What this page of the list adds up to" in text and "USD 10.45" in text
    back = client.get(page.context["list_url"]).context["listing"].page.rows
    assert [row["id"] for row in back] == [row["id"] for row in second.context["listing"].page.rows]
    client.post(link, form | {"scope": "page"})
    job = Job.objects.get()
    assert [row["Order number"] for row in table(job.file.read())] == [order.out_trade_no for order in orders[9::-1]]
    assert job.params["ids"] == [order.pk for order in orders[9::-1]]


def test_orders_that_arrive_before_the_job_begins_do_not_move_its_page(operator, starfall, form, monkeypatch):  # noqa: F811
    for number in range(60):
        place(starfall, f"ORDER-{number:02d}", created_at=AT + timedelta(seconds=number))
    with monkeypatch.context() as patch:
        patch.setattr(jobs.run_job, "delay_on_commit", lambda _pk: None)
        job = start_export("orders", starfall, actor=operator, query=YEAR, **form | {"scope": "page"})
    place(starfall, "LATE-1", created_at=AT + timedelta(hours=1))
    jobs.run_job(job.pk)
    found = [row["Order number"] for row in table(Job.objects.get().file.read())]
    assert found == [f"ORDER-{number:02d}" for number in range(59, 9, -1)]


@pytest.fixture
def later(monkeypatch):
    """Starts an export whose worker begins when the returned function is called; returns its rows."""

    def start(*args, **chosen):
        with monkeypatch.context() as patch:
            patch.setattr(jobs.run_job, "delay_on_commit", lambda _pk: None)
            job = start_export(*args, **chosen)

        def work():
            jobs.run_job(job.pk)
            return [row["Order number"] for row in table(Job.objects.get(pk=job.pk).file.read())]

        return work

    return start


def test_ticked_orders_that_change_before_the_job_begins_stay_in_it(operator, starfall, form, later):  # noqa: F811
    ids = [place(starfall, f"ORDER-{number}", delivery_state="pending").pk for number in range(3)]
    query = f"{YEAR}&delivery=pending"
    work = later("orders", starfall, actor=operator, query=query, **form | {"scope": "selected", "ids": ids[:2]})
    Order.objects.filter(pk=ids[0]).update(delivery_state="delivered")
    assert sorted(work()) == ["ORDER-0", "ORDER-1"]


def test_the_days_of_an_export_are_those_of_its_start(operator, starfall, form, later):  # noqa: F811
    noon = datetime(2026, 3, 8, 12, tzinfo=UTC)
    with travel(noon, tick=False):
        order = place(starfall, "ORDER-1")
        records.give_back(order, "R-1", started_at=noon - timedelta(days=6))
        chosen = form | {"columns": ["number", "order"]}
        work = later("refunds", starfall, actor=operator, query="", **chosen)
    with travel(noon + timedelta(days=1), tick=False):
        assert work() == ["ORDER-1"]
    assert "since=2026-03-02&until=2026-03-08" in Job.objects.get().params["query"]


def test_a_first_day_that_is_still_to_come_stays_understood(operator, starfall, form, later):  # noqa: F811
    tomorrow = timezone.localdate() + timedelta(days=1)
    work = later("orders", starfall, actor=operator, query=f"since={tomorrow}", **form)
    assert work() == []


def test_more_rows_than_a_list_counts_are_added_up_after_the_page_is_shown(client, operator, starfall, url, form, monkeypatch):  # noqa: F811
    monkeypatch.setattr(views, "COUNT_CAP", 2)
    monkeypatch.setattr(listing_module, "COUNT_CAP", 2)
    for number in range(3):
        place(starfall, f"ORDER-{number}", amount=100)
    client.force_login(operator)
    page = client.get(url)
    exact_url, text = page.context["exact_url"], page.content.decode()
    assert "All that match: 2+" in text and "More than 2 rows match" in text and "USD 3.00" in text.partition("id=\"totals\"")[2]
    assert f'hx-get="{exact_url}"'.replace("&", "&amp;") in text
    exact = client.get(url.partition("?")[0] + exact_url)
    assert "All that match: 3 orders" in exact.content.decode() and exact.context["exact_url"] == ""
    client.post(url, form)
    assert Job.objects.get().result["rows"] == 3 and "exact" not in Job.objects.get().params["query"]


def test_rows_are_counted_once_for_the_page_and_never_to_start_the_job(client, operator, starfall, url, form, monkeypatch):  # noqa: F811
    counted = []

    def counting(listing, rows, **how):
        counted.append(rows)
        return exporting.totals_of(listing, rows, **how)

    monkeypatch.setattr(views, "totals_of", counting)
    place(starfall, "ORDER-1")
    client.force_login(operator)
    client.get(url)
    assert len(counted) == 2, "all that match, and the page"
    counted.clear()
    assert client.post(url, form).status_code == 302 and counted == []
    assert "All that match: 1 order" in client.post(url, form | {"columns": []}).content.decode() and len(counted) == 2


def test_money_of_the_sandbox_is_not_added_to_that_of_players(client, operator, starfall, url, form):  # noqa: F811
    """Pasted numbers are looked for in both environments."""
    for number, env in (("ORDER-1", 0), ("ORDER-2", 0), ("ORDER-3", 1)):
        place(starfall, number, env=env)
    client.force_login(operator)
    pasted = f"{url}&q=ORDER-1,ORDER-2,ORDER-3"
    page = client.get(pasted).content.decode()
    assert "Amount · Live" in page and "Amount · Sandbox" in page
    client.post(pasted, form | {"file": "zip"})
    (row,) = Job.objects.all()
    sums = {label: value for total in row.result["totals"] for label, value in total["sums"] if "Amount" in label}
    assert sums == {"Amount · Live": 1980, "Amount · Sandbox": 990}
    with zipfile.ZipFile(row.file) as archive:
        assert "USD: Amount · Sandbox 990 (minor units)" in archive.read("about.txt").decode()
