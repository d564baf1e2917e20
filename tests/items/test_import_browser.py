"""One whole import in a real browser: faults, the marked copy, mending it, differences, confirm, the result, undo."""

import io
import re

import openpyxl
import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import expect

from items.models import Item, ItemImage
from tests.items.conftest import fresh, picture_bytes
from tests.items.workbooks import workbook, zipped

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = [
    ["coin", "Coin", "1,5", "Shines", "coin.png"],
    ["red ruby", "Ruby", "$2", None, None],
    ["gem", "Big gem", 19.9, None, None],
    ["old", 2048, 1, None, None],
]


class Import:
    """The steps of a developer, as clicks."""

    def __init__(self, page, url, folder):
        self.page, self.url, self.folder = page, url, folder

    def upload(self, content, name):
        (self.folder / name).write_bytes(content)
        (self.folder / "images.zip").write_bytes(zipped({"Coin.PNG": picture_bytes()}))
        self.page.get_by_label("Workbook").set_input_files(self.folder / name)
        self.page.get_by_label("Images").set_input_files(self.folder / "images.zip")
        self.page.get_by_label("Add new items and update existing ones").check()
        self.press("Check the workbook")

    def press(self, name):
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("button", name=name, exact=True).click()

    def group(self, title):
        return self.page.locator("main section, main .card").filter(has=self.page.get_by_role("heading", name=title)).last

    def download(self, name):
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=name).click()
        assert waiting.value.suggested_filename == "items-checked.xlsx"
        waiting.value.save_as(self.folder / "checked.xlsx")
        return openpyxl.load_workbook(self.folder / "checked.xlsx")


def mended(book):
    """The downloaded copy after somebody followed its comments."""
    sheet = book.active
    notes = {cell.coordinate: cell.comment.text for row in sheet.iter_rows() for cell in row if cell.comment}
    assert set(notes) == {"C2", "A3", "C3", "B5"}
    assert "Found: 1,5" in notes["C2"] and "How to mend: Remove separators" in notes["C2"]
    assert (sheet["C2"].fill.fgColor.rgb, sheet["B5"].fill.fgColor.rgb) == ("00FFC7CE", "00FFEB9C")
    sheet["C2"], sheet["A3"], sheet["C3"] = "1.5", "red_ruby", "2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_faults_are_mended_in_the_users_own_workbook_and_the_import_can_be_undone(
    browser_page, live_server, client, starfall, developer, gem, sword, tmp_path
):
    client.force_login(developer)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    browser_page.context.add_cookies([cookie | {"url": live_server.url}])
    browser_page.goto(live_server.url + reverse("items:import-upload", kwargs={"app_id": starfall.app_id}))
    page, steps = browser_page.locator("main"), Import(browser_page, live_server.url, tmp_path)

    steps.upload(workbook(*ROWS), "items.xlsx")
    expect(steps.group("The price is not an amount")).to_contain_text("2 cells")
    expect(steps.group("The item ID has characters that are not allowed")).to_contain_text("A3")
    expect(steps.group("A number stands where a text is expected")).to_contain_text("B5")
    expect(page.get_by_role("button", name="Confirm the import")).to_have_count(0)
    assert Item.objects.count() == 2

    content = mended(steps.download("Download the workbook with the faults marked"))
    page.get_by_role("link", name="Choose the mended workbook").click()
    steps.upload(content, "mended.xlsx")
    changed = page.get_by_role("row").filter(has_text="gem")
    expect(changed.filter(has_text="Name").locator("del")).to_have_text("Gem")
    expect(changed.filter(has_text="Price").locator("ins")).to_have_text("USD 19.90")
    expect(page.get_by_role("row").filter(has_text="red_ruby")).to_be_visible()
    assert Item.objects.count() == 2 and fresh(gem).name == "Gem"

    steps.press("Confirm the import")
    expect(page.get_by_text(re.compile("3 items were added and 1 changed"))).to_be_visible()
    address = browser_page.url
    page.get_by_role("link", name="Show these items").click()
    for name in ("Coin", "Ruby", "Big gem", "2048"):
        expect(page.get_by_role("row").filter(has_text=name).first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Sword")).to_have_count(0)
    assert ItemImage.objects.count() == 1 and Item.objects.get(product_id="coin").image

    browser_page.goto(address)
    steps.press("Undo the import")
    expect(page.get_by_text("Every row of the import was taken back.")).to_be_visible()
    assert set(Item.objects.values_list("product_id", "name")) == {("gem", "Gem"), ("sword", "Sword")}
