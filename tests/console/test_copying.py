"""Rows of COPY, read from a real server: all of them, its error in the middle, and a reader who stops."""

import psycopg
import pytest
from django.db import connection

from console import exporting
from console.copying import copied

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="COPY is PostgreSQL's"),
]
NUMBERS = "COPY (SELECT number FROM generate_series(1, %s) AS number) TO STDOUT (FORMAT csv)"


@pytest.fixture
def reader():
    with exporting.snapshot() as reader:
        yield reader


def is_free(reader) -> bool:
    """Whether the connection takes the next statement."""
    reader.rollback()
    with reader.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


@pytest.mark.parametrize("rows", [0, 1, 50_000])
def test_every_row_comes_once_and_in_order(reader, rows):
    batches = list(copied(reader, NUMBERS, [rows], most=100))
    assert [int(bytes(row)) for batch in batches for row in batch] == list(range(1, rows + 1))
    assert all(0 < len(batch) <= 100 for batch in batches)
    assert is_free(reader)


def test_an_error_after_the_first_rows_is_raised_as_the_server_says_it(reader):
    statement = "COPY (SELECT 1 / (30000 - number) FROM generate_series(1, %s) AS number) TO STDOUT (FORMAT csv)"
    with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
        list(copied(reader, statement, [50_000], most=100))
    assert is_free(reader)


def test_a_reader_who_stops_cancels_the_statement(reader):
    rows = copied(reader, NUMBERS, [100_000_000], most=100)
    assert bytes(next(rows)[0]) == b"1\n"
    rows.close()
    assert is_free(reader)


def test_a_server_that_is_cut_off_is_an_error_and_not_the_end_of_the_rows():
    with pytest.raises(psycopg.OperationalError), exporting.snapshot() as reader:
        rows = copied(reader, NUMBERS, [10_000_000], most=100)
        next(rows)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [reader.connection.info.backend_pid])
        for _row in rows:
            pass
