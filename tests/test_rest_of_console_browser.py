"""In a browser, each in the role that uses it: readiness with who can, empty states, activity, notifications, keys, paper."""

import re

import pytest
from playwright.sync_api import Page, expect

from console.models import Notice, OutgoingMail, User
from items.models import Item
from payments.actions import merchant as merchants
from payments.actions import payment as payments
from payments.models import Merchant, owners_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
GEM = {"product_id": "gem", "name": "Gem", "price": 990, "currency": "USD"}


@pytest.fixture
def bound(northlight, orbit, team_admin, approver):
    """The team's effective merchant."""
    row = Merchant.objects.create(superapp=orbit, merchant_id="M-1", name="Northlight Ltd", currency="USD")
    return merchants.approve(merchants.bind(northlight, row, actor=team_admin), actor=approver)


def main(page: Page):
    return page.locator("main")


def open_menu(page: Page, entry: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=entry, exact=True).first.click()


# --- Readiness and "why can't I" ---


def test_an_operator_sees_all_six_steps_with_who_may_do_each_and_cannot_press_what_rests(window, starfall, bound, everyone):
    page = window(everyone.operator, f"/m/{starfall.app_id}/")
    steps = page.get_by_role("list", name="Can it sell now?").get_by_role("listitem")
    titles = [
        re.compile(words)
        for words in ("Payment feature", "Merchant", "Payment permission", "Delivery push", "Push switch", "Released item")
    ]
    expect(steps).to_contain_text(titles)
    expect(steps.nth(0)).to_contain_text("Done")
    expect(steps.nth(0)).to_contain_text("Sven Superapp")
    expect(steps.nth(2)).to_contain_text("Next step")
    expect(steps.nth(2)).to_contain_text("Tara Admin")
    for place in (3, 4, 5):
        expect(steps.nth(place)).to_contain_text("Later")
        expect(steps.nth(place)).to_contain_text("Sam Senior")
    expect(steps.get_by_role("link")).to_have_count(0)

    open_menu(page, "Enable payment")
    button = main(page).get_by_role("button", name="Request permission")
    expect(button).to_have_attribute("aria-disabled", "true")
    told = main(page).locator(".unavailable").filter(has_text="Request permission")
    expect(told).to_contain_text("Ask one of those who can: Tara Admin.")
    button.click(force=True)
    expect(main(page).get_by_role("heading", name="Enable payment")).to_be_visible()
    assert page.url.endswith("/payment/")


# --- The four empty states ---


def test_a_list_without_rows_says_which_of_four_reasons_it_is(window, starfall, everyone, orbit):
    items = f"/m/{starfall.app_id}/items/"
    page = window(everyone.developer, items)
    expect(main(page)).to_contain_text("Virtual items cannot be priced yet")  # not enabled yet
    main(page).get_by_role("link", name="Show the steps").click()
    expect(page.get_by_role("list", name="Can it sell now?")).to_be_visible()

    row = Merchant.objects.create(superapp=orbit, merchant_id="M-1", name="Northlight Ltd", currency="USD")
    merchants.approve(merchants.bind(starfall.team, row, actor=everyone.team_admin), actor=everyone.approver)
    open_menu(page, "Virtual items")
    expect(main(page)).to_contain_text("No items yet")  # nothing yet: the first step and the template
    expect(main(page).get_by_role("link", name="Import a workbook")).to_be_visible()
    main(page).locator(".empty").get_by_role("link", name="Add item").click()
    expect(main(page).get_by_label("Item ID")).to_be_visible()

    without = window(everyone.operator, items)
    expect(main(without)).to_contain_text("No items yet")  # no permission: who has it, by name
    expect(main(without).locator(".empty")).to_contain_text(re.compile("Devi Developer, Sam Senior, Tara Admin"))
    expect(main(without).locator(".empty").get_by_role("link")).to_have_text(["To the overview"])

    Item.objects.create(**owners_of(starfall), **GEM, edited_by=everyone.developer)
    page.goto(page.url.replace("/add", "/") + "?q=nothing-like-it")
    expect(main(page)).to_contain_text("No item matches")  # nothing matches: clear it
    main(page).locator(".empty").get_by_role("link", name="Clear all filters").click()
    expect(main(page).get_by_role("row").filter(has_text="Gem")).to_be_visible()


# --- Activity ---


def test_a_superapp_admin_reads_what_was_changed_by_whom_from_where_and_takes_it_away(window, orbit, superapp_admin, approver):
    page = window(superapp_admin, f"/s/{orbit.code}/merchants/add")
    for label, text in (("Merchant id", "M-77"), ("Name", "Nothlight")):
        main(page).get_by_label(label, exact=True).fill(text)
    main(page).get_by_label("Settlement currency").select_option("USD")
    main(page).get_by_role("button", name="Save").click()
    main(page).get_by_role("link", name="Nothlight").first.click()
    main(page).get_by_role("link", name="Edit").click()
    main(page).get_by_label("Name", exact=True).fill("Northlight")
    main(page).get_by_role("button", name="Save").click()
    panel = main(page).locator(".card").filter(has_text="History")
    expect(panel).to_contain_text("Nothlight → Northlight")

    panel.get_by_role("link", name=re.compile("The whole history")).click()
    expect(main(page).get_by_text("History of: Merchant · Northlight (M-77)")).to_be_visible()
    rows = main(page).get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text(re.compile(r"Sven Superapp.*edited the merchant.*Nothlight → Northlight.*127\.0\.0\.1"))
    identifier = rows.first.locator("td").last.inner_text()
    assert len(identifier) > 10

    open_menu(page, "Activity")
    main(page).get_by_label("Person").fill("Ada")
    main(page).get_by_role("button", name="Filter").first.click()
    expect(main(page)).to_contain_text("Nothing matches")
    main(page).get_by_role("link", name="Clear all filters").first.click()
    main(page).get_by_label("Object, request id or address").fill(identifier)
    main(page).get_by_label("Object, request id or address").press("Enter")
    expect(rows).to_have_count(1)

    main(page).get_by_role("link", name="Export", exact=True).click()
    main(page).get_by_role("button", name="Start the export").click()
    with page.expect_download() as download:
        main(page).get_by_role("link", name="Download").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert "Nothlight → Northlight" in text and identifier in text and text.count("\n") == 2


# --- Notifications ---


def test_an_approver_chooses_how_to_hear_and_hears_once_in_their_language(window, starfall, bound, team_admin, approver):
    User.objects.filter(pk=approver.pk).update(language="zh-hans")
    Notice.objects.all().delete()
    OutgoingMail.objects.all().delete()
    page = window(approver, "/notifications/preferences")
    page.locator("select[name=request]").select_option("at_once")
    page.locator("main button[type=submit]").click()
    expect(page.locator(".bell-count")).to_have_count(0)

    payments.request_payment(starfall, actor=team_admin, message="Starfall sells moonstones.")
    page.reload()
    expect(page.locator(".bell-count")).to_have_text("1")
    expect(page.locator("tbody tr")).to_contain_text(["新申请：支付开通 · Starfall"])
    assert [mail.subject for mail in OutgoingMail.objects.filter(recipient=approver.email)] == ["新申请：支付开通 · Starfall"]
    page.locator("tbody a").click()
    expect(page.locator("main")).to_contain_text("Starfall sells moonstones.")

    page.locator(".topbar a[href='/notifications/']").click()
    page.locator(".page-head form button").click()
    expect(page.locator(".bell-count")).to_have_count(0)

    page.goto(page.url.replace("/notifications/", "/notifications/preferences"))
    page.locator("select[name=request]").select_option("console")  # never by mail
    page.locator("main button[type=submit]").click()
    payments.request_payment(starfall, actor=team_admin, message="Ordinary payments too.", type="standard")
    page.reload()
    expect(page.locator(".bell-count")).to_have_text("1")
    assert OutgoingMail.objects.filter(recipient=approver.email).count() == 1


# --- Keys and paper ---


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_single_keys_go_search_and_explain_until_they_are_switched_off(window, starfall, team_admin, locale):
    page = window(team_admin, f"/m/{starfall.app_id}/", locale=locale)
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/orders/")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    page.keyboard.type("g")  # typing is no key
    page.locator("[data-search]").blur()
    page.keyboard.press("?")
    dialog = page.locator("dialog#keys")
    expect(dialog).to_be_visible()
    expect(dialog.locator("dt").filter(has_text="g")).to_have_count(page.locator("nav.sidebar a").count())
    dialog.locator("[data-keys-switch]").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.keyboard.press("/")
    expect(page.locator("[data-search]")).not_to_be_focused()
    assert page.url.endswith("/orders/")


def test_a_list_prints_without_its_frame_and_fits_the_sheet(window, starfall, team_admin):
    Item.objects.create(**owners_of(starfall), **GEM, edited_by=team_admin)
    page = window(team_admin, f"/m/{starfall.app_id}/items/", viewport={"width": 700, "height": 1000})
    page.emulate_media(media="print")
    for part in (".topbar", ".sidebar", ".filters", ".page-head .actions"):
        expect(page.locator(part).first).to_be_hidden()
    expect(page.get_by_role("cell", name="USD 9.90")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
