"""Search for a part of a number: an index of three-letter parts (pg_trgm) on PostgreSQL, a plain comparison on SQLite."""

from functools import cache, partial

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from console.online_indexes import make_unless_valid

log = structlog.get_logger(__name__)

SHORTEST = 4  # characters: fewer are in too many numbers to be looked for anywhere but at the beginning
#: Name, table and column of each.
INDEXES = (
    ("order_number_parts", "orders_order", "out_trade_no"),
    ("refund_number_parts", "orders_refund", "refund_no"),
    ("refund_order_parts", "orders_refund", "out_trade_no"),
)
READY = "SELECT count(*) FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indisvalid AND relname = ANY(%s)"


@cache
def finds_parts() -> bool:
    """Whether parts can be looked for: the index is missing where the database's owner may not make its extension.

    It is asked once per process (docs/operations.md).
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(READY, [[name for name, _table, _column in INDEXES]])
        return int(cursor.fetchone()[0]) == len(INDEXES)


def with_part(field: str, text: str) -> Q:
    """Numbers that contain the text, case included; a text too short, or without the index, is looked for at the beginning.

    `contains`, never `icontains`: that compares upper-case copies, for which there is no index.
    """
    lookup = "contains" if len(text) >= SHORTEST and finds_parts() else "startswith"
    return Q(**{f"{field}__{lookup}": text})


def make_index(using: BaseDatabaseWrapper) -> bool:
    """Make the extension and the indexes; False where the database does not allow it, and then nothing is changed.

    Called by the migration, and by `manage.py make_search_index` once somebody else has made the extension.
    """
    if using.vendor != "postgresql":
        return True
    try:
        # An exception inside leaves a transaction of the caller usable.
        with transaction.atomic(using=using.alias), using.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        log.warning("search_index.not_made", reason=str(error).strip().splitlines()[0])
        return False
    with using.schema_editor(atomic=False) as editor:
        for name, table, column in INDEXES:
            make = f"CREATE INDEX CONCURRENTLY {name} ON {table} USING gin ({column} gin_trgm_ops)"
            make_unless_valid(editor, name, partial(editor.execute, make))
    return True
