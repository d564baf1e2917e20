"""What only a real browser sees: refused scripts and styles, missing files."""

import pytest
from playwright.sync_api import Page


@pytest.mark.browser
def test_the_sign_in_page_loads_without_a_complaint(live_server, browser_page: Page):
    complaints: list[str] = []
    browser_page.on("console", lambda message: complaints.append(message.text))
    browser_page.on("requestfailed", lambda request: complaints.append(request.url))
    browser_page.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    browser_page.goto(f"{live_server.url}/accounts/login/")
    assert browser_page.locator("input[type=password]").count() == 1
    browser_page.wait_for_load_state("networkidle")
    assert complaints == []
