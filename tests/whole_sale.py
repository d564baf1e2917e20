"""The steps of one sale as people take them in a browser: only clicks and typing, each step by the person whose part it is."""

import csv
import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

MESSAGE = "Starfall wants to sell its first gem.\nIts price list is one line long."


class Walk:
    """One window in which different people sign in, one after the other."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    # --- Moving about -------------------------------------------------------------------------------------------------------

    def sign_in(self, email: str, password: str = "demo") -> None:
        """By the form; whoever was signed in signs out first."""
        self.page.context.clear_cookies()
        self.page.goto(f"{self.url}/accounts/login/")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def simulator(self, tab: str) -> None:
        self.page.goto(f"{self.url}/simulator/shop/")
        self.page.get_by_role("navigation", name="Simulator").get_by_role("link", name=tab).click()

    def program(self, name: str) -> None:
        """From the first page to a mini program; whoever has one only is there at once."""
        self.page.goto(self.url)
        if self.page.get_by_role("heading", level=1, name=name).count() == 0:
            self.page.locator("main").get_by_role("link", name=name).first.click()

    def menu(self, entry: str, *, part: str = "") -> None:
        """An entry of the menu; `part` is the heading above it, where several have the same words."""
        menu = self.page.get_by_role("navigation")
        if part:
            menu = self.page.locator(".nav-group").filter(has=self.page.get_by_role("heading", name=part, exact=True))
        menu.get_by_role("link", name=entry, exact=True).first.click()

    def press(self, button: str) -> None:
        """And wait for the page that answers."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("button", name=button, exact=True).click()

    def follow(self, link: str | re.Pattern[str]) -> None:
        self.page.locator("main").get_by_role("link", name=link).first.click()

    def sees(self, text: str | re.Pattern[str]) -> Locator:
        found = self.page.locator("main").get_by_text(text).first
        expect(found).to_be_visible()
        return found

    def rows(self, text: str | re.Pattern[str] = "") -> Locator:
        """The rows of the page's list, those with this text."""
        found = self.page.locator("main tbody tr")
        return found.filter(has_text=text) if text else found

    def narrow(self, label: str, option: str) -> None:
        """Choose in a filter of the list."""
        self.page.get_by_label(label, exact=True).select_option(label=option)
        self.press("Filter")

    # --- The chain that must hold before anything is sold ----------------------------------------------------------------------

    def request_payment(self) -> None:
        self.program("Starfall")
        self.menu("Enable payment")
        self.follow("Request permission")
        self.page.get_by_label("Message").fill(MESSAGE)
        self.press("Confirm")
        self.sees("In progress")

    def cannot_decide(self) -> None:
        """The desk does not exist for the team: neither in the menu nor at its address."""
        expect(self.page.get_by_role("navigation").get_by_role("link", name="Approvals")).to_have_count(0)
        answer = self.page.goto(f"{self.url}/s/orbit/approvals/")
        assert answer and answer.status in {403, 404}

    def reject_payment(self, reason: str) -> None:
        self.open_request()
        self.page.locator("#reject").get_by_label("Reason").last.fill(reason)
        self.press("Reject")
        self.decided()

    def reads_the_reason(self, reason: str) -> None:
        self.program("Starfall")
        self.menu("Enable payment")
        self.sees("What to do next:")
        self.sees(re.compile(re.escape(reason)))

    def approve_payment(self) -> None:
        self.open_request()
        self.sees("Its price list is one line long.")
        self.press("Approve")
        self.decided()

    def decided(self) -> None:
        """What was decided waits no longer."""
        self.page.goto(f"{self.url}/s/orbit/approvals/")
        expect(self.page.get_by_role("row").filter(has_text="Starfall")).to_have_count(0)

    def open_request(self) -> None:
        """What waits about Starfall, from the approver's first page."""
        self.page.goto(self.url)
        self.menu("Approvals")
        self.page.get_by_role("row").filter(has_text="Starfall").get_by_role("link").first.click()

    def configure_delivery(self, receiver: str) -> str:
        """Returns the passphrase, which is shown once."""
        self.program("Starfall")
        self.menu("Basic configurations")
        self.follow(re.compile("Configure"))
        self.page.get_by_label("URL", exact=True).fill(receiver)
        self.press("Confirm")
        passphrase = self.page.locator(".secret-value code").inner_text()
        self.page.reload()
        expect(self.page.locator(".secret-value")).to_have_count(0)
        return passphrase

    def receiver(self) -> str:
        """The address that the stand-in developers tell."""
        self.simulator("Developer backend")
        self.follow("Starfall")
        return self.page.locator("#addresses [data-copy]").first.get_attribute("data-copy") or ""

    def install_keys(self, passphrase: str) -> None:
        self.simulator("Mailbox")
        while self.page.get_by_role("row").filter(has_text="payments@northlight.test").count() == 0:
            self.page.get_by_role("link", name="Look again").click()
        self.page.get_by_role("row").filter(has_text="payments@northlight.test").get_by_role("link").first.click()
        self.sees("openssl")
        expect(self.page.get_by_role("link", name="credential.p12")).to_be_visible()
        self.simulator("Developer backend")
        self.follow("Starfall")
        self.page.get_by_label("Passphrase").fill(passphrase)
        self.press("Install the keys")
        self.sees("Certificate and AppKeys are installed.")

    def add_item(self, picture: Path) -> None:
        Image.effect_mandelbrot((320, 240), (-2.2, -1.2, 1.0, 1.2), 60).convert("RGB").save(picture)
        self.program("Starfall")
        self.menu("Virtual items")
        self.follow("Add item")
        self.page.get_by_label("Item ID").fill("gem_1")
        self.page.get_by_label("Name").fill("One star gem")
        self.page.get_by_label("Price in USD").fill("9.90")
        self.page.get_by_label("Image").set_input_files(picture)
        self.press("Add item")
        self.sees("One star gem")

    def submit_item(self) -> None:
        self.follow("Submit for release")
        self.press("Submit for release")
        self.sees("Under review")

    def release_item(self) -> None:
        self.open_request()
        self.sees("USD 9.90")
        self.page.get_by_role("group", name="Decision about One star gem").get_by_label("Approve").check()
        self.press("Decide the chosen items")
        self.decided()

    def switch_push_on(self) -> None:
        self.program("Starfall")
        self.menu("Basic configurations")
        self.press("Switch on")
        self.sees("The test push was acknowledged and the delivery push is on.")

    # --- The sale -----------------------------------------------------------------------------------------------------------

    def buy(self) -> str:
        """Returns the order number."""
        self.simulator("Shop")
        self.follow("Starfall")
        self.press("Buy One star gem")
        self.press("Pay USD 9.90")
        self.sees("Paid. openServer recorded the payment.")
        for call in ("open a player session", "jscode2session", "place the order", "payment-notifications"):
            self.sees(re.compile(call))
        return self.page.locator(".pay-sheet [data-copy]").get_attribute("data-copy") or ""

    def look_at_order(self, number: str) -> None:
        self.program("Starfall")
        self.menu("Order record")
        self.follow(number)
        while self.page.locator(".summary").get_by_text("Delivered").count() == 0:
            self.page.reload()
        expect(self.page.locator(".summary").get_by_text("Paid", exact=True)).to_be_visible()
        self.sees("Acknowledged")

    def look_at_pushes(self, number: str) -> None:
        self.simulator("Developer backend")
        self.follow("Starfall")
        self.sees("Test push")
        self.sees(number)

    def export_orders(self) -> list[dict[str, str]]:
        """Returns the rows of the file."""
        self.program("Starfall")
        self.menu("Order record")
        self.follow("Export")
        self.press("Start the export")
        link = self.page.get_by_role("link", name="Download")
        expect(link).to_be_visible()
        with self.page.expect_download() as download:
            link.click()
        text = download.value.path().read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    def refund(self, number: str, amount: str) -> None:
        self.simulator("Superapp payments")
        row = self.page.get_by_role("row").filter(has_text=number)
        row.get_by_label("Amount to refund in USD").fill(amount)
        row.get_by_role("button", name="Refund").click()
        self.sees("The refund is in progress.")
        self.page.get_by_role("row").filter(has_text=number).get_by_role("button", name="Give the money back").click()
        self.sees("openServer recorded the refund as SUCCESS.")

    def look_at_refund(self, number: str) -> None:
        self.program("Starfall")
        self.menu("After-sales record")
        row = self.page.get_by_role("row").filter(has_text=number)
        expect(row.get_by_text("Success")).to_be_visible()
        expect(row.get_by_text(re.compile(r"USD -?4\.00"))).to_be_visible()
