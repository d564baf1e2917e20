"""COPY … TO STDOUT, a row at a time, at half of what psycopg's `Copy` costs: that one makes a generator for each row."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors
from psycopg.pq import ExecStatus, abc


def copied(reader: BaseDatabaseWrapper, statement: str, params: Sequence[Any]) -> Iterator[bytes | memoryview]:
    """The rows as the server writes them. A reader that stops before the last one cancels the statement.

    Rows that are here already are taken as they lie; psycopg does the waiting, so other threads run meanwhile.
    Raises psycopg.Error with what the server says.
    """
    with reader.connection.cursor() as cursor, cursor.copy(statement, params) as copy:
        line: abc.PGconn = reader.connection.pgconn
        while True:
            length, row = line.get_copy_data(1)
            if length == 0 and not (row := copy.read()):  # not here yet, and then there was none
                return
            if length < 0:
                _finish(line)
                return
            yield row


def _finish(line: abc.PGconn) -> None:
    """Fetch what the server says at the end, until the connection is free again."""
    result = line.get_result()
    while line.get_result():
        pass
    if result is None or result.status != ExecStatus.COMMAND_OK:
        raise errors.error_from_result(result) if result else errors.OperationalError("The server broke off.")
