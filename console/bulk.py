"""Write many rows in one statement (docs/performance.md, `bulk` and `deliver`)."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper

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
        manager.filter(pk__in=[row.pk for row in rows]).update(**same)
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

    On PostgreSQL by COPY: bulk_create() needs an instance for each row and takes four times as long.
    """
    connection = connections[router.db_for_write(model)]
    if connection.vendor == "postgresql":
        _copy(model, names, rows, connection)
    else:
        model._base_manager.bulk_create([model(**dict(zip(names, row, strict=True))) for row in rows], batch_size=500)


def _copy(
    model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], connection: BaseDatabaseWrapper
) -> None:
    fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
    # COPY knows no defaults of Django's.
    others = [field for name, field in fields.items() if name not in names]
    rest = [field.get_default() for field in others]
    texts = [place for place, name in enumerate(names) if isinstance(fields[name], models.JSONField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in [*(fields[name] for name in names), *others])
    with connection.cursor() as cursor, cursor.copy(f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN") as copy:
        for row in rows:
            values = [*row, *rest]
            for place in texts:
                values[place] = json.dumps(values[place])
            copy.write_row(values)
