"""A search in what people did reads what it finds: indexes of request ids, addresses, and names at the end of labels."""

from typing import Any

from django.db import migrations, models

from console.online_indexes import AddIndexOnline

PEOPLE = models.Q(("actor__isnull", False))
NAME = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_people_name ON console_auditentry"
    " (split_part(object_label, ' \u00b7 ', -1)) WHERE actor_id IS NOT NULL"
)


def index_names(_apps: Any, schema_editor: Any) -> None:
    """SQLite has no such function; its audit trails are short."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(NAME)


def drop_index(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS audit_people_name")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("console", "0015_export_failures")]
    operations = [
        AddIndexOnline("auditentry", models.Index(condition=PEOPLE, fields=["request_id"], name="audit_people_request")),
        AddIndexOnline("auditentry", models.Index(condition=PEOPLE, fields=["address"], name="audit_people_address")),
        migrations.RunPython(index_names, drop_index),
    ]
