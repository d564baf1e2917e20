"""Columns added and filled while the site runs, a batch of rows at a time, so that nobody waits long for a row.

Migrations that use it state `atomic = False`: then each batch is a transaction of its own. One that was killed is run again.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper

BATCH = 5_000  # rows
_NEXT = "SELECT max(id) FROM (SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s) AS batch"
_COPY = """
UPDATE {table} SET {column} = {source}.{column} FROM {source}
WHERE {source}.id = {table}.{reference} AND {table}.{column} <> {source}.{column} AND {table}.id > %s AND {table}.id <= %s
"""


class AddColumnOnline(migrations.AddField):
    """AddField for a migration that is not atomic: a column that is there already was added by a run that was killed.

    Not for a foreign key or an index of the field's own, which Django makes at the end of the migration.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        meta = to_state.apps.get_model(app_label, self.model_name)._meta
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_table_description(cursor, meta.db_table)
        if meta.get_field(self.name).column not in {each.name for each in found}:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class CopyColumnOnline(migrations.RunPython):
    """Copy a column, which is never null, from the row of `source` that `reference` names; the words are names of the database.

    One that was killed is run again: it writes no row a second time. The code must fill new rows from before on.
    """

    def __init__(self, table: str, column: str, *, source: str, reference: str) -> None:
        self.names = {"table": table, "column": column, "source": source, "reference": reference}
        super().__init__(lambda _apps, editor: _copy(editor.connection, self.names), migrations.RunPython.noop)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As it was made."""
        return type(self).__name__, [], dict(self.names)


def _copy(connection: BaseDatabaseWrapper, names: dict[str, str]) -> None:
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_NEXT.format(**names), [last, BATCH])
            (end,) = cursor.fetchone()
            if end is None:
                return
            cursor.execute(_COPY.format(**names), [last, end])
            last = end
