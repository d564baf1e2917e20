"""The export of a listing as CSV or as a workbook: its own query, formatted, streamed into a file, totals of the same moment.

On PostgreSQL the database writes the rows (`COPY (…) TO STDOUT`), formatting, time zone and formula guard included: Python only
joins what comes into blocks, and packs it for a workbook. Other databases take the plain path; both give the same bytes, and a
test compares them.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice
from typing import IO, Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, F, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.utils import timezone
from django.utils.translation import gettext as _

from console import replica
from console.columns import Column, annotations
from console.copying import Batch, copied
from console.export_formats import header, line, plain_cells, sql_cells
from console.export_sheets import BOLD, COUNT, head, money_cells, number_cell, plain_row, sheet_row, sql_row, text_cell, widths
from console.listing import Listing
from console.models import ReplicaMark
from console.spreadsheets.streaming import SHEET_BYTES, SHEET_ROWS, StreamedBook
from console.zones import agrees

BLOCK = 256 * 1024  # bytes handed on at once
BATCH = 100  # rows joined at once, at most
NO_END = sys.maxsize
BOM = "\ufeff".encode()  # Excel takes a file without it for one in the code page of the computer


class Advance(Protocol):
    """console.jobs.Progress, as far as an export needs it."""

    def advance(self, done: int, total: int | None = None) -> None: ...


@dataclass
class Totals:
    """Number of rows, and the sum of each money column in minor units: per currency, and per word of the listing's `apart`."""

    rows: int = 0
    sums: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """How rows are written: the expressions that COPY writes, its options, and the same row in Python."""

    cells: Callable[[Sequence[Column], str], list[Combinable]]
    options: str
    plain: Callable[[Sequence[Column], Mapping[str, Any], str], bytes]


CSV = Format(sql_cells, "FORMAT csv", lambda columns, values, zone: line(plain_cells(columns, values, zone)))
# The XML of a row holds no control characters but tabs, so with these nothing in it is ever quoted.
SHEET = Format(sql_row, r"FORMAT csv, QUOTE E'\x01', ESCAPE E'\x01', DELIMITER E'\x02'", plain_row)


@dataclass(frozen=True)
class Export:
    """What was written: its totals, SHA-256 (hex) and size in bytes, and the moment the database was looked at."""

    totals: Totals
    sha256: str
    size: int
    taken_at: datetime


class Output:
    """A file that is written once from front to back, hashed on the way."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        """Hand on one block."""
        self.target.write(block)
        self.digest.update(block)
        self.size += len(block)
        return len(block)

    def flush(self) -> None:
        """Nothing is held back."""


class Rows:
    """Joins rows to blocks and tells the progress. `total` says how many there are once that is known."""

    def __init__(self, batches: Iterator[Batch], progress: Advance, total: Callable[[], int | None]) -> None:
        self.batches, self.progress, self.total = batches, progress, total
        self.ahead: Batch = []
        self.written = 0

    @property
    def is_over(self) -> bool:
        """Whether the last row was taken."""
        self.ahead = self.ahead or next(self.batches, [])
        return not self.ahead

    def take(self, write: Callable[[bytes], object], *, rows: int = NO_END, size: int = NO_END) -> None:
        """Write the rows, at most so many and about so many bytes. Raises Cancelled when the job was cancelled meanwhile."""
        end = self.written + rows
        waiting: list[bytes] = []
        length = 0
        while self.written < end and size > 0 and not self.is_over:
            waiting.append(self._joined(end - self.written))
            length += len(waiting[-1])
            if length >= BLOCK:
                self._flush(waiting, write)
                size -= length
                waiting, length = [], 0
        self._flush(waiting, write)

    def _joined(self, most: int) -> bytes:
        batch, self.ahead = self.ahead[:most], self.ahead[most:]
        self.written += len(batch)
        return b"".join(batch)

    def _flush(self, waiting: list[bytes], write: Callable[[bytes], object]) -> None:
        write(b"".join(waiting))
        self.progress.advance(self.written, self.total())


def write_csv(listing: Listing, rows: QuerySet, columns: Sequence[Column], target: IO[bytes], *, progress: Advance) -> Export:
    """Write `rows` of the listing, in its order, with these columns. Times are in the active zone, words in the active language.

    Rows and totals are of one moment. Raises Cancelled when the job was cancelled meanwhile.
    """
    zone = timezone.get_current_timezone_name()
    output = Output(target)
    with _looking(listing, rows, columns, CSV, progress) as (sink, totals, taken_at):
        output.write(BOM + header(columns, zone))
        sink.take(output.write)
        return checked(Export(totals.result(), output.digest.hexdigest(), output.size, taken_at), sink)


def write_workbook(
    listing: Listing, rows: QuerySet, columns: Sequence[Column], target: IO[bytes], *, progress: Advance
) -> Export:
    """The same as a workbook (.xlsx): as many sheets as the rows need, and one that says what they are and add up to."""
    zone = timezone.get_current_timezone_name()
    output = Output(target)
    with _looking(listing, rows, columns, SHEET, progress) as (sink, totals, taken_at):
        with StreamedBook(output) as book:  # type: ignore[arg-type]  # it only writes
            _write_sheets(book, str(listing.caption), columns, head(columns, zone), sink)
            _write_about(book, listing, totals.result(), taken_at)
        return checked(Export(totals.result(), output.digest.hexdigest(), output.size, taken_at), sink)


@contextmanager
def _looking(
    listing: Listing, rows: QuerySet, columns: Sequence[Column], form: Format, progress: Advance
) -> Iterator[tuple[Rows, "Future[Totals]", datetime]]:
    """The rows in this form, their totals, and the moment that both are of."""
    zone = timezone.get_current_timezone_name()
    with replica.reading(), snapshot(alias=rows.db) as reader, counting(listing, rows, reader) as totals:
        taken_at = moment(reader)
        batches = _batches(reader, rows.order_by(*listing.sort.order), columns, zone, form)
        yield Rows(batches, progress, lambda: totals.result().rows if totals.done() else None), totals, taken_at


def _write_sheets(book: StreamedBook, title: str, columns: Sequence[Column], first: bytes, sink: Rows) -> None:
    for number in count(1):
        with book.sheet(title if number == 1 else f"{title} {number}", widths=widths(columns), is_frozen=True) as write:
            write(first)
            sink.take(write, rows=SHEET_ROWS, size=SHEET_BYTES)
        if sink.is_over:
            return


def _write_about(book: StreamedBook, listing: Listing, totals: Totals, taken_at: datetime) -> None:
    lines = [[text_cell(text)] for text in facts(listing, taken_at)]
    lines += [[text_cell(_("Rows"), BOLD), number_cell(totals.rows, COUNT)]]
    lines += [[text_cell(name, BOLD) for name in (_("Currency"), _("Sum of"), _("Major units"), _("Minor units"))]]
    for total in told(listing, totals):
        for label, value in total["sums"]:
            lines.append([text_cell(total["currency"]), text_cell(label), *money_cells(value, total["currency"])])
    with book.sheet(_("About"), widths=(40, 24, 20, 20)) as write:
        write(b"".join(map(sheet_row, lines)))


def checked(export: Export, sink: Rows) -> Export:
    """The export, if as many rows were written as were counted. Raises RuntimeError otherwise."""
    if sink.written != export.totals.rows:
        raise RuntimeError(f"{sink.written} rows were written and {export.totals.rows} counted in the same snapshot")
    return export


@contextmanager
def snapshot(shared: str = "", *, alias: str = DEFAULT_DB_ALIAS) -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own on which every query sees the same moment; progress is written on the other meanwhile.

    `shared` is the name that pg_export_snapshot() gave to the moment of another one of the database `alias`.
    """
    reader = connections.create_connection(alias)
    try:
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if reader.vendor == "postgresql" else "BEGIN DEFERRED"
        with reader.cursor() as cursor:
            cursor.execute(begin)
            if shared:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{shared}'")
        yield reader
        reader.connection.rollback()  # a pool takes back what has no transaction open
    finally:
        reader.close()


def moment(reader: BaseDatabaseWrapper) -> datetime:
    """The moment that `reader` sees; of a replica, the newest one that it is sure to have reached."""
    if reader.alias != replica.REPLICA:
        return timezone.now()
    ((marked,),) = _rows(ReplicaMark.objects.values_list("at"), reader)
    return marked


@contextmanager
def counting(listing: Listing, rows: QuerySet, reader: BaseDatabaseWrapper) -> Iterator["Future[Totals]"]:
    """The totals of the moment that `reader` sees; PostgreSQL counts them on another connection while the rows are written."""
    if reader.vendor != "postgresql":
        known: Future[Totals] = Future()
        known.set_result(totals_of(listing, rows, using=reader))
        yield known
        return
    with reader.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (shared,) = cursor.fetchone()
    with ThreadPoolExecutor(1, "totals") as pool:
        yield pool.submit(_counted, listing, rows, shared, reader.alias)


def _counted(listing: Listing, rows: QuerySet, shared: str, alias: str) -> Totals:
    with snapshot(shared, alias=alias) as reader:
        return totals_of(listing, rows, using=reader)


def totals_of(listing: Listing, rows: QuerySet, *, using: BaseDatabaseWrapper | None = None) -> Totals:
    """Count the rows and sum the listing's total columns per currency and `apart`, with one query."""
    columns = [column for column in listing.columns if column.name in listing.totals]
    sums = {f"sum_{column.name}": Sum(column.expression) for column in columns}
    currency, apart = F(listing.currency) if listing.currency else Value(""), listing.apart
    groups = {"total_currency": currency, "total_part": apart.expression if apart else Value("")}
    grouped = rows.order_by().values(**groups).annotate(number=Count("pk"), **sums).order_by(*groups)
    found = Totals()
    for row in _rows(grouped, using) if using else grouped.values_list(*groups, "number", *sums):
        found.rows += row[2]
        if sums:
            part = str(apart.word(row[1])) if apart else ""
            found.sums[row[0], part] = {column.name: int(value or 0) for column, value in zip(columns, row[3:], strict=True)}
    return found


def told(listing: Listing, totals: Totals) -> list[dict[str, Any]]:
    """The totals for people: currency, and label and minor units of each sum."""
    labels = {column.name: str(column.label) for column in listing.columns}
    return [
        {"currency": currency, "sums": [[" · ".join(filter(None, (labels[name], part))), value] for name, value in sums.items()]}
        for (currency, part), sums in totals.sums.items()
    ]


def about(listing: Listing, totals: Totals, export: Export) -> str:
    """The text that goes with a file: what it holds, and the totals it must add up to."""
    lines = facts(listing, export.taken_at)
    lines += [
        _("Rows: %(number)s") % {"number": totals.rows},
        _("SHA-256 of the file: %(digest)s") % {"digest": export.sha256},
        _("A text that begins like a formula, or goes on like one after a semicolon, tab or line end, has an apostrophe there."),
    ]
    for total in told(listing, totals):
        lines += [f"{total['currency']}: {label} {value} ({_('minor units')})" for label, value in total["sums"]]
    return "\n".join(lines) + "\n"


def title_of(listing: Listing) -> str:
    """Which list it is: "Orders · Virtual payment · Live"."""
    return " · ".join([str(listing.caption), *listing.filterset.record_words])


def facts(listing: Listing, taken_at: datetime) -> list[str]:
    """What a file holds and of when it is, in sentences."""
    return [
        title_of(listing),
        _("Read from the database at %(time)s UTC") % {"time": taken_at.strftime("%Y-%m-%d %H:%M:%S")},
        _("Times in the file: %(zone)s") % {"zone": timezone.get_current_timezone_name()},
        _("Filters: %(filters)s") % {"filters": "; ".join(chip["label"] for chip in listing.masked_chips) or _("none")},
    ]


def _rows(rows: QuerySet, reader: BaseDatabaseWrapper) -> Iterator[tuple[Any, ...]]:
    """The tuples of a values() query, read on `reader` a chunk at a time."""
    try:
        yield from rows.query.get_compiler(connection=reader).results_iter(chunked_fetch=True)
    except EmptyResultSet:
        return


def _batches(reader: BaseDatabaseWrapper, rows: QuerySet, columns: Sequence[Column], zone: str, form: Format) -> Iterator[Batch]:
    is_copied = reader.vendor == "postgresql" and not any(column.in_python for column in columns) and agrees(reader, zone)
    path = _copied if is_copied else _plain
    return path(reader, rows, columns, zone, form)


def _plain(reader: BaseDatabaseWrapper, rows: QuerySet, columns: Sequence[Column], zone: str, form: Format) -> Iterator[Batch]:
    aliases = annotations(columns)
    found = _rows(rows.annotate(**aliases).values_list(*aliases), reader)
    while batch := [form.plain(columns, dict(zip(aliases, values, strict=True)), zone) for values in islice(found, BATCH)]:
        yield batch


def _copied(reader: BaseDatabaseWrapper, rows: QuerySet, columns: Sequence[Column], zone: str, form: Format) -> Iterator[Batch]:
    try:
        sql, params = copy_sql(reader, rows, columns, zone, form)
    except EmptyResultSet:
        return
    with reader.wrap_database_errors:
        yield from copied(reader, f"COPY ({sql}) TO STDOUT ({form.options})", params, most=BATCH)


def copy_sql(
    reader: BaseDatabaseWrapper, rows: QuerySet, columns: Sequence[Column], zone: str, form: Format = CSV
) -> tuple[str, tuple[Any, ...]]:
    """The formatted query of an export and its parameters. Raises EmptyResultSet when the filters can match nothing."""
    cells = {f"cell_{number}": cell for number, cell in enumerate(form.cells(columns, zone))}
    compiler = rows.annotate(**cells).values_list(*cells).query.get_compiler(connection=reader)
    return compiler.as_sql()
