"""Old orders go into the archive: what goes, what stays, what the files hold, and that numbers stay used for ever."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from time_machine import travel

from console.models import AuditEntry
from orders.actions import archive as actions
from orders.actions.refund import record_refund
from orders.archive_files import ArchiveFault
from orders.errors import OrderError
from orders.figures import Day, days_of
from orders.models import (
    Archive,
    ArchivedOrder,
    ArchivedRefund,
    Attempt,
    Delivery,
    Difference,
    LateChange,
    Notification,
    Order,
    Reconciliation,
    Refund,
    Rollup,
    Settlement,
)
from orders.rollups import roll
from orders.tasks import archive as beat_task
from payments.models import owners_of
from tests.orders.archive import LONG_AGO, archive, put_back, sold
from tests.orders.shop import SUPERAPP, new_order, notice

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
TABLES = (Order, Refund, Delivery, Attempt, Notification)


@pytest.fixture(autouse=True)
def store(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def lines(made: Archive) -> list[dict]:
    with default_storage.open(made.file) as file:
        return [json.loads(line) for line in gzip.decompress(file.read()).splitlines()]


def test_an_old_order_goes_with_all_its_rows_and_leaves_its_numbers(starfall):
    order = sold(starfall, "ORDER-1", refund="R-1")
    (made,) = archive()
    assert [model.objects.count() for model in TABLES] == [0] * len(TABLES)
    assert (made.orders, made.refunds, made.totals) == (1, 1, {"USD": {"amount": 1980, "paid": 1980, "refunded": 300}})
    head, line = lines(made)
    assert head["archive"] == {"format": 1, "superapp": starfall.superapp.code, "month": "2025-03", "kind": "virtual", "env": 0}
    assert (line["app_id"], line["order"]["id"], line["order"]["created_at"]) == (starfall.app_id, order.pk, LONG_AGO.isoformat())
    assert [len(line[name]) for name in ("refunds", "deliveries", "notifications")] == [1, 2, 2]
    assert [len(delivery["attempts"]) for delivery in line["deliveries"]] == [1, 1]
    assert ArchivedOrder.objects.get().archive == ArchivedRefund.objects.get().archive == made
    assert AuditEntry.objects.get(verb="orders.archive.make").changes["sha256"] == [None, made.sha256]


def test_what_the_file_holds_is_what_the_tables_held(starfall):
    sold(starfall, "ORDER-1", refund="R-1", attach='é\u2028"quoted"')
    before = {model: list(model.objects.order_by("pk").values()) for model in TABLES}
    (made,) = archive()
    line = lines(made)[1]
    attempts = [attempt for delivery in line["deliveries"] for attempt in delivery.pop("attempts")]
    found = {Order: [line["order"]], Refund: line["refunds"], Delivery: line["deliveries"], Attempt: attempts}
    found[Notification] = line["notifications"]
    told = {model: [{name: plain(value) for name, value in row.items()} for row in rows] for model, rows in before.items()}
    assert found == told


def plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int | str | dict | list | None) else str(value)


def test_twice_archives_nothing_more(starfall):
    sold(starfall, "ORDER-1")
    assert len(archive()) == 1
    assert archive() == []
    assert Archive.objects.count() == 1


def test_files_are_by_month_superapp_kind_and_environment_and_of_bounded_size(starfall):
    for number in range(5):
        sold(starfall, f"MARCH-{number}", at=LONG_AGO + timedelta(minutes=number % 2))
    sold(starfall, "APRIL", at=datetime(2025, 4, 30, 23, 59, 59, tzinfo=UTC))
    sold(starfall, "SANDBOX", env=1)
    sold(starfall, "STANDARD", kind="standard")
    sold(starfall, "MAY", at=datetime(2025, 5, 1, tzinfo=UTC))
    made = archive(size=2)
    assert sorted((one.month.month, one.kind, one.env, one.orders) for one in made) == [
        (3, "standard", 0, 1), (3, "virtual", 0, 1), (3, "virtual", 0, 2), (3, "virtual", 0, 2), (3, "virtual", 1, 1),
        (4, "virtual", 0, 1),
    ]  # fmt: skip
    assert [str(order) for order in Order.objects.all()] == ["MAY"]
    assert ArchivedOrder.objects.count() == 8
    assert all(one.file.startswith(f"archive/2025-0{one.month.month}/{starfall.superapp.code}-") for one in made)


RECENT = LONG_AGO + timedelta(days=100)
STAYS = {
    "a delivery that is not acknowledged": lambda order: Delivery.objects.filter(order=order).update(state="needs_attention"),
    "a delivery that is held": lambda order: Delivery.objects.filter(order=order).update(state="held"),
    "a delivery of late": lambda order: Delivery.objects.filter(order=order).update(created_at=RECENT),
    "a refund in process": lambda order: Refund.objects.filter(order=order).update(state="processing"),
    "an amount in process": lambda order: Order.objects.filter(pk=order.pk).update(refunding_amount=1),
    "a refund that began late": lambda order: Refund.objects.filter(order=order).update(started_at=RECENT),
    "a refund that was told of late": lambda order: Refund.objects.filter(order=order).update(created_at=RECENT),
    "an alert": lambda order: Order.objects.filter(pk=order.pk).update(alert="paid_after_closing"),
    "a refund that was refused": lambda order: Notification.objects.filter(order=order, kind="refund").update(verdict="mismatch"),
    "a notification of late": lambda order: Notification.objects.filter(order=order).update(received_at=RECENT),
    "a payment of late": lambda order: Order.objects.filter(pk=order.pk).update(paid_at=RECENT),
    "a prepay under way": lambda order: Order.objects.filter(pk=order.pk).update(prepay_lease_until=timezone.now()),
}


@pytest.mark.parametrize("why", STAYS)
def test_an_order_with_something_pending_or_new_stays(starfall, why):
    order = sold(starfall, "ORDER-1", refund="R-1")
    sold(starfall, "ORDER-2")
    assert STAYS[why](order)
    (made,) = archive()
    assert (made.orders, str(Order.objects.get())) == (1, "ORDER-1")


@pytest.mark.parametrize(("why", "case"), [("an alert", "late"), ("a refund that was refused", "above_paid")])
def test_what_was_settled_on_the_desk_goes(starfall, team_admin, why, case):
    order = sold(starfall, "ORDER-1", refund="R-1")
    STAYS[why](order)
    subject = order.pk if case == "late" else order.notifications.get(kind="refund").pk
    own = {**owners_of(starfall), "settled_by": team_admin, "note": "done"}
    Settlement.objects.create(case="held", subject=subject, label="ORDER-1", **own)
    assert archive() == []
    Settlement.objects.create(case=case, subject=subject, label="ORDER-1", **own)
    assert [made.orders for made in archive()] == [1]


def test_of_an_order_with_two_alerts_both_have_to_be_settled(starfall, team_admin):
    order = sold(starfall, "ORDER-1")
    Order.objects.filter(pk=order.pk).update(alert="late_and_mismatch")
    own = {**owners_of(starfall), "settled_by": team_admin, "note": "done", "subject": order.pk, "label": "ORDER-1"}
    for case in ("late", "payment"):
        assert archive() == []
        Settlement.objects.create(case=case, **own)
    assert [made.orders for made in archive()] == [1]


def test_an_order_that_differs_from_the_superapps_list_stays_until_the_report_is_gone(starfall):
    order = sold(starfall, "ORDER-1")
    Order.objects.filter(pk=order.pk).update(alert="differs_from_superapp")
    day = Reconciliation.objects.create(superapp=starfall.superapp, day=LONG_AGO.date(), state="differs", found=1)
    Difference.objects.create(
        reconciliation=day, superapp=starfall.superapp, mini_program=starfall, order=order, kind="amount", app_id=starfall.app_id,
        env=0, out_trade_no="ORDER-1", ours="1980", theirs="1",
    )  # fmt: skip
    assert archive() == []
    day.delete()  # as after 90 days; no case of the desk lists the alert any more
    assert [made.orders for made in archive()] == [1]


def test_the_archive_knows_everything_that_hangs_on_an_order():
    """A new foreign key to one of these has to be thought of in orders/actions/archive.py."""
    found = {
        (relation.related_model, relation.field.name)
        for model in TABLES
        for relation in model._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete
    }
    assert found == {
        (Refund, "order"), (Delivery, "order"), (Notification, "order"), (Delivery, "refund"), (Attempt, "delivery"),
        (Difference, "order"),
    }  # fmt: skip


def test_an_order_that_nobody_paid_goes_too(starfall):
    put_back(new_order(starfall, "ORDER-1"), LONG_AGO)
    (made,) = archive()
    assert made.totals == {"USD": {"amount": 1980, "paid": 0, "refunded": 0}}


@pytest.mark.parametrize("what", ["sum", "unreadable"])
def test_a_file_that_is_not_what_was_written_deletes_nothing(starfall, monkeypatch, store, what):
    sold(starfall, "ORDER-1")
    stored = default_storage.save

    def save(name, content):
        name = stored(name, content)
        content = (store / name).read_bytes()
        (store / name).write_bytes(content[:-9] if what == "unreadable" else content + b"\0")
        return name

    monkeypatch.setattr(default_storage, "save", save)
    with pytest.raises(ArchiveFault, match="SHA-256 is" if what == "sum" else "damaged"):
        archive()
    assert (Order.objects.count(), Archive.objects.count(), ArchivedOrder.objects.count()) == (1, 0, 0)
    assert not list(store.rglob("*.gz")), "the file that nothing refers to is gone"


def test_orders_that_the_file_does_not_have_are_not_deleted(starfall, monkeypatch):
    sold(starfall, "ORDER-1")
    put_back(new_order(starfall, "ORDER-2"), LONG_AGO)
    write = actions.write
    monkeypatch.setattr(actions, "write", lambda shelf, ids: write(shelf, ids[:1]))
    with pytest.raises(ArchiveFault, match="does not add up"):
        archive()
    assert Order.objects.count() == 2


def test_rows_that_came_after_the_file_was_written_are_not_deleted(starfall, monkeypatch):
    sold(starfall, "ORDER-1")
    write = actions.write

    def write_then(shelf, ids):
        written = write(shelf, ids)
        Attempt.objects.create(delivery=Delivery.objects.get(), number=2, url="", outcome="no_answer", started_at=LONG_AGO)
        return written

    monkeypatch.setattr(actions, "write", write_then)
    with pytest.raises(ArchiveFault, match="does not add up"):
        archive()
    assert (Order.objects.count(), ArchivedOrder.objects.count(), Archive.objects.count()) == (1, 0, 0)


# --- Numbers ------------------------------------------------------------------------------------------------------------


def test_the_database_refuses_an_archived_order_number_for_ever(starfall, harbor_reader):
    sold(starfall, "ORDER-1")
    archive()
    with pytest.raises(IntegrityError), transaction.atomic():
        new_order(starfall, "ORDER-1")
    new_order(starfall, "order-1")  # case counts
    new_order(starfall, "ORDER-1", env=1)
    new_order(harbor_reader, "ORDER-1")


def test_an_archived_refund_number_stands_for_that_refund_for_ever(starfall):
    sold(starfall, "ORDER-1", refund="R-1")
    archive()
    other = sold(starfall, "ORDER-2", at=timezone.now())
    with pytest.raises(OrderError) as refused:
        record_refund(order=other, notice=notice(other, "R-1", amount=100), actor=SUPERAPP)
    assert refused.value.code == "REFUND_NO_REUSED"
    assert (Order.objects.get().refunding_amount, Refund.objects.count()) == (0, 0)
    record_refund(order=other, notice=notice(other, "R-2", amount=100), actor=SUPERAPP)


# --- Retention ----------------------------------------------------------------------------------------------------------


def test_whole_months_older_than_the_retention_go(time_machine):
    time_machine.move_to(datetime(2026, 11, 26, 23, 30, tzinfo=UTC))
    assert actions.limit(18) == date(2025, 5, 1)
    assert actions.limit(36) == date(2023, 11, 1)
    with pytest.raises(ValueError, match="Keep at least 18"):
        actions.limit(17)


def test_without_a_retention_nothing_is_archived(starfall, settings):
    sold(starfall, "ORDER-1")
    assert beat_task() == 0
    with pytest.raises(CommandError, match="kept for ever"):
        call_command("archive")
    settings.ARCHIVE_AFTER_MONTHS = 18
    assert beat_task() == 1
    assert not Order.objects.exists()


def test_the_task_makes_a_few_files_and_the_next_one_goes_on(starfall, settings):
    settings.ARCHIVE_AFTER_MONTHS = 18
    for month in (1, 2, 3):
        sold(starfall, f"ORDER-{month}", at=LONG_AGO.replace(month=month))
    assert [beat_task(files=2), beat_task(files=2), beat_task(files=2)] == [2, 1, 0]


# --- Commands -----------------------------------------------------------------------------------------------------------


def test_the_command_counts_archives_and_verifies(starfall, capsys):
    sold(starfall, "ORDER-1", refund="R-1")
    STAYS["an alert"](sold(starfall, "ORDER-2"))
    call_command("archive", older_than=18, count=True)
    assert "2025-03 orbit virtual live: 1 ready, 1 stay" in capsys.readouterr().out.replace(starfall.superapp.code, "orbit")
    assert Order.objects.count() == 2
    call_command("archive", older_than=18)
    assert "1 orders and 1 refunds: archive/2025-03/" in capsys.readouterr().out
    assert Archive.objects.get().made_by.startswith("archive, by ")
    call_command("archive", verify=True)
    assert "All 1 files are as they were written." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [({"older_than": 12}, "Keep at least 18"), ({"older_than": 18, "superapp": "nobody"}, "no superapp with the code nobody")],
)
def test_what_the_command_refuses(orbit, options, says):
    with pytest.raises(CommandError, match=says):
        call_command("archive", **options)


def test_only_the_superapp_asked_for(starfall):
    sold(starfall, "ORDER-1")
    other = type(starfall.superapp).objects.create(name="Other")
    call_command("archive", older_than=18, superapp=other.code)
    assert Order.objects.exists()
    call_command("archive", older_than=18, superapp=starfall.superapp.code)
    assert not Order.objects.exists()


@pytest.mark.parametrize("fault", ["changed", "cut", "gone", "row"])
def test_a_damaged_file_is_found(starfall, store, capsys, fault):
    sold(starfall, "ORDER-1")
    (made,) = archive()
    path = store / made.file
    content = path.read_bytes()
    if fault == "changed":
        path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    elif fault == "cut":
        path.write_bytes(content[:-20])
    elif fault == "gone":
        path.unlink()
    else:
        Archive.objects.update(orders=2)
    with pytest.raises(CommandError, match="1 of 1 files"):
        call_command("archive", verify=True)
    assert f"archive {made.pk}: {made.file}" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["ORDER-1", "R-1"])
def test_an_archived_order_is_found_by_its_number_or_its_refunds(starfall, capsys, number):
    sold(starfall, "ORDER-1", refund="R-1")
    sold(starfall, "ORDER-2")
    (made,) = archive()
    call_command("find_archived", number)
    told = json.loads(capsys.readouterr().out)
    assert (told["archive"], told["order"]["out_trade_no"], told["refunds"][0]["refund_no"]) == (made.pk, "ORDER-1", "R-1")
    with pytest.raises(CommandError, match="No order or refund ORDER is"):
        call_command("find_archived", "ORDER")


def test_checks_hold_after_archiving(starfall):
    sold(starfall, "ORDER-1", refund="R-1")
    archive()
    call_command("check_invariants")
    call_command("verify_audit")


def test_figures_and_their_checks_are_the_same_before_and_after_archiving(starfall, monkeypatch):
    """The rollups of what goes stay, those of the last 90 days too, and no note has them made again."""
    for module in ("rollups", "rollup_check"):  # two years in days would be two thousand queries
        monkeypatch.setattr(f"orders.{module}.STEP", timedelta(days=100))
    now = timezone.now()
    sold(starfall, "OLD", refund="R-1")
    sold(starfall, "NO-LIVE", env=1)
    for number, days in enumerate((0, 3, 40, 88)):  # an hour before: shortly after midnight that is the day before
        sold(starfall, f"YOUNG-{number}", at=now - timedelta(days=days, hours=1), refund=f"R-{number + 2}")
    with travel(LONG_AGO + timedelta(days=1)):  # its figures were made when it was young
        roll()
    roll()
    before = figures(starfall)
    assert {row["minutes"] for row in before[0] if row["start"] < LONG_AGO} == {15, 60}, "what will go is in the rollups"
    assert sum(day.total("orders") for day in before[1]) == 4 == sum(day.total("refunds") for day in before[1])
    assert [made.orders for made in archive()] == [1, 1]
    call_command("check_invariants")
    assert figures(starfall) == before
    roll()
    assert figures(starfall) == before and not LateChange.objects.exists()
    call_command("check_invariants")


def figures(program) -> tuple[list[dict], list[Day]]:
    """All rollups, and what the home page shows of 90 days."""
    return list(Rollup.objects.order_by("start", "pk").values()), days_of(program, 90)
