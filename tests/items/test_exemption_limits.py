"""What an exemption covers: a price ceiling, a number of items a day, a last day. What goes beyond is reviewed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.errors import Refused
from items.actions import item as items
from items.actions import release as releases
from payments.actions import exemption as exemptions
from payments.actions.exemption import Limits
from payments.content import content_hash
from payments.models import ExemptionRequest
from tests.items.conftest import edit, fresh

pytestmark = pytest.mark.sqlite


@pytest.fixture
def asked(starfall, senior):
    return exemptions.request_exemption(starfall, actor=senior, message="Please.")


def today():
    return timezone.now().date()


def ids(release):
    return sorted(release.entries.values_list("product_id", flat=True)) if release else []


def test_dearer_items_than_the_ceiling_are_reviewed(gem, sword, asked, senior, approver):
    exemptions.approve(asked, actor=approver, limits=Limits(500, "USD"))
    result = releases.submit([gem, sword], actor=senior)
    assert (ids(result.exempt), ids(result.release)) == (["sword"], ["gem"])
    assert result.beyond == {"The exemption covers prices of at most USD 5.00.": 1}


def test_a_ceiling_in_another_currency_covers_nothing(gem, asked, senior, approver):
    exemptions.approve(asked, actor=approver, limits=Limits(99_999, "JPY"))
    assert ids(releases.submit([gem], actor=senior).release) == ["gem"]


def test_items_beyond_the_number_of_the_day_are_reviewed(gem, sword, asked, senior, developer, approver):
    granted = exemptions.approve(asked, actor=approver, limits=Limits(items_per_day=1))
    result = releases.submit([gem, sword], actor=senior)
    assert (ids(result.exempt), ids(result.release)) == (["gem"], ["sword"])
    assert result.beyond == {"The exemption covers 1 item a day.": 1}
    edit(fresh(gem), by=developer, price=1)
    assert ids(releases.submit([fresh(gem)], actor=senior).release) == ["gem"], "also in another submission of the day"
    releases.withdraw(fresh(gem), actor=senior)
    granted.releases.update(requested_at=timezone.now() - timedelta(days=1))
    assert ids(releases.submit([fresh(gem)], actor=senior).exempt) == ["gem"], "a new day"


def test_after_its_last_day_everything_is_reviewed_and_a_new_one_may_be_requested(gem, sword, starfall, asked, senior, approver):
    exemptions.approve(asked, actor=approver, limits=Limits(last_day=today()))
    assert ids(releases.submit([gem], actor=senior).exempt) == ["gem"], "the last day counts"
    with pytest.raises(Refused, match="already in progress or approved"):
        exemptions.request_exemption(starfall, actor=senior, message="Again.")
    ExemptionRequest.objects.update(last_day=today() - timedelta(days=1))
    assert ids(releases.submit([sword], actor=senior).release) == ["sword"]
    assert exemptions.request_exemption(starfall, actor=senior, message="Again.").state == "in_progress"


LIMITED = {
    "The exemption covers prices of at most USD 5.00.": Limits(500, "USD"),
    "The exemption covers 1 item a day.": Limits(items_per_day=1),
    "The exemption ended after ": Limits(last_day=today()),
    "The superapp took it down, so its next release is reviewed.": Limits(),
}


@pytest.mark.parametrize("why", LIMITED)
def test_the_reviewer_reads_why_an_item_of_an_exempt_mini_program_came(client, gem, sword, asked, senior, approver, why):
    exemptions.approve(asked, actor=approver, limits=LIMITED[why])
    if LIMITED[why].last_day:
        ExemptionRequest.objects.update(last_day=today() - timedelta(days=1))
    else:
        releases.submit([sword], actor=senior)
    if LIMITED[why] == Limits():
        items.take_down(fresh(sword), actor=approver, reason="Look again")
        gem = fresh(sword)
    release = releases.submit([gem], actor=senior).release
    client.force_login(approver)
    names = {"superapp": release.superapp.code, "pk": release.pk}
    assert why in client.get(reverse("items:release-review", kwargs=names)).content.decode()
    exemptions.revoke(fresh(asked), actor=approver, reason="No more")
    assert why in client.get(reverse("items:release-review", kwargs=names)).content.decode(), "it stays what it was then"


def test_items_without_an_exemption_need_no_explanation(client, submitted, approver):
    client.force_login(approver)
    names = {"superapp": submitted.superapp.code, "pk": submitted.pk}
    assert "although the mini program is exempt" not in client.get(reverse("items:release-review", kwargs=names)).content.decode()


ODD = [Limits(0, "USD"), Limits(items_per_day=0), Limits(items_per_day=10_001), Limits(last_day=today() - timedelta(days=1))]


@pytest.mark.parametrize("limits", ODD)
def test_limits_that_mean_nothing_are_refused(asked, approver, limits):
    with pytest.raises(Refused):
        exemptions.approve(asked, actor=approver, limits=limits)
    assert ExemptionRequest.objects.get().state == "in_progress"


def approve_url(row):
    return reverse("payments:approve", kwargs={"superapp": row.superapp.code, "pk": row.pk})


def test_the_approver_grants_limits_on_the_page(client, asked, merchant, approver, senior, starfall):
    client.force_login(approver)
    form = {"approve-shown": content_hash(asked), "approve-price_ceiling": "5.00", "approve-items_per_day": "20"}
    assert client.post(approve_url(asked), form | {"approve-last_day": today().isoformat()}).status_code == 302
    row = ExemptionRequest.objects.get()
    granted = (row.state, row.price_ceiling, row.ceiling_currency, row.items_per_day, row.last_day)
    assert granted == ("approved", 500, "USD", 20, today())
    page = client.get(reverse("payments:review", kwargs={"superapp": row.superapp.code, "pk": row.pk})).content.decode()
    assert "USD 5.00" in page and "Items a day" in page
    client.force_login(senior)
    told = client.get(reverse("payments:delivery", kwargs={"app_id": starfall.app_id})).content.decode()
    assert "20 items a day." in told and "What goes beyond is reviewed." in told


FAULTY = [("price_ceiling", "five"), ("price_ceiling", "0"), ("items_per_day", "many"), ("items_per_day", "0")]
FAULTY += [("last_day", "2020-01-01"), ("last_day", "soon")]


@pytest.mark.parametrize(("field", "value"), FAULTY)
def test_a_limit_that_is_none_comes_back(client, asked, merchant, approver, field, value):
    client.force_login(approver)
    answer = client.post(approve_url(asked), {"approve-shown": content_hash(asked), f"approve-{field}": value})
    assert answer.status_code == 422 and value in answer.content.decode()
    assert ExemptionRequest.objects.get().state == "in_progress"


def test_the_submit_page_says_what_is_reviewed_and_why(client, gem, asked, starfall, approver, senior):
    exemptions.approve(asked, actor=approver, limits=Limits(500, "USD"))
    client.force_login(senior)
    url = reverse("items:release-submit", kwargs={"app_id": starfall.app_id})
    assert "covers prices of at most USD 5.00" in client.get(url, {"ids": ["gem"]}).content.decode()
