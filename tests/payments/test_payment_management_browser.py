"""Payment management, merchants and backend in a browser, by the superapp's admin and its senior developer."""

import re

import pytest
from playwright.sync_api import expect

from tests.whole_sale import Walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_as(walk: Walk, person, entry: str) -> None:
    walk.sign_in(person.email)
    walk.menu(entry)


def said(walk: Walk, sentence: str | re.Pattern[str]) -> None:
    """The message on top of the page."""
    expect(walk.page.get_by_text(sentence).first).to_be_visible()


def test_switching_payment_off_names_what_stops_and_on_again_what_sells(walk, approved, superapp_admin, team_admin):
    open_as(walk, superapp_admin, "Payment management")
    walk.follow("Switch off")
    walk.sees("1 mini program stops selling at once:")
    walk.sees("Starfall")
    walk.press("Switch off")
    walk.sees("The payment feature is off")
    the_team_reads_why(walk, team_admin)
    open_as(walk, superapp_admin, "Payment management")
    walk.follow("Switch on")
    walk.sees("1 mini program sells again at once:")
    walk.press("Switch on")
    said(walk, "The payment feature is on.")
    walk.sees(re.compile("Switched on by Sven Superapp"))


def the_team_reads_why(walk: Walk, team_admin) -> None:
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Enable payment")
    walk.sees("Orbit has switched the payment feature off.")


def test_currencies_are_added_moved_and_removed_knowing_what_stops(walk, approved, superapp_admin):
    open_as(walk, superapp_admin, "Payment management")
    walk.page.get_by_label("Add a currency").select_option("EUR")
    walk.press("Add")
    said(walk, "EUR is offered now.")
    walk.press("Move EUR up")
    codes = walk.page.locator("#currencies tbody th")
    expect(codes).to_have_text(["USD", "JPY", "KWD", "EUR", "CNY"])
    walk.follow("Remove USD")
    walk.sees("1 mini program is paid through a merchant that settles in USD.")
    walk.press("Remove")
    expect(walk.page.locator(".error-summary")).to_be_visible()
    walk.page.get_by_label("I have read what stops, and it is meant.").check()
    walk.press("Remove")
    expect(codes).to_have_text(["JPY", "KWD", "EUR", "CNY"])


def test_payment_of_one_mini_program_is_disabled_with_a_reason(walk, approved, superapp_admin, team_admin):
    open_as(walk, superapp_admin, "Payment management")
    expect(walk.rows("Starfall")).to_contain_text("Approved")
    walk.rows("Starfall").get_by_role("link").click()
    walk.sees("Starfall takes no new orders from then on.")
    walk.press("Disable payment")
    expect(walk.page.locator(".error-summary")).to_contain_text("Enter a reason")
    walk.page.get_by_label("Reason").fill("Players were charged twice.")
    walk.press("Disable payment")
    walk.menu("Payment management")
    expect(walk.rows("Starfall")).to_contain_text("Disabled")
    walk.sign_in(team_admin.email)
    walk.program("Starfall")
    walk.menu("Enable payment")
    walk.sees(re.compile("Players were charged twice."))


def test_the_developer_of_the_superapp_adds_and_edits_a_merchant(walk, orbit, superapp_developer, superapp_operator):
    open_as(walk, superapp_developer, "Merchants")
    walk.follow("Add a merchant")
    walk.page.get_by_label("Merchant id").fill("1900000077")
    walk.page.get_by_label("Name").fill("Harbor Ltd")
    walk.press("Save")
    expect(walk.page.get_by_label("Name")).to_have_value("Harbor Ltd")  # what was typed stays
    walk.page.get_by_label("Settlement currency").select_option("JPY")
    walk.press("Save")
    walk.menu("Merchants")
    walk.follow("Harbor Ltd")
    walk.follow("Edit")
    walk.page.get_by_label("Name").fill("Harbor KK")
    walk.press("Save")
    walk.sees("Harbor Ltd → Harbor KK")
    open_as(walk, superapp_operator, "Merchants")
    expect(walk.page.get_by_role("button", name="Add a merchant")).to_have_attribute("aria-disabled", "true")
    walk.sees(re.compile("Dora Superapp"))


@pytest.fixture
def receiver(httpserver, settings) -> str:
    """The address of a backend that answers create-prepay-order with a prepay id."""
    answer = {"returnCode": "0", "returnMessage": "", "data": {"prepayId": "pp1"}}
    httpserver.expect_request("/backend/create-prepay-order", method="POST").respond_with_json(answer)
    settings.LOCAL_DESTINATIONS = frozenset([f"{httpserver.host}:{httpserver.port}"])
    return httpserver.url_for("/backend")


def test_the_backend_gets_an_address_a_key_and_a_passed_test(walk, orbit, superapp_developer, httpserver, receiver):
    open_as(walk, superapp_developer, "Backend")
    walk.sees("Configure the address first.")
    walk.follow("Configure")
    walk.page.get_by_label("Address").fill("http://10.0.0.7/backend")
    walk.press("Save")
    expect(walk.page.locator(".error-summary")).to_contain_text("public")
    walk.page.get_by_label("Address").fill(receiver)
    walk.page.get_by_label("Send the TC-* headers too").check()
    walk.press("Save")
    walk.sees("Make a key first.")
    first = makes_a_key(walk, "Make a key", "Make the key")
    plays_an_order(walk)
    assert {"Sas-Signature", "Tc-Signature"} <= set(httpserver.log[-1][0].headers.keys())
    assert makes_a_key(walk, "Replace the key", "Make a new key") != first
    plays_an_order(walk, "Sign with the new key")
    walk.menu("Backend")
    walk.follow("Switch to the new key")
    walk.page.get_by_label("Hours for which the old key is still accepted").fill("1")
    walk.press("Switch")
    walk.sees("Previous, still accepted")
    walk.press("End the previous key now")
    expect(walk.rows()).to_have_count(1)


def makes_a_key(walk: Walk, link: str, button: str) -> str:
    """Returns the key, which is shown once."""
    walk.menu("Backend")
    walk.follow(link)
    walk.press(button)
    key = walk.page.locator(".secret-value code").inner_text()
    walk.page.reload()
    expect(walk.page.locator(".secret-value")).to_have_count(0)
    return key


def plays_an_order(walk: Walk, *ticks: str) -> None:
    walk.menu("Backend")
    walk.follow("Test the connection")
    for label in ticks:
        walk.page.get_by_label(re.compile(label)).check()
    walk.press("Send the test order")
    walk.sees("It works")


def test_the_platform_reads_who_may_switch(walk, approved, platform, superapp_admin):
    walk.sign_in(platform.email)
    walk.page.goto(f"{walk.url}/s/{approved.superapp.code}/payment-management/")
    resting = walk.page.locator("main .unavailable")
    expect(resting.get_by_role("button")).to_have_text(["Switch off", "Add a currency", "Remove a currency"])
    expect(resting).to_contain_text("Sven Superapp")
    expect(walk.page.get_by_role("link", name="Switch off")).to_have_count(0)
