"""The records in a real browser: filter, go back, share the address, export, download."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from console.models import User
from orders.models import Order
from tests.browser import SIZE
from tests.orders.archive import archive, sold
from tests.orders.records import give_back, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: In Shanghai it is the next day already.
AT = (datetime.now(UTC) - timedelta(days=2)).replace(hour=20, minute=0, second=0, microsecond=0)


def window(browser: Browser, client: Client, person: User, url: str) -> Page:
    """A window of its own in which this person is signed in."""
    client.force_login(person)
    context = browser.new_context(viewport=SIZE)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])
    return context.new_page()


@pytest.fixture
def signed_in(operator, starfall, live_server, chromium) -> Iterator[Page]:
    for number in range(60):
        state = "paid" if number < 55 else "created"
        place(starfall, f"ORDER-{number:03d}", payment_state=state, created_at=AT + timedelta(seconds=number))
    page = window(chromium, Client(), operator, live_server.url)
    yield page
    page.context.close()


def test_filter_back_share_export_download(signed_in, live_server, starfall, senior, chromium):
    page = signed_in
    place(starfall, "THE-DAY-BEFORE", payment_state="paid", created_at=AT - timedelta(days=1))
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/")
    page.get_by_label("Payment", exact=True).select_option("paid")
    page.get_by_label("From", exact=True).fill(f"{AT:%Y-%m-%d}")
    page.get_by_label("To", exact=True).fill(f"{AT:%Y-%m-%d}")
    page.get_by_role("button", name="Filter").first.click()
    expect(page.locator(".chips")).to_contain_text("Payment: Paid")
    expect(page.locator(".table-foot")).to_contain_text("55 orders")

    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.get_by_label("Payment", exact=True)).to_have_value("paid")

    # Reloaded, or opened from a bookmark later, it is the same.
    first = page.locator("tbody tr th").all_inner_texts()
    page.reload()
    assert page.locator("tbody tr th").all_inner_texts() == first
    bookmarked = page.context.new_page()
    bookmarked.goto(page.url)
    assert bookmarked.locator("tbody tr th").all_inner_texts() == first
    bookmarked.close()

    # A colleague for whom the day was over already gets the same rows, and reads whose days they are.
    senior.time_zone = "Asia/Shanghai"
    senior.save()
    other = window(chromium, Client(), senior, live_server.url)
    other.goto(page.url)
    expect(other.locator(".chips")).to_contain_text("Days in UTC")
    expect(other.locator(".table-foot")).to_contain_text("55 orders")
    assert other.locator("tbody tr th").all_inner_texts() == page.locator("tbody tr th").all_inner_texts()

    page.get_by_role("link", name="Remove the filter Payment: Paid").click()
    expect(page.locator(".table-foot")).to_contain_text("60 orders")
    page.go_back()
    expected = set(Order.objects.filter(payment_state="paid", created_at__gte=AT).values_list("out_trade_no", flat=True))
    for reader, zone in ((page, "UTC"), (other, "UTC")):
        head, *rows = exported(reader)
        assert {row[0] for row in rows} == expected and len(rows) == 55
        assert f"Created ({zone})" in head
    other.context.close()


def exported(page: Page) -> list[list[str]]:
    """The lines of the file that this person makes of the list they look at."""
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.locator("body")).to_contain_text("55")
    page.get_by_role("button", name="Start the export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    return list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))


def test_a_case_of_the_mismatch_desk_is_settled_and_put_back(live_server, starfall, senior, chromium):
    for number in ("WRONG-1", "WRONG-2"):
        place(starfall, number, payment_state="paid", paid_amount=990, delivery_state="needs_attention")
    page = window(chromium, Client(), senior, live_server.url)
    page.goto(f"{live_server.url}/m/{starfall.app_id}/")
    page.get_by_role("link", name="Paid, not delivered").click()
    page.get_by_label("Select WRONG-1").check()
    page.get_by_role("button", name="Settle").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("What was done about it").fill("Sent by hand.")
    page.get_by_role("button", name="Settle 1 case").click()
    expect(page.locator("tbody tr")).to_have_text([re.compile("WRONG-2")])
    page.get_by_role("link", name="Show what was settled (1)").click()
    expect(page.locator("tbody tr")).to_contain_text("Sent by hand.")
    page.get_by_label("Select WRONG-1").check()
    page.get_by_role("button", name="Put back on the desk").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.context.close()


def test_a_pasted_list_is_never_cut_and_one_that_is_too_long_is_told(signed_in, live_server, starfall):
    page, numbers = signed_in, [f"ORDER-{number:026d}" for number in range(220)]
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/")
    field = page.locator("input[name=q]")
    field.fill(", ".join(numbers))
    page.get_by_role("button", name="Filter").first.click()
    assert field.evaluate("input => input.validationMessage").startswith("Search for at most 200 numbers of 7,000 characters")
    assert "q=" not in page.url and numbers[-1] in field.input_value()
    field.fill(", ".join(numbers[:200]))
    page.get_by_role("button", name="Filter").first.click()
    expect(page.locator("main")).to_contain_text("0 of 200 numbers were found.")


def test_a_refund_number_with_signs_of_a_list_in_it_is_searched_as_it_is(signed_in, live_server, starfall):
    page, number = signed_in, "R 1, of;2"
    give_back(place(starfall, "GIVEN-BACK", payment_state="paid"), number)
    page.goto(f"{live_server.url}/m/{starfall.app_id}/refunds/")
    page.locator("input[name=q]").fill(number)
    page.get_by_role("button", name="Filter").first.click()
    expect(page.locator("h1")).to_contain_text(number)  # its only row: the page of the refund


def test_a_view_is_kept_and_opened(signed_in, live_server, starfall):
    page = signed_in
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/?payment=created")
    page.get_by_role("link", name="Columns and views").click()
    page.get_by_label("Name of the view").fill("Not paid yet")
    page.get_by_label("Everybody in the team can use it").check()
    page.get_by_role("button", name="Keep the view").click()
    expect(page.get_by_role("link", name="Not paid yet")).to_have_attribute("aria-current", "page")
    expect(page.locator("tbody tr")).to_have_count(5)


def test_an_archived_order_is_found_by_its_number_and_read(signed_in, live_server, starfall, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    sold(starfall, "OLD-1", refund="OLD-R-1", open_id="player-0001-abcd")
    archive()
    page = signed_in
    page.goto(f"{live_server.url}/m/{starfall.app_id}/orders/")
    page.get_by_role("searchbox").fill("OLD-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order OLD-1")
    expect(page.locator(".banner")).to_contain_text("with the orders of March 2025")
    page.get_by_role("link", name="Refunds").click()
    assert page.url.endswith("#refunds")
    page.get_by_role("link", name="OLD-R-1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Refund OLD-R-1")
    page.get_by_role("link", name="OLD-1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Order OLD-1")
