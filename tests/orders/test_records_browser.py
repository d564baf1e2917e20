"""The records in a real browser: filter, go back, share the address, export, download."""

import csv
import io

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from orders.models import Order
from tests.orders.records import place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def signed_in(client, operator, starfall, live_server, browser_page: Page) -> Page:
    for number in range(60):
        state = "paid" if number < 55 else "created"
        place(starfall, f"ORDER-{number:03d}", payment_state=state, created_at=timezone.now())
    client.force_login(operator)
    value = client.cookies["sessionid"].value
    browser_page.context.add_cookies([{"name": "sessionid", "value": value, "url": live_server.url}])
    return browser_page


def test_filter_back_share_export_download(signed_in, live_server, starfall):
    page = signed_in
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/")
    page.get_by_label("Payment", exact=True).select_option("paid")
    page.get_by_role("button", name="Filter").first.click()
    expect(page.locator(".chips")).to_contain_text("Payment: Paid")
    expect(page.locator(".table-foot")).to_contain_text("55 orders")

    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.get_by_label("Payment", exact=True)).to_have_value("paid")

    shared = page.url
    other = page.context.new_page()
    other.goto(shared)
    expect(other.locator("tbody tr")).to_have_count(50)
    expect(other.locator(".chips")).to_contain_text("Payment: Paid")
    other.close()

    page.get_by_role("link", name="Remove the filter Payment: Paid").click()
    expect(page.locator(".table-foot")).to_contain_text("60 orders")
    page.go_back()
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.locator("body")).to_contain_text("55")
    page.get_by_role("button", name="Start the export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert {row[0] for row in rows[1:]} == set(Order.objects.filter(payment_state="paid").values_list("out_trade_no", flat=True))
    assert len(rows) == 56


def test_a_view_is_kept_and_opened(signed_in, live_server, starfall):
    page = signed_in
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/?payment=created")
    page.get_by_role("link", name="Columns and views").click()
    page.get_by_label("Name of the view").fill("Not paid yet")
    page.get_by_label("Everybody in the team can use it").check()
    page.get_by_role("button", name="Keep the view").click()
    expect(page.get_by_role("link", name="Not paid yet")).to_have_attribute("aria-current", "page")
    expect(page.locator("tbody tr")).to_have_count(5)
