"""What migrations change while the site runs."""

from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, connections, models
from django.db.migrations.loader import MigrationLoader

from console import online_indexes
from console.online_indexes import WidenUniqueOnline
from orders import parts

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="nobody else works on a SQLite database meanwhile"),
]
NAME = "one_delivery_alert_a_level"


@pytest.fixture
def widening(monkeypatch):
    """`widening()` gives the constraint one more column; undone afterwards."""
    monkeypatch.setattr(online_indexes, "LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr(online_indexes, "PAUSE", 0.01)
    monkeypatch.setattr(online_indexes, "TRIES", 2)
    before = MigrationLoader(connection).project_state()
    old = before.models["orders", "deliveryalert"].get_constraint_by_name(NAME)
    operation = WidenUniqueOnline("deliveryalert", models.UniqueConstraint(fields=[*old.fields, "id"], name=NAME))
    after = before.clone()
    operation.state_forwards("orders", after)

    def widen(first=before, second=after):
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("orders", editor, first, second)

    yield widen
    widen(after, before)


def columns():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "orders_deliveryalert")
    return {name: len(about["columns"]) for name, about in found.items() if about["unique"] and not about["primary_key"]}


@contextmanager
def somebody_reads_the_table():
    other = connections["default"].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE orders_deliveryalert IN ACCESS SHARE MODE")
        yield
        cursor.execute("ROLLBACK")
    other.close()


def test_a_constraint_is_widened_under_its_name(widening):
    narrow = columns()[NAME]
    widening()
    assert columns() == {NAME: narrow + 1}


def test_orders_do_not_queue_behind_a_change_that_waits_for_a_dump(widening):
    """It gives the lock up and tries again; until it has it, the old constraint is in force."""
    narrow = columns()[NAME]
    with somebody_reads_the_table(), pytest.raises(OperationalError, match="lock timeout"):
        widening()
    assert columns()[NAME] == narrow
    widening()
    assert columns() == {NAME: narrow + 1}


# --- Migrations that were killed are run again ---------------------------------------------------------------------------


def apply(name):
    """A migration of orders, whatever is there of it already."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    migration = loader.disk_migrations["orders", name]
    with connection.schema_editor(atomic=False) as editor:
        migration.apply(loader.project_state(("orders", name), at_end=False), editor)


#: Indexes by what makes them: an index of a model, one in SQL, and those of the search.
MADE = {
    "rollup_hours": lambda: apply("0022_rollup_quarters"),
    "rollup_quarters": lambda: apply("0022_rollup_quarters"),
    "refund_order_parts": lambda: parts.make_index(connection),
}


def identity(index):
    """Its number in the database, and whether it is valid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::int, indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index])
        return cursor.fetchone()


@pytest.mark.parametrize("index", MADE)
def test_an_index_whose_building_was_cut_off_is_made_anew_and_a_valid_one_stays(index):
    before, _valid = identity(index)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [index])
    MADE[index]()
    made = identity(index)
    assert made[0] != before and made[1], "the search, or a list, would go without it in silence"
    MADE[index]()
    assert identity(index) == made


def test_a_migration_that_was_killed_after_its_column_is_run_again():
    kept = identity("rollup_hours"), identity("rollup_quarters")
    apply("0021_rollup_both_kinds")
    assert identity("rollup_days")[1]
    apply("0022_rollup_quarters")
    assert (identity("rollup_hours"), identity("rollup_quarters")) == kept
