"""Files of the archive: gzip, one JSON object a line. The first says what the file is, each other is an order with all its rows.

    {"archive": {"format": 1, "superapp": "orbit", "month": "2025-03", "kind": "virtual", "env": 0}}
    {"app_id": "…", "order": {…}, "refunds": [{…}], "deliveries": [{…, "attempts": [{…}]}], "notifications": [{…}]}

Rows have the columns of their tables, amounts in minor units, times in RFC 3339. They lie in the store of all files
(docs/operations.md, "Files"), below `archive/`, and are never overwritten.
"""

import gzip
import hashlib
import json
import os
import tempfile
import uuid
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import F, QuerySet

from console.bulk import listed
from console.exporting import Output
from console.models import Superapp
from orders.models import Archive, Attempt, Delivery, Notification, Order, Refund
from orders.rollups import oldest_change

FOLDER = "archive"
FORMAT = 1
CHUNK = 500  # orders that are read at once
MONEY = {"amount": "amount", "paid": "paid_amount", "refunded": "refunded_amount"}
SURE = timedelta(days=1)  # more than the clocks of the database and of the store differ


class ArchiveFault(Exception):
    """A file that does not hold what it should; a sentence for the person at the terminal."""


class Shelf(NamedTuple):
    """Whose orders go into one file: those of a superapp, kind and environment that were created in a month (its first day)."""

    superapp: Superapp
    month: date
    kind: str
    env: int

    @property
    def words(self) -> str:
        """For names and lines of output."""
        return f"{self.month:%Y-%m} {self.superapp.code} {self.kind} {'live' if self.env == 0 else 'sandbox'}"


@dataclass
class Content:
    """What is in a file: rows by table, and minor units by currency."""

    rows: Counter[str] = field(default_factory=Counter)
    totals: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, line: dict[str, Any]) -> None:
        """Count one line."""
        order, deliveries = line["order"], line["deliveries"]
        told = {"refunds": len(line["refunds"]), "notifications": len(line["notifications"]), "deliveries": len(deliveries)}
        self.rows.update(told, orders=1, attempts=sum(len(delivery["attempts"]) for delivery in deliveries))
        self.totals[order["currency"]].update({name: order[column] for name, column in MONEY.items()})


class Written(NamedTuple):
    """A file in the store: its name there, bytes, and SHA-256 (hex)."""

    name: str
    size: int
    sha256: str


def write(shelf: Shelf, ids: Sequence[int]) -> Written:
    """Write the orders with these ids into a new file; when it returns, the file is on the disk or in the store.

    Raises OSError.
    """
    head = {"format": FORMAT, "superapp": shelf.superapp.code, "month": f"{shelf.month:%Y-%m}"}
    with tempfile.TemporaryFile() as target:
        output = Output(target)
        with gzip.GzipFile(fileobj=output, mode="wb", filename="", mtime=0, compresslevel=6) as packed:
            packed.write(_line({"archive": head | {"kind": shelf.kind, "env": shelf.env}}))
            for order in _orders(ids):
                packed.write(_line(order))
        target.seek(0)
        where = f"{FOLDER}/{shelf.words.replace(' ', '/', 1).replace(' ', '-')}-{uuid.uuid4().hex[:12]}.jsonl.gz"
        name = default_storage.save(where, File(target))
    _keep(name)
    return Written(name, output.size, output.digest.hexdigest())


def check(name: str, sha256: str) -> Content:
    """Read a file from the store to its end and say what is in it. Raises ArchiveFault, also for bytes that have changed."""
    content = Content()
    with _opened(name) as file:
        for line in _lines(name, file):
            try:
                content.add(line)
            except (LookupError, TypeError, AttributeError) as error:
                raise ArchiveFault(f"{name}: a line of it is no order: {error}.") from error
        if (found := file.digest.hexdigest()) != sha256:
            raise ArchiveFault(f"{name}: its SHA-256 is {found}, not {sha256}. Get it from a backup or the store's versions.")
    return content


def find(name: str, column: str, number: str) -> Iterator[dict[str, Any]]:
    """The lines of a file whose order has this `out_trade_no`, or one of whose refunds has this `refund_no`.

    Raises ArchiveFault. Only lines that hold the number are parsed: of 10,000 orders that is the difference of a page's patience.
    """
    with _opened(name) as file:
        for line in _lines(name, file, holding=json.dumps(number, ensure_ascii=False).encode()):
            rows = [line["order"]] if column == "out_trade_no" else line["refunds"]
            if any(row[column] == number for row in rows):
                yield line


def stored() -> Iterator[str]:
    """The names of all files of the archive in the store."""
    folders = [FOLDER]
    while folders:
        folder = folders.pop()
        try:
            inside, files = default_storage.listdir(folder)
        except FileNotFoundError:  # nothing was archived yet
            continue
        folders += [f"{folder}/{name}" for name in inside]
        yield from (f"{folder}/{name}" for name in files if name)


def left_over() -> tuple[list[str], int]:
    """The files that no row names and that no run can give one any more; and how many others no row names yet.

    A run stores its file first, in a transaction that is open already, and its row is seen when that commits. So a file that is
    older than every open transaction has its row by now, or gets none: those rows are asked for last.
    """
    names = sorted(stored())
    line = oldest_change() - SURE
    known = set(Archive.objects.values_list("file", flat=True))
    others = [name for name in names if name not in known]
    over = [name for name in others if _is_older(name, line)]
    return over, len(others) - len(over)


def _is_older(name: str, line: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < line
    except OSError:  # a run that failed has deleted it meanwhile
        return False


# --- What is written ----------------------------------------------------------------------------------------------------


def _orders(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        own = {"order__in": listed(chunk, int)}
        refunds = _grouped(Refund.objects.filter(**own), "order_id")
        notifications = _grouped(Notification.objects.filter(**own), "order_id")
        deliveries = _grouped(Delivery.objects.filter(**own), "order_id")
        attempts = _grouped(Attempt.objects.filter(delivery__order__in=listed(chunk, int)), "delivery_id")
        for row in _rows(Order.objects.filter(pk__in=listed(chunk, int)), app_id=F("mini_program__app_id")):
            pk = row["id"]
            for delivery in deliveries[pk]:
                delivery["attempts"] = attempts[delivery["id"]]
            told = {"refunds": refunds[pk], "deliveries": deliveries[pk], "notifications": notifications[pk]}
            yield {"app_id": row.pop("app_id"), "order": row, **told}


def _rows(rows: QuerySet, **more: Any) -> QuerySet:
    columns = [each.attname for each in rows.model._meta.concrete_fields]
    return rows.annotate(**more).order_by("pk").values(*columns, *more)


def _grouped(rows: QuerySet, key: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(rows):
        found[row[key]].append(row)
    return found


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    # Django's encoder would cut times to milliseconds.
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _keep(name: str) -> None:
    """Bring a file and its folders onto the disk: a commit that deletes must not be there before. A store has it already."""
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        return
    for each in (path, *path.parents[: len(Path(name).parts)]):
        opened = os.open(each, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


# --- What is read -------------------------------------------------------------------------------------------------------


class _Hashed:
    """A file that is read once from front to back, hashed on the way."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self.source.read(size)
        self.digest.update(block)
        return block

    def __enter__(self) -> "_Hashed":
        return self

    def __exit__(self, *_raised: object) -> None:
        self.source.close()


def _opened(name: str) -> _Hashed:
    try:
        return _Hashed(default_storage.open(name))
    except OSError as error:
        raise ArchiveFault(f"{name}: it cannot be read: {error}. Get it from a backup or the store's versions.") from error


def _lines(name: str, file: _Hashed, *, holding: bytes = b"") -> Iterator[dict[str, Any]]:
    """The lines about orders, or those of them in which these bytes stand."""
    try:
        with gzip.GzipFile(fileobj=file) as packed:  # type: ignore[call-overload]  # it only reads
            lines: Iterable[bytes] = iter(packed)
            head = json.loads(next(iter(lines), b"{}")).get("archive", {})
            if head.get("format") != FORMAT:
                raise ArchiveFault(f"{name}: it is no file of the archive in format {FORMAT}.")
            yield from (json.loads(line) for line in lines if holding in line)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ArchiveFault(f"{name}: it is damaged: {error}. Get it from a backup or the store's versions.") from error
