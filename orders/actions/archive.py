"""Put old orders into the archive (docs/scale.md, "Retention and archive").

Each file is a step of its own: lock, write, read back and compare, leave tombstones, delete, commit. Whatever kills the process
in between leaves a file too many and never an order too few; the next run begins with what is still in the tables. Several at
once skip what another one has locked.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.utils import timezone

from console import bulk
from console.audit import record
from console.crash import mark
from console.filters import months_before
from console.models import Superapp
from console.permissions import System
from orders.archive_files import MONEY, ArchiveFault, Content, Shelf, Written, check, write
from orders.models import (
    Archive,
    ArchivedOrder,
    ArchivedRefund,
    Attempt,
    Delivery,
    DeliveryState,
    Difference,
    Environment,
    Notification,
    Order,
    Refund,
    Settlement,
)

BATCH = 10_000  # orders of one file and of one transaction
ENDED = (DeliveryState.DELIVERED, DeliveryState.CANCELLED)
Place = tuple[datetime, int]  # of an order on its shelf: created_at and id


def limit(months: int) -> date:
    """The first day that stays: whole months before it are older than `months`. Raises ValueError for less than is allowed."""
    least = settings.ARCHIVE_LEAST_MONTHS
    if months < least:
        raise ValueError(f"{months} months are too few: lists show 12 months, and orders can be refunded. Keep at least {least}.")
    return months_before(timezone.now().astimezone(UTC).date().replace(day=1), months)


def archive_orders(
    *, before: date, actor: System, superapps: Iterable[Superapp] | None = None, size: int = BATCH
) -> Iterator[Archive]:
    """Archive orders created before the month that begins on `before`, with which all is over; gives each archive that is made.

    Stop asking, and it stops. Raises ArchiveFault, OSError; what was given before is done.
    """
    for shelf in shelves(before=before, superapps=superapps):
        place: Place | None = None
        while step := _step(shelf, place, before=before, size=size, actor=actor):
            place, archive = step
            if archive:
                yield archive


def shelves(*, before: date, superapps: Iterable[Superapp] | None = None) -> Iterator[Shelf]:
    """Every superapp, month, kind and environment that may have something to archive, the oldest months of a superapp first."""
    for superapp in Superapp.objects.order_by("pk") if superapps is None else superapps:
        yield from sorted(_shelves_of(superapp, before), key=lambda shelf: shelf.month)


def _shelves_of(superapp: Superapp, before: date) -> Iterator[Shelf]:
    for kind in Order.Kind.values:
        for env in Environment.values:
            rows = Order.objects.filter(superapp=superapp, kind=kind, env=env)
            first = rows.order_by("created_at", "pk").values_list("created_at", flat=True).first()
            month = first.astimezone(UTC).date().replace(day=1) if first else before
            while month < before:
                yield Shelf(superapp, month, kind, env)
                month = months_before(month, -1)


def countable(*, before: date, superapps: Iterable[Superapp] | None = None) -> Iterator[tuple[str, int, int]]:
    """For each shelf that holds something: its name, how many orders of it could go, and how many have to stay."""
    for shelf in shelves(before=before, superapps=superapps):
        number = ready(_rows(shelf), before=before).count()
        rest = _rows(shelf).count() - number
        if number or rest:
            yield shelf.words, number, rest


def ready(rows: QuerySet[Order], *, before: date) -> QuerySet[Order]:
    """Those of the orders with which all is over: nothing pending, nothing on the mismatch desk, nothing since `before`.

    A late refund or payment keeps its order: the lists show it for as long as any other.
    """
    since = _start(before)
    moments = ("paid_at", "closed_at", "delivered_at", "prepay_lease_until")
    still = [Q(**{field: None}) | Q(**{f"{field}__lt": since}) for field in moments]
    own = {"order": OuterRef("pk")}
    deliveries = Delivery.objects.filter(~Q(state__in=ENDED) | Q(created_at__gte=since), **own)
    new = Q(started_at__gte=since) | Q(succeeded_at__gte=since) | Q(created_at__gte=since)
    refunds = Refund.objects.filter(Q(state=Refund.State.PROCESSING) | new, **own)
    refused = Q(verdict=Notification.Verdict.MISMATCH, kind=Notification.Kind.REFUND) & ~_settled("above_paid", "refund")
    told = Notification.objects.filter(refused | Q(received_at__gte=since), **own)
    differing = Difference.objects.filter(**own)
    quiet = rows.filter(*still, created_at__lt=since, refunding_amount=0).filter(_seen_to())
    return quiet.filter(~Exists(deliveries), ~Exists(refunds), ~Exists(told), ~Exists(differing))


def _seen_to() -> Q:
    """Without an alert, or with one that somebody settled on the mismatch desk.

    That an order differs from the superapp's list is settled as a difference: those that are still kept keep their order.
    """
    wrong, late, alert = _settled("payment"), _settled("late"), Order.Alert
    both = Q(alert=alert.LATE_AND_MISMATCH) & wrong & late
    return Q(alert__in=["", alert.DIFFERS]) | Q(alert=alert.MISMATCH) & wrong | Q(alert=alert.LATE) & late | both


def _settled(*cases: str) -> Q:
    """What somebody settled on the mismatch desk under one of these cases."""
    return Q(Exists(Settlement.objects.filter(case__in=cases, subject=OuterRef("pk"))))


def _step(shelf: Shelf, after: Place | None, *, before: date, size: int, actor: System) -> tuple[Place, Archive | None] | None:
    """Archive the next orders of a shelf in one transaction; the place of the last one, and the archive if one was made."""
    rows = ready(_rows(shelf), before=before).order_by("created_at", "id")
    if after:
        rows = rows.filter(TupleGreaterThan(Tuple("created_at", "id"), after))
    with transaction.atomic():
        locked = list(rows.select_for_update(of=("self",), skip_locked=True).values_list("created_at", "id")[:size])
        if not locked:
            return None
        # Asked again: what was told of an order just before it was locked is seen by a new statement only.
        found = Order.objects.filter(pk__in=bulk.listed([pk for _at, pk in locked], int))
        ids = list(ready(found, before=before).order_by("created_at", "id").values_list("pk", flat=True))
        return locked[-1], _put_away(shelf, ids, actor=actor) if ids else None


def _put_away(shelf: Shelf, ids: Sequence[int], *, actor: System) -> Archive:
    """Write the file, read it back, and only then put tombstones in the place of the rows: as many as the file has of each."""
    written = write(shelf, ids)
    mark("after-archive-written")
    try:
        content, totals = check(written.name, written.sha256), _totals(ids)
        archive = _enter(shelf, written, content, actor=actor)
        if _bury(archive, ids) != content.rows or content.totals != totals:
            raise ArchiveFault(f"{written.name}: it does not add up to the rows of the tables. Nothing was deleted.")
    except Exception:
        with suppress(OSError):
            default_storage.delete(written.name)
        raise
    mark("before-archive-committed")
    return archive


def _totals(ids: Sequence[int]) -> dict[str, dict[str, int]]:
    """What the tables say these orders add up to, in minor units by currency."""
    orders = Order.objects.filter(pk__in=bulk.listed(ids, int)).order_by().values("currency")
    sums = {f"sum_{name}": Sum(column) for name, column in MONEY.items()}
    found = orders.annotate(**sums).values_list("currency", *sums)
    return {currency: dict(zip(MONEY, map(int, amounts), strict=True)) for currency, *amounts in found}


def _enter(shelf: Shelf, written: Written, content: Content, *, actor: System) -> Archive:
    """The row of a file, and its audit entry."""
    archive = Archive.objects.create(
        **shelf._asdict(), orders=content.rows["orders"], refunds=content.rows["refunds"], totals=content.totals,
        file=written.name, size=written.size, sha256=written.sha256, made_by=str(actor),
    )  # fmt: skip
    changes: dict[str, Any] = {name: [None, getattr(archive, name)] for name in ("orders", "refunds", "totals", "sha256")}
    record("orders.archive.make", archive, actor=actor, changes=changes)
    return archive


def _bury(archive: Archive, ids: Sequence[int]) -> dict[str, int]:
    """Leave a tombstone for each number, and delete what hangs on the orders, then the orders; how many rows of each table."""
    own = {"order__in": bulk.listed(ids, int)}
    orders, refunds = Order.objects.filter(pk__in=bulk.listed(ids, int)), Refund.objects.filter(**own)
    for model, rows, number in ((ArchivedOrder, orders, ("env", "out_trade_no")), (ArchivedRefund, refunds, ("refund_no",))):
        names = ("mini_program_id", *number)
        bulk.insert(model, (*names, "archive_id"), [(*row, archive.pk) for row in rows.values_list(*names)])
    gone: dict[str, QuerySet[Any]] = {
        "attempts": Attempt.objects.filter(delivery__order__in=bulk.listed(ids, int)),
        "deliveries": Delivery.objects.filter(**own),
        "notifications": Notification.objects.filter(**own),
        "refunds": refunds,
        "orders": orders,
    }
    # delete() would read every row to see what hangs on it; the foreign keys of the database watch over the order instead.
    return {name: rows._raw_delete(DEFAULT_DB_ALIAS) for name, rows in gone.items()}


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _rows(shelf: Shelf) -> QuerySet[Order]:
    begin, end = _start(shelf.month), _start(months_before(shelf.month, -1))
    same = {"superapp": shelf.superapp, "kind": shelf.kind, "env": shelf.env}
    return Order.objects.filter(**same, created_at__gte=begin, created_at__lt=end)
