"""The triggers that keep archived numbers used (docs/scale.md, "Retention and archive"); a migration makes them.

Why a trigger and not a NOT EXISTS in the statement that stores an order: the snapshot of that statement may be older than the
commit that deletes the archived order, while ON CONFLICT looks at what is there afterwards; so neither would object. A query in
a trigger after the insert has a snapshot of its own, taken when the insert has waited for the deletion and is through.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

#: Name, table, the columns of the number, table of the tombstones.
GUARDS = (
    ("order_number_archived", "orders_order", ("mini_program_id", "env", "out_trade_no"), "orders_archivedorder"),
    ("refund_number_archived", "orders_refund", ("mini_program_id", "refund_no"), "orders_archivedrefund"),
)
POSTGRESQL = (
    """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM {tombstones} t WHERE {same}) THEN
            RAISE EXCEPTION 'The number was used by what is in the archive.'
                USING ERRCODE = 'unique_violation', CONSTRAINT = '{name}', TABLE = '{table}';
        END IF;
        RETURN NULL;
    END $$
    """,
    "DROP TRIGGER IF EXISTS {name} ON {table}",
    "CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
)
SQLITE = (
    "DROP TRIGGER IF EXISTS {name}",
    """
    CREATE TRIGGER {name} AFTER INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {tombstones} t WHERE {same})
    BEGIN SELECT RAISE(ABORT, 'The number was used by what is in the archive.'); END
    """,
)


def add_guards(using: BaseDatabaseWrapper) -> None:
    """Make the triggers, or make them again. What they refuse is an IntegrityError, as with a unique constraint.

    SQLite loses them when a migration makes one of the tables anew; such a migration calls this at its end.
    """
    with using.cursor() as cursor:
        for name, table, columns, tombstones in GUARDS:
            same = " AND ".join(f"t.{column} = NEW.{column}" for column in columns)
            for statement in POSTGRESQL if using.vendor == "postgresql" else SQLITE:
                cursor.execute(statement.format(name=name, table=table, tombstones=tombstones, same=same))


def remove_guards(using: BaseDatabaseWrapper) -> None:
    """Take the triggers away again."""
    with using.cursor() as cursor:
        for name, table, *_rest in GUARDS:
            if using.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER {name} ON {table}")
                cursor.execute(f"DROP FUNCTION {name}()")
            else:
                cursor.execute(f"DROP TRIGGER {name}")
