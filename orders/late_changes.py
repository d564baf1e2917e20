"""The triggers that note late changes: whoever changes an order or a refund, by whatever way, cannot forget it (docs/figures.md).

A `WHEN` that is false costs nothing that could be measured: what happens now, which is all of the order path, runs no function.
"""

from datetime import timedelta

from django.db.backends.base.base import BaseDatabaseWrapper

#: What happened longer ago is late. Nothing younger is in a rollup (`orders.rollups.settled`).
LATE = timedelta(minutes=15)

#: Trigger → (table, operation, the moment that the row counts at, when its figures change).
TRIGGERS = {
    "order_placed_late": ("orders_order", "INSERT", "created_at", "true"),
    "order_paid_late": ("orders_order", "INSERT", "paid_at", "true"),
    "payment_changed_late": (
        "orders_order",
        "UPDATE",
        "paid_at",
        """OLD.paid_at IS NULL OR OLD.paid_amount <> NEW.paid_amount OR OLD.delivered_at IS NULL AND NEW.delivered_at IS NOT NULL
        OR OLD.delivery_state <> NEW.delivery_state AND (OLD.delivery_state IN ('not_due', 'cancelled', 'delivered')
        OR NEW.delivery_state IN ('not_due', 'cancelled', 'delivered'))""",
    ),
    "refund_succeeded_late": ("orders_refund", "INSERT", "started_at", "NEW.state = 'success'"),
    "refund_changed_late": ("orders_refund", "UPDATE", "started_at", "(NEW.state = 'success') <> (OLD.state = 'success')"),
}

_FUNCTION = """
CREATE OR REPLACE FUNCTION note_late_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO orders_latechange (mini_program_id, at) VALUES (NEW.mini_program_id, (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz);
    RETURN NULL;
END $$
"""
# By the clock, not by now(): that is when the transaction began.
_POSTGRESQL = """
CREATE TRIGGER {name} AFTER {operation} ON {table} FOR EACH ROW
WHEN (NEW.{at} < clock_timestamp() - interval '{minutes} minutes' AND ({changed})) EXECUTE FUNCTION note_late_change('{at}')
"""
_SQLITE = """
CREATE TRIGGER {name} AFTER {operation} ON {table} FOR EACH ROW
WHEN NEW.{at} < datetime('now', '-{minutes} minutes') AND ({changed})
BEGIN INSERT INTO orders_latechange (mini_program_id, at) VALUES (NEW.mini_program_id, NEW.{at}); END
"""


def make_triggers(connection: BaseDatabaseWrapper) -> None:
    """Make them, or make them anew.

    A migration that changes the table of orders or refunds has to call it again at its end: on SQLite Django makes a new table
    then, which has none.
    """
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute(_FUNCTION)
        for name, (table, operation, at, changed) in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if is_postgresql else ''}")
            parts = {"name": name, "table": table, "operation": operation, "at": at, "changed": changed}
            template = _POSTGRESQL if is_postgresql else _SQLITE
            cursor.execute(template.format(**parts, minutes=LATE // timedelta(minutes=1)))


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Take them away again."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name, (table, *_rest) in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER {name}{f' ON {table}' if is_postgresql else ''}")
        if is_postgresql:
            cursor.execute("DROP FUNCTION note_late_change()")
