"""On the list of a superapp an item ID goes with a mini program."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from console import schedules
from console.actions import export_schedule
from console.errors import Refused
from console.models import ExportSchedule, Job, OutgoingMail, SavedView
from tests.orders.records import numbers, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
TOLD = "Every mini program has item IDs of its own. Enter the app id or the name of the mini program too."
FIELDS = {"name": "Gems", "columns": ["number"], "file": "csv", "every": "day", "zone": "Asia/Shanghai"}


@pytest.fixture
def url(starfall):
    return reverse("orders:superapp-list", kwargs={"superapp": starfall.superapp.code})


def test_an_item_without_its_mini_program_is_answered_with_what_to_do(client, superapp_operator, starfall, url):
    place(starfall, "ORDER-1")
    client.force_login(superapp_operator)
    response = client.get(url, {"item": "gem"})
    assert TOLD in response.content.decode().replace("&#x27;", "'") and numbers(response) == []
    assert numbers(client.get(url, {"item": "gem", "program": starfall.app_id})) == ["ORDER-1"]


def test_taking_the_mini_program_away_takes_the_item_away(client, superapp_operator, starfall, url):
    client.force_login(superapp_operator)
    chips = client.get(url, {"item": "gem", "program": starfall.app_id}).context["listing"].chips
    urls = {chip["label"].partition(":")[0]: chip["remove_url"] for chip in chips}
    assert urls["Mini program (app id or name)"] == "?" and urls["Item ID"] == f"?program={starfall.app_id}"


def test_a_saved_view_with_an_item_alone_opens_and_says_it(client, superapp_operator, starfall, url):
    where = {"superapp": starfall.superapp, "owner": superapp_operator, "listing": "superapp-orders"}
    view = SavedView.objects.create(name="Gems", query="item=gem", **where)
    client.force_login(superapp_operator)
    for page in (f"{url}?{view.query}", f"{url}settings?{view.query}"):
        assert client.get(page).status_code == 200
    assert TOLD in client.get(f"{url}?{view.query}").content.decode()


def test_a_schedule_with_an_item_alone_makes_no_file_and_says_why(client, monkeypatch, superapp_operator, starfall):
    superapp = starfall.superapp
    who = {"recipients": [superapp_operator], "actor": superapp_operator}
    monkeypatch.setattr(schedules.timezone, "now", lambda: datetime(2026, 3, 4, 12, tzinfo=UTC))
    row = export_schedule.create(superapp, "orders", query=f"program={starfall.app_id}", **who, **FIELDS)
    ExportSchedule.objects.update(query="item=gem")
    monkeypatch.setattr(schedules.timezone, "now", lambda: datetime(2026, 3, 5, 12, tzinfo=UTC))
    assert schedules.start_due() == 0 and not Job.objects.exists()
    assert OutgoingMail.objects.filter(recipient=superapp_operator.email, body__contains=TOLD).exists()
    client.force_login(superapp_operator)
    page = client.get(reverse("superapp-export-schedule", kwargs={"superapp": superapp.code, "pk": row.pk}))
    assert page.status_code == 200 and TOLD in page.content.decode()


def test_nothing_is_scheduled_with_an_item_alone(starfall, superapp_operator):
    who = {"recipients": [superapp_operator], "actor": superapp_operator}
    with pytest.raises(Refused, match=TOLD):
        export_schedule.create(starfall.superapp, "orders", query="item=gem", **who, **FIELDS)
