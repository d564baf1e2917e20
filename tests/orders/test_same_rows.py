"""The list, the CSV and the workbook say the same, for random filters, zones and columns, while orders arrive."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from console import exporting
from console.middleware import known_zone
from orders.listings import order_listing
from orders.models import Order
from tests.orders.records import place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
FIRST = datetime(2026, 9, 1, 3, 30, tzinfo=UTC)
ORDERS = 70

options = st.fixed_dictionaries(
    {},
    optional={
        "payment": st.sampled_from(["paid", "created", "closed"]),
        "delivery": st.sampled_from(["not_due", "held", "delivered"]),
        "item": st.sampled_from(["gem", "=sword"]),
        "env": st.sampled_from(["0", "1"]),
        "kind": st.sampled_from(["virtual", "standard"]),
        "time": st.sampled_from(["created", "paid"]),
        "sort": st.sampled_from(["newest", "oldest", "largest", "smallest"]),
        "q": st.sampled_from(["ORDER-00", "ORDER-007", "ORDER-001 ORDER-002 ORDER-069 NONE", "player-0001-abcd", "gem"]),
        "since": st.sampled_from(["2026-09-01", "2026-09-03"]),
        "until": st.sampled_from(["2026-09-04", "2026-09-20"]),
    },
)


@pytest.fixture
def record(starfall):
    for number in range(ORDERS):
        at, paid = FIRST + timedelta(hours=7 * (number // 2)), number % 3 == 0
        place(
            starfall, f"ORDER-{number:03d}", created_at=at, env=int(number % 7 == 0), amount=100 + number // 4,
            kind="standard" if number % 11 == 0 else "virtual", product_id="=sword" if number % 4 == 0 else "gem",
            payment_state="paid" if paid else "created", paid_at=at + timedelta(hours=5) if paid else None,
            delivery_state="delivered" if number % 6 == 0 else "held" if paid else "not_due",
        )  # fmt: skip
    return starfall


class Arriving:
    """A progress during which orders arrive: in front of the list, behind it and among its rows."""

    def __init__(self, program: Any) -> None:
        self.program, self.number = program, 0

    def advance(self, done: int, total: int | None = None) -> None:
        self.number += 1
        for days in (-400, 2, 40):
            place(self.program, f"LATE-{self.number}-{days}", created_at=FIRST + timedelta(days=days))


def listed(program, query):
    """The rows of all pages from the first on, while an order arrives between any two of them."""
    found, after, page = [], "", 0
    while True:
        listing = order_listing(program, QueryDict(f"{query}{after}"))
        assert listing.is_valid
        found += [cells(row) for row in listing.page.rows]
        if not listing.next_url:
            # One that came behind the place is shown, and rightly so; the export is of the time after it was deleted.
            return [row for row in found if not row[0].startswith("BETWEEN-")]
        page += 1
        place(program, f"BETWEEN-{page}", created_at=timezone.now() + timedelta(days=1))
        after = f"&after={listing.page.next}"


def cells(row):
    return row["col_number"], row["col_amount"], row["col_payment"]


def words(number, amount, payment):
    return number, round(float(amount) * 100), {label: value for value, label in Order.Payment.choices}[payment]


def in_csv(listing, names, program):
    target = io.BytesIO()
    exporting.write_csv(listing, listing.matching, names, target, progress=Arriving(program))
    rows = list(csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig"))))
    return [words(row[0], row[1], row[3]) for row in rows[1:]]


def in_workbook(listing, names, program):
    target = io.BytesIO()
    exporting.write_workbook(listing, listing.matching, names, target, progress=Arriving(program))
    rows = list(load_workbook(target, read_only=True).worksheets[0].iter_rows(values_only=True))
    return [words(row[0], row[1], row[3]) for row in rows[1:]]


@given(options, st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_list_the_csv_and_the_workbook_have_the_same_rows(record, chosen, zone):
    query = QueryDict(mutable=True)
    query.update({"columns": "number,amount,payment", **chosen})
    with timezone.override(known_zone(zone)):
        Order.objects.filter(out_trade_no__startswith="LATE-").delete()  # of a run that failed
        listing = order_listing(record, QueryDict(query.urlencode()))
        names = [column for column in listing.columns if column.name in ("number", "amount", "payment")]
        shown = listed(record, query.urlencode())
        Order.objects.filter(out_trade_no__startswith="BETWEEN-").delete()
        for written in (in_csv, in_workbook):
            assert written(listing, names, record) == shown
            Order.objects.filter(out_trade_no__startswith="LATE-").delete()


def test_all_of_them_see_something(record):
    assert len(listed(record, "columns=number,amount,payment")) > 50
