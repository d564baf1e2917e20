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


def test_an_order_that_is_paid_after_midnight_is_in_the_file_of_the_month_of_its_payment(schedule, starfall):
    place(starfall, "ORDER-1", created_at=BEFORE, payment_state="paid", paid_at=AFTER, paid_amount=990)
    place(starfall, "ORDER-2", created_at=BEFORE)
    row = schedule("orders", "payment=paid")
    assert (held(row, MARCH), held(row, APRIL)) == ([], ["ORDER-1"])
    row = schedule("orders", "time=created")
    assert (held(row, MARCH), held(row, APRIL)) == (["ORDER-1", "ORDER-2"], [])


#: What the page says, and the filters of which it says that.
LEFT_OUT = {
    ("orders", "is paid after"): ["payment=paid&time=created"],
    ("orders", "order whose state"): [
        "payment=closed", "delivery=delivered", "refund=refunded", "alert=any", "time=paid&delivery=delivered",
        "payment=paid&refund=refunded", "payment=paid&time=created&delivery=delivered",
    ],
    ("orders", ""): ["", "payment=paid", "time=paid&payment=paid", "payment=created", "refund=none", "time=created", "item=gem"],
    ("refunds", "refund whose state"): ["state=success"],
    ("refunds", "is told of after"): ["time=started"],
    ("refunds", ""): ["", "state=processing", "time=recorded", "item=gem"],
}  # fmt: skip
QUERIES = [(*key, query) for key, queries in LEFT_OUT.items() for query in queries]


@pytest.mark.parametrize(("record", "said", "query"), QUERIES)
def test_its_page_says_which_rows_are_in_no_file(client, schedule, operator, starfall, record, said, query):
    names = {"app_id": starfall.app_id}
    create = reverse("program-export-schedule-create", kwargs=names) + f"?record={record}&{query}"
    edit = reverse("program-export-schedule", kwargs=names | {"pk": schedule(record, query).pk})
    client.force_login(operator)
    for url in (create, edit):
        told = [str(sentence) for sentence in client.get(url).context["left_out"]]
        assert len(told) == bool(said) and all(said in sentence and "in no file" in sentence for sentence in told)


def test_a_new_schedule_may_take_another_time(client, operator, starfall):
    client.force_login(operator)
    url = reverse("program-export-schedule-create", kwargs={"app_id": starfall.app_id})
    page = client.get(f"{url}?record=refunds&item=gem")
    assert "A row belongs to the day of this time: Recorded." in page.text and "in no file" not in page.text
    (other,) = page.context["other_times"]
    page = client.get(url + other["url"])
    assert "A row belongs to the day of this time: Initiated." in page.text and "is told of after the file" in page.text
    assert "A row belongs" not in client.get(f"{url}?record=activity").text
