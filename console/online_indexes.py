"""Indexes made and dropped while the site runs: CONCURRENTLY on PostgreSQL, plainly elsewhere.

Migrations that use them state `atomic = False`. One that was killed is run again: what is there already is left as it is.
"""

import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, migrations, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LOCK_TIMEOUT, TRIES, PAUSE = "1s", 60, 5.0  # seconds


def make_unless_valid(editor: BaseDatabaseSchemaEditor, name: str, make: Callable[[], object]) -> None:
    """Make the index of this name unless it is there; one that was left invalid by a build that was cut off goes first.

    PostgreSQL only. While somebody else still builds it, dropping waits for them.
    """
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [editor.quote_name(name)])
        found = cursor.fetchone()
    if found == (False,):
        editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {editor.quote_name(name)}")
    if found != (True,):
        make()


def _add(editor: Any, model: type[models.Model], index: models.Index) -> None:
    if editor.connection.vendor == "postgresql":
        make_unless_valid(editor, index.name, lambda: editor.add_index(model, index, concurrently=True))
    else:
        editor.add_index(model, index)


def _remove(editor: Any, model: type[models.Model], index: models.Index) -> None:
    how = {"concurrently": True} if editor.connection.vendor == "postgresql" else {}
    editor.remove_index(model, index, **how)


class AddIndexOnline(migrations.AddIndex):
    """AddIndex that lets others write meanwhile."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        _add(schema_editor, model, self.index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        _remove(schema_editor, model, self.index)


class RemoveIndexOnline(migrations.RemoveIndex):
    """RemoveIndex that lets others write meanwhile."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = from_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        _remove(schema_editor, from_state.apps.get_model(app_label, self.model_name), index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        index = to_state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        _add(schema_editor, to_state.apps.get_model(app_label, self.model_name), index)


class AddSqlIndexOnline(migrations.RunPython):
    """An index of an expression that only PostgreSQL has; SQLite, which is for trials, goes without. `of` is all after ON."""

    def __init__(self, name: str, *, of: str) -> None:
        self.name, self.of = name, of
        super().__init__(lambda _apps, editor: self._make(editor), lambda _apps, editor: self._drop(editor))

    def _make(self, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            make = f"CREATE INDEX CONCURRENTLY {self.name} ON {self.of}"
            make_unless_valid(editor, self.name, lambda: editor.execute(make))

    def _drop(self, editor: BaseDatabaseSchemaEditor) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.name}")

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As it was made."""
        return type(self).__name__, [self.name], {"of": self.of}


class WidenUniqueOnline(migrations.AddConstraint):
    """The unique constraint of this name has more columns from now on; at every moment one of the two is in force.

    Rows in which a new column is empty are free of the new one, as SQL has it.
    """

    atomic = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        state.alter_constraint(app_label, self.model_name_lower, self.constraint.name, self.constraint)

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        name, key = self.constraint.name, (app_label, self.model_name_lower)
        old, new = (state.models[key].get_constraint_by_name(name) for state in (from_state, to_state))
        before, after = (state.apps.get_model(app_label, self.model_name) for state in (from_state, to_state))
        if schema_editor.connection.vendor != "postgresql":
            schema_editor.remove_constraint(before, old)
            schema_editor.add_constraint(after, new)
            return
        columns = ", ".join(schema_editor.quote_name(after._meta.get_field(field).column) for field in new.fields)
        where = f" WHERE {condition}" if (condition := new._get_condition_sql(after, schema_editor)) else ""
        table = after._meta.db_table
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_wide")  # a migration that was killed left it invalid
        schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name}_wide ON {table} ({columns}){where}")
        named = f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}_wide"
        _swap(schema_editor, before, old, f"ALTER INDEX {name}_wide RENAME TO {name}" if where else named)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """For the log of `migrate`."""
        return f"Widen constraint {self.constraint.name} on model {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """For the name that makemigrations proposes."""
        return f"widen_{self.constraint.name.lower()}"


def _swap(editor: Any, model: Any, old: models.BaseConstraint, give_name: str) -> None:
    """Both statements at once, under a lock that nobody waits behind for long: where it is not to be had, try again later."""
    for left in reversed(range(TRIES)):
        try:
            with transaction.atomic(editor.connection.alias):
                editor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                editor.remove_constraint(model, old)
                return editor.execute(give_name)
        except OperationalError:  # somebody holds the table: a dump, a long export
            if not left:
                raise
            time.sleep(PAUSE)
