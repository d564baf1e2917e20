"""Indexes made and dropped while the site runs: CONCURRENTLY on PostgreSQL, plainly elsewhere.

Migrations that use them state `atomic = False`.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def _how(editor: BaseDatabaseSchemaEditor) -> dict[str, Any]:
    return {"concurrently": True} if editor.connection.vendor == "postgresql" else {}


class AddIndexOnline(migrations.AddIndex):
    """AddIndex that lets others write meanwhile."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, **_how(schema_editor))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, **_how(schema_editor))


class RemoveIndexOnline(migrations.RemoveIndex):
    """RemoveIndex that lets others write meanwhile."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        schema_editor.remove_index(from_state.apps.get_model(app_label, self.model_name), index, **_how(schema_editor))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        schema_editor.add_index(to_state.apps.get_model(app_label, self.model_name), index, **_how(schema_editor))


class AddSqlIndexOnline(migrations.RunPython):
    """An index of an expression that only PostgreSQL has; SQLite, which is for trials, goes without. `of` is all after ON."""

    def __init__(self, name: str, *, of: str) -> None:
        self.name, self.of = name, of
        make = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {of}"
        drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
        super().__init__(lambda _apps, editor: _run(editor, make), lambda _apps, editor: _run(editor, drop))

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As it was made."""
        return type(self).__name__, [self.name], {"of": self.of}


def _run(editor: BaseDatabaseSchemaEditor, sql: str) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(sql)
