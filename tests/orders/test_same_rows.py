"""The list, the CSV and the workbook say the same, for random filters, zones and columns, while orders arrive."""

import csv
import io
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from console import exporting, exports
from console.middleware import known_zone
from orders.listings import order_listing
from orders.models import Order
from tests.orders.records import place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
FIRST = datetime(2026, 9, 1, 3, 30, tzinfo=UTC)
ORDERS = 70
COLUMNS = ("number", "created", "amount", "payment")
ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu"]

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


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Every few rows are a block, so that orders arrive while rows are read and not only after the last one."""
    monkeypatch.setattr(exporting, "BLOCK", 512)


class Arriving:
    """A progress during which orders arrive: in front of the list, behind it and among its rows."""

    def __init__(self, program: Any) -> None:
        self.program, self.seen = program, [0]

    def advance(self, done: int, total: int | None = None) -> None:
        self.seen.append(done)
        if len(self.seen) <= 5:
            for days in (-400, 2, 40):
                place(self.program, f"LATE-{len(self.seen)}-{days}", created_at=FIRST + timedelta(days=days))


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
    at = timezone.localtime(row["col_paid" if "col_paid" in row else "col_created"])
    return row["col_number"], f"{at:%Y-%m-%d %H:%M:%S}", row["col_amount"], row["col_payment"]


def words(number, at, amount, _minor, payment):
    return number, str(at), round(float(amount) * 100), {label: value for value, label in Order.Payment.choices}[payment]


def compared(listing):
    """What is compared; a list of what was paid in some days shows when that was instead of when it was placed."""
    return [column for column in listing.shown if column.name in (*COLUMNS, "paid")]


def in_csv(listing, rows, progress):
    target = io.BytesIO()
    exporting.write_csv(listing, rows, compared(listing), target, progress=progress)
    written = list(csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig"))))
    return [words(*row) for row in written[1:]]


def in_workbook(listing, rows, progress):
    target = io.BytesIO()
    exporting.write_workbook(listing, rows, compared(listing), target, progress=progress)
    written = list(load_workbook(target, read_only=True).worksheets[0].iter_rows(values_only=True))
    return [words(*row) for row in written[1:]]


@contextmanager
def arriving(program):
    """Orders arrive during the block, and are gone after it."""
    progress = Arriving(program)
    yield progress
    Order.objects.filter(out_trade_no__startswith="LATE-").delete()


@given(options, st.sampled_from(ZONES))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_list_the_csv_and_the_workbook_have_the_same_rows(record, chosen, zone):
    query = asked(chosen)
    with timezone.override(known_zone(zone)):
        shown = listed(record, query)
        Order.objects.filter(out_trade_no__startswith="BETWEEN-").delete()
        listing = order_listing(record, QueryDict(query))
        for written in (in_csv, in_workbook):
            with arriving(record) as progress:
                assert written(listing, listing.matching, progress) == shown


@given(options, st.sampled_from(ZONES), st.integers(0, 2))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_page_of_the_list_is_the_same_in_both_files(record, chosen, zone, pages):
    with timezone.override(known_zone(zone)):
        listing = order_listing(record, QueryDict(asked(chosen)))
        for _page in range(pages):
            if listing.page.next:
                listing = order_listing(record, QueryDict(f"{asked(chosen)}&after={listing.page.next}"))
        shown = [cells(row) for row in listing.page.rows]
        for written in (in_csv, in_workbook):
            with arriving(record) as progress:
                assert written(listing, exports.rows_of(listing, "page"), progress) == shown


def asked(chosen):
    """The query of a list with these filters; what a run that failed left behind is removed."""
    Order.objects.filter(out_trade_no__startswith="LATE-").delete()
    query = QueryDict(mutable=True)
    query.update({"columns": ",".join(COLUMNS), **chosen})
    return query.urlencode()


def test_orders_arrive_while_rows_are_read(record):
    listing = order_listing(record, QueryDict("env=0"))
    with arriving(record) as progress:
        assert len(in_csv(listing, listing.matching, progress)) == progress.seen[-1]
        assert len([done for done in progress.seen if 0 < done < progress.seen[-1]]) > 3
        assert Order.objects.filter(out_trade_no__startswith="LATE-").count() == 12


def test_all_of_them_see_something(record):
    assert len(listed(record, asked({}))) > 50
