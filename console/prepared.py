"""Prepared statements for the few hot paths that the ORM is too slow for (docs/architecture.md, "Where speed decided")."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Func, QuerySet, Value
from psycopg import ClientCursor, RawCursor

# psycopg prepares nothing while its threshold is None, as Django sets it; with this one it prepares what asks for it.
_NEVER_BY_ITSELF = 2**31


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one statement, prepared on PostgreSQL, and return its rows. Errors are Django's."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = _NEVER_BY_ITSELF
    if connection.queries_logged:  # so that tests and the debugging server see it beside the others
        connection.queries_log.append({"sql": ClientCursor(raw).mogrify(sql, params), "time": "–"})
    # A raw cursor: psycopg reads a statement of more than 50 placeholders anew for every call.
    with connection.wrap_database_errors, RawCursor(raw) as found:
        return found.execute(_numbered(sql), params, prepare=True).fetchall()


def rows(found: QuerySet) -> list[tuple[Any, ...]]:
    """The rows of a `values_list` whose columns Django does not convert on PostgreSQL: prepared there. Errors are Django's."""
    if connection.vendor != "postgresql":
        return list(found)
    return fetch(*found.query.sql_with_params())


def hidden(value: Any) -> Func:
    """A value that the planner does not look at, so that PostgreSQL keeps the plan of a prepared statement.

    It plans anew for the values of each call where that makes a cheaper plan, and does not count what planning itself takes.
    """
    return Func(Value(value), template="(SELECT %(expressions)s)")


class Literal(Value):
    """A whole number that stands in the statement: only there it lets a kept plan use an index with such a condition."""

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """The digits."""
        return str(int(self.value)), ()


@cache
def _numbered(sql: str) -> bytes:
    """The statement with $1, $2, … as PostgreSQL has them."""
    first, *rest = sql.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))).encode()
