"""Two people decide one request, each in a browser of their own: the second learns in words that the first was faster."""

import pytest
from playwright.sync_api import Browser, Page, expect

from payments.models import Request
from tests.people import staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def window(chromium: Browser, client, live_server):
    """A browser of its own for a person who is signed in with a fresh code."""
    contexts = []

    def open_for(user, path: str) -> Page:
        client.force_login(user)
        context = chromium.new_context(locale="en-GB", timezone_id="UTC")
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        client.cookies.clear()
        contexts.append(context)
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield open_for
    for context in contexts:
        context.close()


def test_the_second_of_two_approvers_reads_who_decided_before(window, orbit, requested, approver):
    second = staff("Ben Approver", orbit, "approver")
    path = f"/s/{orbit.code}/approvals/{requested.pk}/"
    mine, theirs = window(approver, path), window(second, path)
    mine.locator("#approve").get_by_role("button", name="Approve").click()
    expect(mine.locator("body")).to_contain_text("was approved")
    theirs.get_by_label("Reason in your own words").fill("Say what is sold.")
    with theirs.expect_response(lambda answer: answer.request.method == "POST") as answered:
        theirs.locator("#reject").get_by_role("button", name="Reject").click()
    assert answered.value.status == 409
    expect(theirs.locator("main")).to_contain_text("already decided by Ada Approver at")
    row = Request.objects.get(pk=requested.pk)
    assert (row.state, row.decided_by) == ("approved", approver)
