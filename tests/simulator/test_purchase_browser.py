"""The test purchase in a browser, with the demo's superapp and receiver really called."""

import re

import pytest
from playwright.sync_api import expect

from console.models import Superapp
from orders.models import Order
from tests.whole_sale import Walk


@pytest.mark.browser
@pytest.mark.parametrize("backend", ["Its own backend", "A stand-in"])
def test_a_developer_buys_a_draft_and_sees_it_delivered_to_the_test_url(browser_page, site, backend):
    if backend == "A stand-in":
        Superapp.objects.update(backend_url="")
    walk = Walk(browser_page, site.url)
    walk.sign_in("developer@demo.test")
    walk.program("Moonlit Cards")
    walk.menu("Virtual items")
    browser_page.locator("main tbody a").first.click()
    walk.follow("Test purchase")
    walk.sees(re.compile(backend))
    walk.press("Buy")
    steps = browser_page.locator(".purchase-steps > li")
    expect(steps).to_have_count(6)
    expect(steps.last).to_contain_text("Acknowledged.")  # htmx asks again until then
    expect(steps.get_by_text("Done", exact=True)).to_have_count(6)
    order = Order.objects.get(open_id__startswith="test-purchase-")
    assert (order.delivery_state, order.deliveries.get().attempts.get().url.endswith("/receive/test")) == ("delivered", True)
    walk.follow("Open the order")
    walk.sees(order.out_trade_no)
    walk.sees(re.compile("Sandbox"))
