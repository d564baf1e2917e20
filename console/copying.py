"""COPY … TO STDOUT, in batches, at half of what psycopg's `Copy` costs: that one makes a generator for each row."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors
from psycopg.pq import ExecStatus, abc

#: Rows as they lie in libpq; what it says when the next one has not arrived.
Batch = Sequence[bytes | memoryview]
NOT_YET = (0, b"")


def copied(reader: BaseDatabaseWrapper, statement: str, params: Sequence[Any], *, most: int) -> Iterator[Batch]:
    """The rows as the server writes them, at a time those that are here, at most so many.

    A reader that stops before the last row cancels the statement. psycopg does the waiting, so other threads run meanwhile.
    Each row is an object that Python's collector counts: it looks at nothing while a batch is let go of before the next one.
    Raises psycopg.Error with what the server says.
    """
    with reader.connection.cursor() as cursor, cursor.copy(statement, params) as copy:
        line: abc.PGconn = reader.connection.pgconn
        while True:
            batch, is_over = _here(line, most)
            if batch:
                yield batch
            elif not is_over:
                if not (row := copy.read()):  # waits; there was none
                    return
                yield [row]
            if is_over:
                return
            del batch


def _here(line: abc.PGconn, most: int) -> tuple[Batch, bool]:
    """Rows that libpq has, and whether they were the last."""
    batch: list[bytes | memoryview] = []
    for length, row in islice(iter(partial(line.get_copy_data, 1), NOT_YET), most):
        if length < 0:
            _finish(line)
            return batch, True
        batch.append(row)
    return batch, False


def _finish(line: abc.PGconn) -> None:
    """Fetch what the server says at the end, until the connection is free again."""
    result = line.get_result()
    while line.get_result():
        pass
    if result is None or result.status != ExecStatus.COMMAND_OK:
        raise errors.error_from_result(result) if result else errors.OperationalError("The server broke off.")
