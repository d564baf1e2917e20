"""The previous version keeps serving while a migration has run and its processes are not replaced yet (docs/operations.md)."""

import re
from pathlib import Path

import pytest
from django.db import models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.fields import NOT_PROVIDED

from console.online_filling import AddColumnOnline, CopyColumnOnline
from console.online_indexes import AddIndexOnline, AddSqlIndexOnline, RemoveIndexOnline, WidenUniqueOnline
from console.triggers import MakeTriggers

#: The newest migration of each app that was made before the first release: there is no previous version to keep serving.
BEFORE_THE_FIRST_RELEASE = {"console": 12, "payments": 8, "items": 5, "orders": 9, "openserver": 1, "simulator": 1}
LOADER = MigrationLoader(None, ignore_no_migrations=True)
OURS = sorted(
    (key, migration)
    for key, migration in LOADER.disk_migrations.items()
    if Path(f"{key[0]}/migrations").is_dir() and int(key[1][:4]) > BEFORE_THE_FIRST_RELEASE[key[0]]
)
#: Without an index the old code is slower, and right.
ADDS = (
    operations.CreateModel, AddIndexOnline, AddSqlIndexOnline, MakeTriggers, operations.AlterModelOptions,
    operations.AlterModelManagers, operations.RemoveIndex, CopyColumnOnline,
)  # fmt: skip
#: What may be run again after it was done. To alter a field is harmless (`is_harmless`), so it changes nothing in the database.
AGAIN = (
    AddColumnOnline, AddIndexOnline, AddSqlIndexOnline, RemoveIndexOnline, WidenUniqueOnline, CopyColumnOnline,
    operations.AlterField,
)  # fmt: skip
#: Killed in its midst, this one cannot be run again.
ONCE = {("orders", "0011_archive")}
IN_PARTS = [(key, migration) for key, migration in OURS if not migration.atomic and key not in ONCE]


def faults(migration: Migration, before: ProjectState) -> list[str]:
    """What the previous version could not live with; `before` is the state before the migration."""
    created = {each.name_lower for each in migration.operations if isinstance(each, operations.CreateModel)}
    return [
        f"{migration}: {each.describe()}"
        for each in migration.operations
        if not isinstance(each, ADDS)
        and getattr(each, "model_name_lower", "") not in created
        and not is_harmless(each, before, migration.app_label)
    ]


def is_harmless(operation: operations.base.Operation, before: ProjectState, app: str) -> bool:
    """A column that may be left out of an INSERT; or new choices and words, which are not in the database."""
    field = getattr(operation, "field", None)
    if isinstance(operation, WidenUniqueOnline):  # whatever it refuses, the narrower one refused
        return widens(operation.constraint, before.models[app, operation.model_name_lower])
    if isinstance(operation, operations.AddField):
        return field.null or field.db_default is not NOT_PROVIDED or field.many_to_many
    if isinstance(operation, operations.AlterField):
        return in_database(field) == in_database(before.models[app, operation.model_name_lower].fields[operation.name])
    return False


def widens(constraint: models.UniqueConstraint, model: ModelState) -> bool:
    """Whether it has all columns of the constraint of its name, and the same condition."""
    old = model.get_constraint_by_name(constraint.name)
    return set(old.fields) < set(constraint.fields) and old.condition == constraint.condition


def in_database(field: models.Field) -> tuple[object, ...]:
    """What of a field the database knows."""
    _name, path, arguments, options = field.deconstruct()
    return path, arguments, {name: value for name, value in options.items() if name not in (*field.non_db_attrs, "default")}


@pytest.mark.parametrize(("key", "migration"), OURS, ids=lambda value: ".".join(value) if isinstance(value, tuple) else "")
def test_a_migration_only_adds(key, migration):
    found = faults(migration, LOADER.project_state([key], at_end=False))
    assert found == [], "Add it nullable or with db_default; remove a release later (docs/operations.md, Upgrading)."


@pytest.mark.parametrize(("key", "migration"), IN_PARTS, ids=lambda value: ".".join(value) if isinstance(value, tuple) else "")
def test_a_migration_that_is_not_one_transaction_can_be_run_again(key, migration):
    """Killed in its midst it leaves what is done, and no note of it."""
    assert [each.describe() for each in migration.operations if not isinstance(each, AGAIN)] == []


def test_what_the_old_code_cannot_live_with_is_found():
    text = models.CharField(max_length=3, default="")
    bad = [
        operations.RemoveField("order", "alert"), operations.RenameField("order", "alert", "warning"),
        operations.DeleteModel("Order"), operations.AddField("order", "extra", text),
        operations.AddConstraint("order", models.UniqueConstraint(fields=["alert"], name="once")),
        operations.AddIndex("order", models.Index(fields=["alert"], name="locks_the_table")),
        operations.AlterField("order", "paid_at", models.DateTimeField(default=None)),
        operations.AlterField("order", "kind", models.CharField(max_length=3)),
        operations.RunPython(operations.RunPython.noop),
        WidenUniqueOnline("order", models.UniqueConstraint(fields=["out_trade_no"], name="order_number_once")),
    ]  # fmt: skip
    good = [
        operations.CreateModel("New", [("id", models.BigAutoField(primary_key=True))]),
        operations.AddField("new", "extra", text), operations.AddField("order", "extra", models.DateTimeField(null=True)),
        operations.AddField("order", "more", models.CharField(max_length=3, default="", db_default="")),
        operations.AlterField("order", "kind", models.CharField(max_length=10, choices=[("a", "A")])),
        operations.RemoveIndex("order", "order_alerts"),
        WidenUniqueOnline(
            "order", models.UniqueConstraint(fields=["superapp", "mini_program", "env", "out_trade_no"], name="order_number_once")
        ),
    ]  # fmt: skip
    migration = Migration("0099_example", "orders")
    migration.operations = good + bad
    assert len(faults(migration, LOADER.project_state())) == len(bad)


def test_the_document_names_the_test():
    text = Path("docs/operations.md").read_text()
    assert re.search(r"## Upgrading[^#]*tests/test_migrations\.py", text)
