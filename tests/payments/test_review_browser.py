"""Two people decide one request, each in a browser of their own: the second learns in words that the first was faster."""

import pytest
from playwright.sync_api import expect

from payments.models import Request
from tests.people import staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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
