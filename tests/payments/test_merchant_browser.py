"""Merchant binding in a browser: typed or picked, cancelled, approved, changed, unbound; its history and who may."""

import re

import pytest
from playwright.sync_api import expect

from tests.whole_sale import Walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def binds(walk: Walk, link: str) -> None:
    walk.menu("Merchant")
    walk.follow(link)


def approves(walk: Walk, approver) -> None:
    walk.sign_in(approver.email)
    walk.menu("Approvals")
    walk.follow("Merchant binding")
    walk.press("Approve")


def merchant_page(walk: Walk, person) -> None:
    """From the mini program's pages to its team's."""
    walk.sign_in(person.email)
    walk.program("Starfall")
    walk.menu("Merchant")


def test_the_team_admin_binds_by_id_changes_by_list_and_unbinds(walk, starfall, merchant, other_merchant, team_admin, approver):
    merchant_page(walk, team_admin)
    walk.sees("No merchant is bound yet")
    types_the_id(walk)
    merchant_page(walk, approver_after(walk, approver, team_admin))
    walk.sees("Northlight Ltd")
    changes_it(walk)
    merchant_page(walk, approver_after(walk, approver, team_admin))
    expect(walk.rows("Northlight Ltd")).to_contain_text("Unbound")
    expect(walk.rows("Northlight KK").first).to_contain_text("Effective")  # below it the one that was taken back
    walk.follow("Unbind")
    walk.sees("Orders that are paid are still delivered.")
    walk.press("Unbind")
    walk.sees("No merchant is bound")


def types_the_id(walk: Walk) -> None:
    """An id that nobody has first: the sentence stands at the field and what was typed stays."""
    binds(walk, "Bind a merchant")
    walk.page.get_by_label("Or type the merchant id").fill("19")
    walk.page.get_by_label("Message to the approver").fill("Our account.")
    walk.press("Confirm")
    expect(walk.page.locator(".error-summary")).to_contain_text("The superapp has no merchant with this id.")
    expect(walk.page.get_by_label("Message to the approver")).to_have_value("Our account.")
    walk.page.get_by_label("Or type the merchant id").fill("1900000001")
    walk.press("Confirm")
    walk.sees("In review")


def approver_after(walk: Walk, approver, team_admin):
    """The approver approves; the team admin is who looks next."""
    approves(walk, approver)
    return team_admin


def changes_it(walk: Walk) -> None:
    """Asked for, taken back, asked for again: the old merchant stays effective all the time."""
    for _time in range(2):
        binds(walk, "Change merchant")
        walk.sees("This is a change")
        walk.page.get_by_role("combobox", name="Merchant").select_option(label="Northlight KK · 1900000002 · JPY")
        walk.press("Confirm")
        walk.sees("Cancel it before you make another.")
        expect(walk.page.get_by_role("button", name="Change merchant")).to_have_attribute("aria-disabled", "true")
        walk.sees("Effective merchant")
        if not _time:
            walk.press("Cancel request")
    expect(walk.rows("Cancelled")).to_have_count(1)


def test_unbinding_names_what_stops_selling_and_its_page_says_so(walk, approved, team_admin, senior):
    merchant_page(walk, team_admin)
    walk.follow("Unbind")
    walk.sees("Selling stops at once in 1 mini program of this team:")
    walk.press("Unbind")
    walk.program("Starfall")
    walk.menu("Enable payment")
    walk.sees("The team has no effective merchant any more.")
    merchant_page(walk, senior)
    expect(walk.page.get_by_role("button", name="Bind a merchant")).to_have_attribute("aria-disabled", "true")
    walk.sees(re.compile("Ask one of those who can: Tara Admin"))
