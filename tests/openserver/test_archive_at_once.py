"""The archive while other things happen: two real connections, or a process that is killed (docs/reliability.md)."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.http import QueryDict

from console import exporting
from console.jobs import Progress
from openserver.actions import ordering
from openserver.errors import ApiError
from orders import archive_files
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.listings import order_listing
from orders.models import Archive, ArchivedOrder, Order, Refund
from tests.items.test_races import second_of
from tests.orders.archive import LONG_AGO, archive, put_back, sold
from tests.orders.shop import SUPERAPP, new_order, notice

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer."),
]


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def refusal(act):
    with pytest.raises((ApiError, OrderError)) as refused:
        act()
    return refused.value.code


def test_a_number_that_is_placed_while_its_order_is_archived_is_refused(shop):
    body = shop.order(shop.sign_data(outTradeNo="ORDER-1"))
    sold(shop.program, "ORDER-1")
    outcome = second_of(archive, lambda: refusal(lambda: ordering.place_order(body)))
    assert outcome == {"result": "ORDER_NO_REUSED"}
    assert not Order.objects.exists()
    assert refusal(lambda: ordering.place_order(body)) == "ORDER_NO_REUSED", "and at any time after it"


def test_a_refund_number_that_is_told_of_while_its_order_is_archived_is_refused(starfall):
    sold(starfall, "ORDER-1", refund="R-1")
    other = sold(starfall, "ORDER-2", refund="R-2")
    Order.objects.filter(pk=other.pk).update(alert="stays")
    told = notice(other, "R-1", amount=100)

    def tell():
        try:
            return refusal(lambda: record_refund(order=other, notice=told, actor=SUPERAPP))
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        archive()
        assert pool.submit(tell).result() == "REFUND_NO_REUSED", "before the commit"
    assert tell() == "REFUND_NO_REUSED", "and after it"
    assert [str(refund) for refund in Refund.objects.all()] == ["R-2"]


def test_what_is_told_of_an_order_while_it_is_archived_is_kept_for_the_desk(shop):
    shop.place(data=shop.sign_data(outTradeNo="ORDER-1"))
    put_back(Order.objects.get(), LONG_AGO, prepay_lease_until=None)
    outcome = second_of(archive, lambda: shop.notify_paid("ORDER-1").code)
    assert outcome == {"result": "ORDER_ARCHIVED"}
    assert not Order.objects.exists()


def test_an_order_that_is_in_somebodys_hand_is_passed_over(starfall):
    sold(starfall, "ORDER-1")
    busy = sold(starfall, "ORDER-2")

    def archive_meanwhile():
        try:
            return [made.orders for made in archive()]
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        Order.objects.select_for_update().get(pk=busy.pk)
        assert pool.submit(archive_meanwhile).result() == [1]
    assert str(Order.objects.get()) == "ORDER-2"


def test_several_at_once_archive_every_order_once(starfall):
    numbers = {f"ORDER-{number}" for number in range(60)}
    for number in numbers:
        sold(starfall, number)

    def run():
        try:
            return sum(made.orders for made in archive(size=7))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        counts = [pool.submit(run) for _number in range(4)]
    assert sum(count.result() for count in counts) == 60
    assert not Order.objects.exists()
    assert set(ArchivedOrder.objects.values_list("out_trade_no", flat=True)) == numbers
    call_command("archive", verify=True)


def test_an_export_under_way_has_all_orders_of_its_moment(starfall, tmp_path, monkeypatch):
    for number in range(3):
        sold(starfall, f"ORDER-{number}")
    listing = order_listing(starfall, QueryDict("q=ORDER"))
    moment = exporting.moment

    def archive_then(reader):
        assert sum(made.orders for made in archive()) == 3  # the snapshot is taken, no row is read yet
        return moment(reader)

    monkeypatch.setattr(exporting, "moment", archive_then)
    with (tmp_path / "orders.csv").open("wb") as target:
        done = exporting.write_csv(listing, listing.matching, listing.columns, target, progress=Silent())
    assert (done.totals.rows, Order.objects.count()) == (3, 0)


class Silent(Progress):
    """Nobody watches."""

    def __init__(self):
        """No job."""

    def advance(self, done, total=None):
        """Nothing to note."""


# --- kill -9 ------------------------------------------------------------------------------------------------------------

#: Each is passed a few times before it kills, so that something was archived before.
POINTS = ["after-archive-written:1", "before-archive-committed:2", "after-archive-written:3"]


def run(store, crash_point=""):
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ, "DEBUG": "1", "CRASH_POINT": crash_point, "VAR_DIR": str(store.parent), "ARCHIVE_AFTER_MONTHS": "18",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}", "DJANGO_SETTINGS_MODULE": "console.settings",
    }  # fmt: skip
    code = "import django; django.setup(); from orders.actions import archive as a; a.BATCH = 4; "
    code += "a.archive_orders.__kwdefaults__['size'] = 4; from django.core.management import call_command as c; c('archive')"
    return subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, check=False).returncode


def test_killed_at_any_point_it_leaves_a_file_too_many_and_no_order_too_few(starfall, monkeypatch, settings, capsys):
    monkeypatch.setattr(archive_files, "SURE", timedelta())
    numbers = {f"ORDER-{number:02}" for number in range(24)}
    for number in sorted(numbers):
        sold(starfall, number, refund=f"R-{number}")
    left = [24]
    for point in POINTS:
        assert run(settings.MEDIA_ROOT, point) == -signal.SIGKILL, point
        left.append(Order.objects.count())
        kept = set(Order.objects.values_list("out_trade_no", flat=True))
        gone = set(ArchivedOrder.objects.values_list("out_trade_no", flat=True))
        assert (kept | gone, kept & gone) == (numbers, set()), point
    assert [before - after for before, after in pairwise(left)] == [0, 4, 8]
    assert run(settings.MEDIA_ROOT) == 0
    assert (Order.objects.count(), Archive.objects.count()) == (0, 6)
    call_command("archive", verify=True)
    told = capsys.readouterr().out
    assert told.count("no row of this database names it") == len(POINTS) and "All 6 files are as they were written." in told
    assert sum(1 for folder in default_storage.listdir("archive/2025-03")[1] if folder.endswith(".gz")) == 6 + len(POINTS)


def test_a_new_order_of_the_same_month_makes_a_file_of_its_own(starfall):
    sold(starfall, "ORDER-1")
    archive()
    put_back(new_order(starfall, "ORDER-2"), LONG_AGO)
    assert [made.orders for made in archive()] == [1]
    assert Archive.objects.count() == 2
