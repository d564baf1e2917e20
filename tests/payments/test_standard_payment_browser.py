"""Standard payment in a browser: its own permission, and its orders and refunds under their own entries of the menu."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.orders.records import give_back, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_permission_is_asked_for_and_given_apart_from_that_of_virtual_payment(walk, approved, team_admin, approver):
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Enable payment", part="Standard payment")
    walk.follow("Request permission")
    walk.press("Confirm")
    expect(walk.page.locator(".error-summary")).to_contain_text("Enter a message")
    walk.page.get_by_label("Message").fill("Starfall sells printed books.")
    walk.press("Confirm")
    walk.sees("In review")
    walk.sign_in(approver.email)
    walk.menu("Approvals")
    walk.follow("Standard payment permission")
    walk.sees("Starfall sells printed books.")
    walk.press("Approve")
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Enable payment", part="Standard payment")
    walk.sees("Payment is approved")
    expect(walk.rows()).to_have_count(1)  # the request for virtual payment is not among them


@pytest.fixture
def sold(starfall):
    """A standard order that was paid and refunded, and an order of a virtual item."""
    now = timezone.now()
    book = place(starfall, "BOOK-1", kind="standard", product_name="Printed book", payment_state="paid", created_at=now)
    place(starfall, "GEM-1", payment_state="paid", created_at=now)
    give_back(book, "R-1", kind="standard")
    return book


def test_orders_and_refunds_have_entries_of_their_own(walk, sold, operator):
    walk.sign_in(operator.email)
    walk.program("Starfall")
    walk.menu("Order record", part="Standard payment")
    expect(walk.page.get_by_role("heading", level=1)).to_have_text("Order record of standard payment")
    expect(walk.rows()).to_have_count(1)
    walk.follow("BOOK-1")
    walk.sees("Printed book")
    walk.menu("After-sales record", part="Standard payment")
    expect(walk.rows("R-1")).to_have_count(1)
    walk.menu("Order record")
    expect(walk.rows("GEM-1")).to_have_count(1)
    expect(walk.rows(re.compile("BOOK-1"))).to_have_count(0)
