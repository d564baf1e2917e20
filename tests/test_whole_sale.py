"""One whole sale in a real browser, from the request for permission to the exported row and the refund.

The same steps as in docs/domain.md, each by the person whose part it is, with no step taken behind their backs.
"""

import pytest

from tests.whole_sale import Walk


@pytest.mark.browser
def test_a_sale_from_the_request_to_the_exported_row_and_the_refund(browser_page, site, tmp_path):
    walk = Walk(browser_page, site.url)
    walk.sign_in("team-admin@demo.test")
    walk.request_payment()
    walk.cannot_decide()
    walk.sign_in("approver@demo.test")
    walk.reject_payment("Say what the gem is for.")
    walk.sign_in("team-admin@demo.test")
    walk.reads_the_reason("Say what the gem is for.")
    walk.request_payment()
    walk.sign_in("approver@demo.test")
    walk.approve_payment()

    receiver = walk.receiver()
    walk.sign_in("team-admin@demo.test")
    walk.install_keys(walk.configure_delivery(receiver))
    walk.sign_in("team-admin@demo.test")
    walk.add_item(tmp_path / "gem.png")
    walk.submit_item()
    walk.sign_in("approver@demo.test")
    walk.release_item()
    walk.sign_in("team-admin@demo.test")
    walk.switch_push_on()

    number = walk.buy()
    walk.sign_in("operator@demo.test")
    walk.look_at_order(number)
    walk.look_at_pushes(number)
    row = next(row for row in walk.export_orders() if row["Order number"] == number)
    assert (row["Item"], row["Amount (minor units)"], row["Currency"]) == ("One star gem", "990", "USD")
    assert (row["Payment"], row["Delivery"], row["Refund"]) == ("Paid", "Delivered", "None")
    walk.refund(number, "4.00")
    walk.look_at_refund(number)
