"""The rollups: right to the row, whatever changed late, whoever made them, wherever somebody was killed."""

import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_zone
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection, connections
from django.db.models.functions import TruncDate
from django.db.models.sql import UpdateQuery
from django.utils import timezone
from time_machine import travel

from orders import rollups
from orders.figures import days_of
from orders.models import LateChange, Order, RecentQuarter, Refund, Rollup, RollupProgress
from orders.models.rollups import MEASURES
from orders.rollup_check import differences
from orders.rollups import oldest_change
from tests.orders.records import give_back, place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

PAID = {"payment_state": "paid", "paid_amount": 990}
DELIVERED = {"delivery_state": "delivered"}


@pytest.fixture
def two_days_ago():
    return timezone.now() - timedelta(days=2)


def paid(program, number, at, **fields):
    states = PAID | {"delivery_state": "pending"} | fields
    return place(program, number, created_at=at, paid_at=at + timedelta(seconds=20), **states)


def sums(*names):
    """Of all rollups by the hour."""
    rows = Rollup.objects.filter(minutes=60)
    return [sum(rows.values_list(name, flat=True)) for name in names]


def test_orders_payments_refunds_and_deliveries_are_in_the_rollup(starfall, two_days_ago):
    order = paid(starfall, "ORDER-1", two_days_ago, delivered_at=two_days_ago + timedelta(seconds=50), **DELIVERED)
    place(starfall, "ORDER-2", created_at=two_days_ago)
    give_back(order, "R-1", state="success", started_at=two_days_ago)
    rollups.roll()
    names = ("orders", "paid", "paid_amount", "refunds", "refunded_amount", "due", "delivered", "within_5s", "within_1m")
    assert sums(*names) == [2, 1, 990, 1, 100, 1, 1, 0, 1]


def test_everything_that_a_bucket_holds_is_counted_once():
    counted = [name for _rows, _at, measures in rollups.SOURCES for name in measures]
    assert sorted(counted) == sorted(MEASURES)


def test_making_them_again_changes_nothing(starfall, two_days_ago):
    paid(starfall, "ORDER-1", two_days_ago)
    assert rollups.roll() > 0
    before = list(Rollup.objects.values())
    assert rollups.roll() == 0
    assert list(Rollup.objects.values()) == before


def test_rows_of_the_previous_version_which_had_one_for_each_kind_are_added_up(starfall, two_days_ago):
    at = two_days_ago.replace(minute=5)  # placed and paid in the same bucket
    paid(starfall, "ORDER-1", at)
    paid(starfall, "ORDER-2", at, kind="standard", delivery_state="not_due")
    rollups.roll()
    made = days_of(starfall, 7)
    assert sum(day.total("standard") for day in made) == 1
    half = {"paid": 1, "paid_amount": 990}
    for row in Rollup.objects.all():
        Rollup.objects.filter(pk=row.pk).update(orders=1, standard=0, **half)
        place = {name: getattr(row, name) for name in ("mini_program", "minutes", "env", "currency", "start")}
        Rollup.objects.create(kind="standard", orders=1, **half, **place)
    assert days_of(starfall, 7) == made
    assert list(differences()) == []


def test_what_is_young_is_counted_from_the_rows(starfall):
    rollups.roll()
    paid(starfall, "ORDER-1", timezone.now() - timedelta(minutes=1))
    assert not Rollup.objects.exists() and not LateChange.objects.exists()
    assert days_of(starfall, 7)[-1].total("paid") == 1 or days_of(starfall, 7)[-2].total("paid") == 1


LATE = {
    "a delivery after days": (lambda order: Order.objects.update(delivered_at=timezone.now(), **DELIVERED), "delivered"),
    "a refund that succeeds after days": (lambda order: Refund.objects.update(state="success"), "refunds"),
    "an order that comes late": (lambda order: place(order.mini_program, "LATE", created_at=order.created_at), "orders"),
    "a payment of old": (lambda order: paid(order.mini_program, "LATE", order.created_at), "paid"),
    "a refund of old": (lambda order: give_back(order, "R-2", state="success", started_at=order.created_at), "refunds"),
}


@pytest.mark.parametrize("change", LATE)
def test_a_late_change_is_taken_up(starfall, two_days_ago, change):
    order = paid(starfall, "ORDER-1", two_days_ago)
    give_back(order, "R-1", started_at=two_days_ago)
    rollups.roll()
    make, name = LATE[change]
    before = sums(name)[0]
    make(order)
    rollups.roll()
    assert sums(name)[0] == before + 1
    assert not LateChange.objects.exists()


def test_late_changes_do_not_hold_up_what_is_settled(starfall, two_days_ago, monkeypatch):
    """After an outage they come for hours; the part that pages count from the rows would grow as long."""
    rollups.roll()
    settled = rollups.made_until()
    RollupProgress.objects.update(until=rollups.hour_of(settled) - timedelta(hours=3), quarters_until=None)
    place(starfall, "ORDER-1", created_at=settled - timedelta(hours=2))
    place(starfall, "LATE-0", created_at=two_days_ago)
    reached = []

    def another(_point):
        reached.append(rollups.made_until())
        if len(reached) < 3:
            place(starfall, f"LATE-{len(reached)}", created_at=two_days_ago)

    monkeypatch.setattr(rollups, "mark", another)
    assert (rollups.roll(), reached) == (3, [settled] * 3)
    assert sums("orders") == [4] and list(differences()) == []


def test_a_cancelled_delivery_is_due_no_more(starfall, two_days_ago):
    order = paid(starfall, "ORDER-1", two_days_ago)
    rollups.roll()
    Order.objects.filter(pk=order.pk).update(delivery_state="cancelled")
    rollups.roll()
    assert sums("due", "delivered", "paid") == [0, 0, 1]


def test_attempts_that_fail_are_no_late_changes(starfall, two_days_ago):
    order = paid(starfall, "ORDER-1", two_days_ago)
    rollups.roll()
    for state in ("delivering", "pending", "needs_attention", "pending"):
        Order.objects.filter(pk=order.pk).update(delivery_state=state)
    assert not LateChange.objects.exists()


def test_figures_of_orders_that_were_archived_stay(starfall, two_days_ago):
    paid(starfall, "ORDER-1", two_days_ago)
    rollups.roll()
    Order.objects.all().delete()
    rollups.roll()
    assert sums("orders", "paid_amount") == [1, 990]


def test_no_order_is_archived_while_its_figures_can_still_be_made_again(settings):
    shortest_month = timedelta(days=28)
    assert settings.ARCHIVE_LEAST_MONTHS * shortest_month > rollups.KEPT


@pytest.fixture
def hour(two_days_ago):
    """In it something is sold at :05, :20 and :40; days of Kathmandu begin at its :15."""
    return two_days_ago.replace(hour=18, minute=0, second=0, microsecond=0)


@pytest.fixture
def sold(starfall, hour):
    for minute in (5, 20, 40):
        paid(starfall, f"ORDER-{minute}", hour + timedelta(minutes=minute))
    LateChange.objects.all().delete()  # nothing is made yet


@pytest.fixture
def roll_at(monkeypatch):
    """Make what is settled at that moment."""

    def roll(moment):
        monkeypatch.setattr(rollups, "oldest_change", lambda: moment)
        return rollups.roll()

    return roll


def placed(program):
    return sum(day.total("orders") for day in days_of(program, 7))


@pytest.mark.usefixtures("sold")
class TestHourInProgress:
    def test_its_quarters_are_made_when_they_are_settled(self, starfall, hour, roll_at):
        roll_at(hour + timedelta(minutes=50))
        assert (RecentQuarter.objects.count(), Rollup.objects.count()) == (2, 0)
        assert placed(starfall) == 3
        Order.objects.all().delete()
        assert placed(starfall) == 2, "what is in the quarters is not counted from the rows"

    def test_when_it_is_whole_its_quarters_are_left_behind(self, starfall, hour, roll_at):
        for minutes in (50, 65, 80):
            assert roll_at(hour + timedelta(minutes=minutes)) == 1
            assert placed(starfall) == 3
        assert sums("orders") == [3] and not RecentQuarter.objects.exists()

    @pytest.mark.parametrize("minute", [6, 25, 55])
    def test_a_late_change_in_it_is_taken_up(self, starfall, hour, roll_at, minute):
        moment = hour + timedelta(minutes=50)
        roll_at(moment)
        place(starfall, "LATE", created_at=hour + timedelta(minutes=minute))
        assert roll_at(moment) == 1
        assert placed(starfall) == 4 and not LateChange.objects.exists()

    def test_of_an_hour_that_the_previous_version_made_the_quarters_are_passed_over(self, starfall, hour, roll_at):
        """It knows nothing of quarters, and may run beside us or after us."""
        end = hour + timedelta(hours=1)
        roll_at(hour + timedelta(minutes=50))
        rollups._write(rollups.count(hour, end))
        RollupProgress.objects.update(until=end)
        assert placed(starfall) == 3
        roll_at(end + timedelta(minutes=50))
        assert placed(starfall) == 3 and not RecentQuarter.objects.exists()
        assert list(differences()) == []

    def test_its_quarters_are_of_the_days_of_every_zone(self, starfall, hour, roll_at):
        for minutes in (20, 35, 50, 65, 80):
            roll_at(hour + timedelta(minutes=minutes))
            for zone in ZONES:
                with timezone.override(ZoneInfo(zone)):
                    counted = list(Order.objects.annotate(day=TruncDate("created_at")).values_list("day", flat=True))
                    days = days_of(starfall, 7)
                    assert [day.total("orders") for day in days] == [counted.count(day.date) for day in days], zone


ZONES = ["UTC", "Asia/Shanghai", "Asia/Kathmandu", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham"]


#: The hours of UTC in which their days begin, in summer and in winter.
BEGINNINGS = [0, 2, 3, 10, 11, 13, 16, 18]


@pytest.fixture
def after_clocks_changed(monkeypatch):
    """In St John's, on Lord Howe and on Chatham they did within the 90 days before."""
    monkeypatch.setattr(rollups, "oldest_change", timezone.now)  # the database's own clock goes on
    with travel(datetime(2025, 11, 20, 12, tzinfo=UTC), tick=False):
        yield


def test_days_of_every_zone_are_right_to_the_row(starfall, after_clocks_changed):
    chance, now = random.Random(1), timezone.now()
    for number in range(160):
        at = now.replace(hour=chance.choice(BEGINNINGS), minute=chance.randrange(60)) - timedelta(days=chance.randrange(1, 92))
        paid(starfall, f"ORDER-{number}", at, currency=chance.choice(["USD", "JPY"]))
    rollups.roll()
    for zone in ZONES:
        with timezone.override(ZoneInfo(zone)):
            counted = list(Order.objects.annotate(day=TruncDate("created_at")).values_list("day", flat=True))
            days = days_of(starfall, 90)
            assert [day.total("orders") for day in days] == [counted.count(day.date) for day in days], zone
            assert sum(day.total("orders") for day in days) > 120


def test_days_begin_by_the_pages_rules_also_where_the_database_does_not_know_them(starfall):
    """PostgreSQL's copy of the time zone rules may be older than Python's."""
    for number in range(60):
        paid(starfall, f"ORDER-{number}", timezone.now() - timedelta(hours=number))
    rollups.roll()
    figures = []
    for zone in (ZoneInfo("Asia/Kathmandu"), fixed_zone(timedelta(hours=5, minutes=45), "Nowhere/New")):
        with timezone.override(zone):
            figures.append([(day.date, day.total("orders")) for day in days_of(starfall, 7)])
    assert figures[0] == figures[1] and sum(total for _day, total in figures[0]) == 60


# --- At once, and killed: on PostgreSQL, with connections of their own ------------------------------------------------

at_once = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]


@contextmanager
def another():
    """A connection of its own in an open transaction, committed at the end of the block."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    other.ensure_connection()
    try:
        yield other
        other.commit()
    finally:  # a test that fails must not leave a lock to the one after it
        other.close()


def run(other, rows, **changes):
    """An UPDATE of the rows on that connection."""
    query = rows.query.chain(UpdateQuery)
    query.add_update_values(changes)
    sql, params = query.get_compiler(connection=other).as_sql()
    with other.cursor() as cursor:
        cursor.execute(sql, params)


class TestAtOnce:
    pytestmark = at_once

    def test_a_late_change_that_commits_after_the_figures_were_made_is_taken_up(self, starfall, two_days_ago):
        paid(starfall, "ORDER-1", two_days_ago)
        rollups.roll()
        with another() as other:
            run(other, Order.objects.all(), delivery_state="delivered", delivered_at=timezone.now())
            place(starfall, "NEW", created_at=two_days_ago)
            rollups.roll()
            assert sums("orders", "delivered") == [2, 0]
        rollups.roll()
        assert sums("orders", "delivered") == [2, 1]
        assert list(differences()) == []

    def test_while_a_transaction_is_open_nothing_is_settled_that_it_may_have_changed(self):
        with another() as other, other.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (began,) = cursor.fetchone()
            assert oldest_change() <= began
        assert oldest_change() > began

    def test_of_two_that_make_the_same_figures_one_steps_back(self, starfall, two_days_ago):
        rollups.roll()
        place(starfall, "LATE", created_at=two_days_ago)
        with another() as other, other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM orders_rollupprogress FOR UPDATE")
            assert rollups.roll() == 0
            assert LateChange.objects.count() == 1
        assert rollups.roll() == 1
        assert sums("orders") == [1]

    def test_placing_and_paying_an_order_leaves_no_note(self, starfall):
        order = place(starfall, "ORDER-1")
        Order.objects.filter(pk=order.pk).update(paid_at=timezone.now(), delivery_state="pending", **PAID)
        Order.objects.filter(pk=order.pk).update(delivered_at=timezone.now(), **DELIVERED)
        give_back(order, "R-1", state="success")
        assert not LateChange.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the process needs the database of the tests")
def test_killed_in_the_middle_it_loses_and_doubles_nothing(starfall):
    now = timezone.now()
    for number in range(12):
        paid(starfall, f"ORDER-{number}", now - timedelta(days=number % 4, hours=3), **DELIVERED)
    assert [rolled(crash_point) for crash_point in ("in-rollup:1", "in-rollup:2", "")] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    Order.objects.update(delivery_state="cancelled")
    assert rolled("in-rollup:1") == -signal.SIGKILL
    assert LateChange.objects.exists(), "the notes are there until their hours are counted again"
    assert rolled("") == 0
    assert list(differences()) == [] and sums("orders", "paid", "due") == [12, 12, 0]


def rolled(crash_point):
    """The exit status of a process that makes the figures."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ, "DEBUG": "1", "CRASH_POINT": crash_point, "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
    }  # fmt: skip
    code = "from orders.tasks import roll_up; roll_up()"
    return subprocess.run([sys.executable, "manage.py", "shell", "-c", code], cwd=settings.BASE_DIR, env=environment).returncode
