"""Which rows the file of a scheduled export's period holds: each row that came, also one that came late."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from console import schedules
from console.actions import export_schedule as actions
from console.exports import exportable
from tests.orders.records import give_back, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
FIELDS = {"name": "Files", "columns": ["number", "amount"], "file": "csv", "every": "month", "zone": "Asia/Shanghai"}
MARCH, APRIL = (date(2026, 3, 1), date(2026, 3, 31)), (date(2026, 4, 1), date(2026, 4, 30))
#: The first moment of April in Shanghai.
MIDNIGHT = datetime(2026, 3, 31, 16, tzinfo=UTC)
BEFORE, AFTER = MIDNIGHT - timedelta(minutes=10), MIDNIGHT + timedelta(hours=9)


@pytest.fixture(autouse=True)
def may():
    with time_machine.travel(datetime(2026, 5, 2, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def schedule(starfall, operator):
    def make(record, query):
        return actions.create(starfall, record, query=query, recipients=[operator], actor=operator, **FIELDS)

    return make


def held(schedule, period):
    """The numbers of the rows in the file of the period."""
    params = schedules.params_of(schedule, *period)
    with timezone.override(params["zone"]):
        listing = exportable(params["record"]).listing(schedule.place, QueryDict(params["query"]))
        return sorted(map(str, listing.matching))


@pytest.fixture
def late_refund(starfall):
    """Of March, and told of in April only."""
    order = place(starfall, "ORDER-1", payment_state="paid", paid_amount=990)
    give_back(order, "R-LATE", started_at=BEFORE, created_at=AFTER)
    give_back(order, "R-MARCH", started_at=BEFORE, created_at=BEFORE)


def test_a_refund_that_is_told_of_late_is_in_the_file_of_the_month_in_which_it_was_recorded(schedule, late_refund):
    row = schedule("refunds", "")
    assert (held(row, MARCH), held(row, APRIL)) == (["R-MARCH"], ["R-LATE"])


def test_an_address_that_names_a_time_keeps_it(schedule, late_refund):
    row = schedule("refunds", "time=started")
    assert (held(row, MARCH), held(row, APRIL)) == (["R-LATE", "R-MARCH"], [])


@pytest.mark.parametrize(("time", "kept"), [("started", ""), ("recorded", "time=recorded&")])
def test_the_usual_time_that_the_filter_form_names_is_not_taken_for_a_choice(client, operator, starfall, time, kept):
    order = place(starfall, "ORDER-1", payment_state="paid", paid_amount=990)
    give_back(order, "R-1", state="success")
    client.force_login(operator)
    names = {"app_id": starfall.app_id}
    page = client.get(reverse("orders:refund-export", kwargs=names) + f"?time={time}&state=success")
    create = reverse("program-export-schedule-create", kwargs=names)
    assert page.context["schedule_url"] == f"{create}?record=refunds&{kept}state=success"
