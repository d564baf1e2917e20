"""The list, the CSV and the workbook say the same, for random filters, zones, columns and pages, while orders and refunds arrive.

For all four lists: orders and refunds, of a mini program and of a superapp, virtual and standard.
"""

import csv
import io
from collections.abc import Callable, Iterator
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
from console.columns import Kind
from console.middleware import known_zone
from console.money import exponent
from orders.listings import OrderListing, RecordListing, RefundListing, listing_of
from orders.models import Order, Refund
from tests.orders.records import give_back, place

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sqlite]
FIRST = (datetime.now(UTC) - timedelta(days=20)).replace(hour=3, minute=30, second=0, microsecond=0)
ORDERS = 70
ZONES = [
    "UTC", "Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca",
]  # fmt: skip
LISTS = [("orders", "program"), ("orders", "superapp"), ("refunds", "program"), ("refunds", "superapp")]
DECIMALS = [exponent(currency) for currency in ("USD", "JPY", "KWD")]
ARRIVED = ("LATE-", "BETWEEN-")


def day(number: int) -> str:
    return f"{FIRST + timedelta(days=number):%Y-%m-%d}"


SHARED = {
    "env": st.sampled_from(["0", "1"]),
    "kind": st.sampled_from(["virtual", "standard"]),
    "since": st.sampled_from([day(-90), day(0), day(2)]),
    "until": st.sampled_from([day(3), day(15)]),
    "program": st.sampled_from(["Starfall", "Nobody"]),
}
CHOICES: dict[str, dict[str, Any]] = {
    "orders": SHARED | {
        "payment": st.sampled_from(["paid", "created", "closed"]),
        "delivery": st.sampled_from(["not_due", "held", "delivered"]),
        "refund": st.sampled_from(["none", "partially_refunded"]),
        "item": st.sampled_from(["gem", "=sword"]),
        "alert": st.just("any"),
        "time": st.sampled_from(["created", "paid"]),
        "sort": st.sampled_from(["newest", "oldest", "largest", "smallest"]),
        "q": st.sampled_from(["ORDER-00", "ORDER-007", "ORDER-001 ORDER-002 ORDER-069 NONE", "player-0001-abcd", "gem"]),
    },
    "refunds": SHARED | {
        "state": st.sampled_from(["processing", "success"]),
        "item": st.sampled_from(["gem", "=sword"]),
        "time": st.sampled_from(["started", "recorded"]),
        "sort": st.sampled_from(["newest", "oldest"]),
        "q": st.sampled_from(["R-00", "R-006", "ORDER-0", "R-000 R-003 ORDER-006 NONE"]),
    },
}  # fmt: skip
KINDS = {"orders": OrderListing, "refunds": RefundListing}
COLUMNS = {name: [column.name for column in kind.columns] for name, kind in KINDS.items()}


@st.composite
def queries(draw: Any, record: str) -> str:
    """The address of a list: some filters, some columns."""
    chosen = draw(st.fixed_dictionaries({}, optional=CHOICES[record]))
    columns = draw(st.lists(st.sampled_from(COLUMNS[record]), max_size=6))
    query = QueryDict(mutable=True)
    query.update({"columns": ",".join(columns)} | chosen)
    return query.urlencode()


@pytest.fixture
def program(starfall):
    for number in range(ORDERS):
        at, paid = FIRST + timedelta(hours=7 * (number // 2)), number % 3 == 0
        order = place(
            starfall, f"ORDER-{number:03d}", created_at=at, env=int(number % 7 == 0), amount=100 + number // 4,
            kind="standard" if number % 11 == 0 else "virtual", product_id="=sword" if number % 4 == 0 else "gem",
            product_name=["Gem", "=1+1", "-2", ' "a, b" ', "宝石\n二"][number % 5], currency=["USD", "JPY", "KWD"][number % 3],
            payment_state="paid" if paid else "created", paid_at=at + timedelta(hours=5) if paid else None,
            paid_amount=1000 if paid else 0, refund_state="partially_refunded" if paid and number % 2 else "none",
            delivery_state="delivered" if number % 6 == 0 else "held" if paid else "not_due",
            alert="paid_after_closing" if number % 9 == 0 else "", attach="@a" if number % 8 == 0 else "",
        )  # fmt: skip
        if paid:
            refunded(order, f"R-{number:03d}", at, state="success" if number % 2 else "processing", cause="+" * (number % 4))
    return starfall


def refunded(order: Order, number: str, at: datetime, **fields: Any) -> Refund:
    """A refund of an order, in the record that the order is in."""
    times = {"started_at": at + timedelta(minutes=1), "created_at": at + timedelta(hours=9)}
    return give_back(order, number, env=order.env, kind=order.kind, **times, **fields)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Every few rows are a block, so that orders arrive while rows are read and not only after the last one."""
    monkeypatch.setattr(exporting, "BLOCK", 512)
    monkeypatch.setattr(exporting, "BATCH", 1)


def arrives(program: Any, number: str, at: datetime) -> None:
    """An order that is paid and refunded at once."""
    order = place(program, number, created_at=at, paid_at=at, payment_state="paid", paid_amount=990)
    refunded(order, f"R-{number}", at)


def cleared() -> None:
    """What arrived is gone, also what a run that failed left behind."""
    for prefix in ARRIVED:
        Refund.objects.filter(out_trade_no__startswith=prefix).delete()
        Order.objects.filter(out_trade_no__startswith=prefix).delete()


class Arriving:
    """A progress during which orders arrive: in front of the list, behind it and among its rows."""

    def __init__(self, program: Any) -> None:
        self.program, self.seen = program, [0]

    def advance(self, done: int, total: int | None = None) -> None:
        self.seen.append(done)
        if len(self.seen) <= 5:
            for days in (-200, 2, 19):
                arrives(self.program, f"LATE-{len(self.seen)}-{days}", FIRST + timedelta(days=days))


@contextmanager
def arriving(program: Any) -> Iterator[Arriving]:
    """Orders arrive during the block, and are gone after it."""
    yield Arriving(program)
    cleared()


def made(record: str, whose: str, program: Any, query: str) -> RecordListing:
    asked = QueryDict(query, mutable=True)
    if whose == "superapp" and "item" in asked:  # there an item goes with its mini program
        asked["program"] = program.app_id
    listing = listing_of(record, program if whose == "program" else program.superapp, asked)
    assert listing.is_valid
    return listing


Row = list[Any]


def listed(listing: RecordListing, again: Callable[[str], RecordListing], program: Any) -> list[Row]:
    """The rows of all pages from the first on, while an order arrives between any two of them."""
    found, page = [], 0
    while True:
        # One that came behind the place is shown, and rightly so; the export is of the time after it was deleted.
        found += [cells(listing, row) for row in listing.page.rows if "BETWEEN-" not in str(row[listing.columns[0].alias])]
        if not listing.next_url:
            return found
        page += 1
        arrives(program, f"BETWEEN-{page}", timezone.now() - timedelta(minutes=page))
        listing = again(listing.page.next)


def cells(listing: RecordListing, row: dict[str, Any]) -> Row:
    """A row of the list as plain values: money in minor units, times in the reader's zone, words for states."""
    return [plain(column, row[column.alias]) for column in listing.shown]


def plain(column: Any, value: Any) -> Any:
    if value is None or value == "":
        return ""
    if column.kind is Kind.TIME:
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    return int(value) if column.kind in (Kind.MONEY, Kind.NUMBER) else str(column.word(value))


def read_back(listing: RecordListing, written: list[Any], unguarded: Callable[[str], str]) -> Row:
    """A row of a file as the same values; the two cells of an amount have to agree."""
    found, rest = [], list(written)
    for column in listing.shown:
        value = rest.pop(0)
        if column.kind is Kind.MONEY:
            minor = rest.pop(0)
            assert (value in ("", None)) == (minor in ("", None))
            assert int(minor or 0) in {round(float(value or 0) * 10**digits) for digits in DECIMALS}
            found.append("" if minor in ("", None) else int(minor))
        elif value in ("", None):
            found.append("")
        else:
            found.append(int(value) if column.kind is Kind.NUMBER else unguarded(str(value)))
    assert rest == []
    return found


def in_csv(listing: RecordListing, rows: Any, progress: Arriving) -> list[Row]:
    target = io.BytesIO()
    exporting.write_csv(listing, rows, listing.shown, target, progress=progress)
    written = list(csv.reader(io.StringIO(target.getvalue().decode("utf-8-sig"), newline="")))
    return [read_back(listing, row, lambda text: text.removeprefix("'")) for row in written[1:]]


def in_workbook(listing: RecordListing, rows: Any, progress: Arriving) -> list[Row]:
    target = io.BytesIO()
    exporting.write_workbook(listing, rows, listing.shown, target, progress=progress)
    written = list(load_workbook(target, read_only=True).worksheets[0].iter_rows(values_only=True))
    return [read_back(listing, list(row), str) for row in written[1:]]


SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("record", "whose"), LISTS)
@SLOW
@given(st.data(), st.sampled_from(ZONES))
def test_the_list_the_csv_and_the_workbook_have_the_same_rows(program, record, whose, data, zone):
    query = data.draw(queries(record))
    cleared()
    with timezone.override(known_zone(zone)):
        listing = made(record, whose, program, query)
        shown = listed(listing, lambda after: made(record, whose, program, f"{query}&after={after}"), program)
        cleared()
        for written in (in_csv, in_workbook):
            with arriving(program) as progress:
                assert written(listing, listing.matching, progress) == shown


@pytest.mark.parametrize(("record", "whose"), LISTS)
@SLOW
@given(st.data(), st.sampled_from(ZONES), st.integers(0, 2))
def test_a_page_of_the_list_is_the_same_in_both_files(program, record, whose, data, zone, pages):
    query = data.draw(queries(record))
    cleared()
    with timezone.override(known_zone(zone)):
        listing = made(record, whose, program, query)
        for _page in range(pages):
            if listing.page.next:
                listing = made(record, whose, program, f"{query}&after={listing.page.next}")
        shown = [cells(listing, row) for row in listing.page.rows]
        for written in (in_csv, in_workbook):
            with arriving(program) as progress:
                assert written(listing, exports.rows_of(listing, "page"), progress) == shown


@pytest.mark.parametrize("record", ["orders", "refunds"])
def test_rows_arrive_while_rows_are_read(program, record):
    listing = made(record, "program", program, f"env=0&since={day(-90)}")
    with arriving(program) as progress:
        assert len(in_csv(listing, listing.matching, progress)) == progress.seen[-1]
        assert len([done for done in progress.seen if 0 < done < progress.seen[-1]]) >= 2
        assert Order.objects.filter(out_trade_no__startswith="LATE-").count() >= 9


@pytest.mark.parametrize(("record", "whose"), LISTS)
def test_all_of_them_see_something(program, record, whose):
    query = f"since={day(-90)}"
    listing = made(record, whose, program, query)
    found = listed(listing, lambda after: made(record, whose, program, f"{query}&after={after}"), program)
    assert len(found) > (50 if record == "orders" else 15)
