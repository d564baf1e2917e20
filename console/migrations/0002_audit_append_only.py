"""The audit trail is append-only in the database too: an entry may be linked into its chain once, and never changed or deleted."""

from django.db import migrations

POSTGRESQL = [
    """
    CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.chain_number IS NULL AND OLD.mac = NEW.mac AND OLD.changes = NEW.changes
           AND OLD.verb = NEW.verb AND OLD.actor_label = NEW.actor_label THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'check_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON console_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_append_only()
    """,
]
SQLITE = [
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON console_auditentry
    WHEN OLD.chain_number IS NOT NULL OR OLD.mac <> NEW.mac OR OLD.verb <> NEW.verb OR OLD.actor_label <> NEW.actor_label
    BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON console_auditentry
    BEGIN SELECT RAISE(ABORT, 'The audit trail is append-only.'); END
    """,
]


def add_triggers(apps, schema_editor):
    """Triggers differ by database."""
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("console", "0001_initial")]
    operations = [migrations.RunPython(add_triggers, migrations.RunPython.noop)]
