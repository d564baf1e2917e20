"""The trigger that gives a refund the item of its order where an INSERT names none, as a process of the previous version does.

The after-sales record is filtered by that column (docs/records.md, "Indexes"). What names the item runs no function.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from orders.archive_guard import add_guards
from orders.late_changes import make_triggers

_ITEM = "coalesce((SELECT product_id FROM orders_order WHERE id = NEW.order_id AND mini_program_id = NEW.mini_program_id), '')"
_POSTGRESQL = (
    f"""
    CREATE OR REPLACE FUNCTION refund_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.product_id := {_ITEM};
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER IF EXISTS refund_item ON orders_refund",
    """
    CREATE TRIGGER refund_item BEFORE INSERT ON orders_refund FOR EACH ROW
    WHEN (NEW.product_id = '') EXECUTE FUNCTION refund_item()
    """,
)
_SQLITE = (
    "DROP TRIGGER IF EXISTS refund_item",
    f"""
    CREATE TRIGGER refund_item AFTER INSERT ON orders_refund FOR EACH ROW WHEN NEW.product_id = ''
    BEGIN UPDATE orders_refund SET product_id = {_ITEM} WHERE id = NEW.id; END
    """,
)


def make_item_trigger(connection: BaseDatabaseWrapper) -> None:
    """Make it, or make it anew: also after a migration for which SQLite makes the table of refunds anew."""
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
            cursor.execute(statement)


def remove_item_trigger(connection: BaseDatabaseWrapper) -> None:
    """Take it away again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP TRIGGER refund_item ON orders_refund")
            cursor.execute("DROP FUNCTION refund_item()")
        else:
            cursor.execute("DROP TRIGGER refund_item")


def restore_triggers(connection: BaseDatabaseWrapper) -> None:
    """Make the other triggers again that SQLite lost with the old table of refunds; PostgreSQL keeps them."""
    if connection.vendor != "postgresql":
        make_triggers(connection)
        add_guards(connection)
