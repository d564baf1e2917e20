"""Write many rows in one statement (docs/performance.md, `bulk`, `deliver` and `import_items`)."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

M = TypeVar("M", bound=models.Model)


def write(rows: Sequence[M], names: Sequence[str]) -> None:
    """Store the columns `names` (attnames) of rows of one model with a table of its own; save() does not run.

    One value for all rows is a plain UPDATE. Values that differ go as one array a column: bulk_update() would build a CASE with
    an arm for each row and column, which takes ten times as long as the statement.
    """
    if not rows or not names:
        return
    model = type(rows[0])
    fields: list[Any] = [field for field in model._meta.concrete_fields if field.attname in names]
    manager = model._base_manager
    if all(len({getattr(row, field.attname) for row in rows}) == 1 for field in fields):
        same = {field.attname: getattr(rows[0], field.attname) for field in fields}
        manager.filter(pk__in=listed([row.pk for row in rows], int)).update(**same)
        return
    connection = connections[router.db_for_write(model)]
    if connection.vendor == "postgresql":
        _write_arrays(model, fields, rows, connection)
    else:
        manager.bulk_update(rows, [field.name for field in fields], batch_size=100)


def _write_arrays(model: type[M], fields: list[Any], rows: Sequence[M], connection: BaseDatabaseWrapper) -> None:
    pk, quote = model._meta.pk, connection.ops.quote_name
    columns = [pk, *fields]
    arrays = [[field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows] for field in columns]
    # Without its length: a cast to varchar(64) would cut a longer text where the column itself refuses it.
    types = [str((field.rel_db_type if field is pk else field.db_type)(connection)).partition("(")[0] for field in columns]
    table, names = quote(model._meta.db_table), [quote(field.column) for field in columns]
    sets = ", ".join(f"{name} = v.{name}" for name in names[1:])
    given = ", ".join(f"%s::{type_}[]" for type_ in types)
    sql = f"UPDATE {table} SET {sets} FROM unnest({given}) AS v({', '.join(names)}) WHERE {table}.{names[0]} = v.{names[0]}"
    with connection.cursor() as cursor:
        cursor.execute(sql, arrays)


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows given as values of the columns `names` (attnames), the other columns with their defaults; save() does not run.

    On PostgreSQL by COPY: bulk_create() needs an instance for each row and takes four times as long. Raises IntegrityError.
    """
    connection = connections[router.db_for_write(model)]
    if connection.vendor != "postgresql":
        model._base_manager.bulk_create([model(**dict(zip(names, row, strict=True))) for row in rows], batch_size=500)
        return
    # COPY knows no defaults of Django's.
    others = [field for field in model._meta.concrete_fields if field.attname not in names and not field.primary_key]
    rest = [field.get_default() for field in others]
    every = [*names, *(field.attname for field in others)]
    _copy(model._meta.db_table, _fields(model, every), ([*row, *rest] for row in rows), connection)


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Store the columns `names` (attnames) of rows that exist, each given as its primary key and the values of these columns.

    On PostgreSQL by COPY into a temporary table and one UPDATE, otherwise statement by statement; save() does not run.
    """
    connection = connections[router.db_for_write(model)]
    key, *fields = _fields(model, [str(model._meta.pk and model._meta.pk.attname), *names])
    quote = connection.ops.quote_name
    table, pk = quote(model._meta.db_table), quote(key.column)
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
            turned = [_prepared([*fields, key], [*values, pk_value], connection) for pk_value, *values in rows]
            cursor.executemany(f"UPDATE {table} SET {sets} WHERE {pk} = %s", turned)
            return
        columns = ", ".join(quote(field.column) for field in (key, *fields))
        cursor.execute(f"CREATE TEMPORARY TABLE changed AS SELECT {columns} FROM {table} WITH NO DATA")
        _copy("changed", [key, *fields], rows, connection)
        sets = ", ".join(f"{quote(field.column)} = changed.{quote(field.column)}" for field in fields)
        cursor.execute(f"UPDATE {table} SET {sets} FROM changed WHERE {table}.{pk} = changed.{pk}")
        cursor.execute("DROP TABLE changed")


def listed(values: Iterable[int] | Iterable[str], kind: type[int] | type[str]) -> RawSQL:
    """The values as a subquery for `…__in`, as one parameter: thousands of placeholders cost more than the query."""
    if connection.vendor == "postgresql":
        return RawSQL(f"SELECT unnest(%s::{'text' if kind is str else 'bigint'}[])", [list(values)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(values))])


def array_of(moments: Iterable[datetime]) -> str:
    """The literal of an array of PostgreSQL: psycopg takes ten times as long for a list of moments."""
    return "{" + ",".join(moment.isoformat() for moment in moments) + "}"


def _fields(model: type[models.Model], names: Sequence[str]) -> list[Any]:
    return [model._meta.get_field(name) for name in names]


def _prepared(fields: Sequence[Any], row: Sequence[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    return [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]


def _copy(table: str, fields: Sequence[Any], rows: Iterable[Sequence[Any]], connection: BaseDatabaseWrapper) -> None:
    texts = [place for place, field in enumerate(fields) if isinstance(field, models.JSONField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    # The wrapped errors are Django's: cursor.copy() is psycopg's own.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        with cursor.copy(f"COPY {quote(table)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                values = list(row)
                for place in texts:
                    values[place] = json.dumps(values[place])
                copy.write_row(values)
