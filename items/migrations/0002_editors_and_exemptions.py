"""Every editor of a snapshot, and what was released without review under which exemption."""

import django.db.models.deletion
from django.db import migrations, models

#: Django's CHECK constraints cannot look into JSON the same way on every database; SQLite is for trying out and goes without.
NOT_BY_AN_EDITOR = """
    ALTER TABLE items_releaseentry ADD CONSTRAINT release_entry_not_decided_by_editor
    CHECK (decided_by_id IS NULL OR NOT editors @> to_jsonb(decided_by_id))
"""
BY_ANYBODY = "ALTER TABLE items_releaseentry DROP CONSTRAINT release_entry_not_decided_by_editor"


def add_check(apps, schema_editor):
    """Nobody decides about what they edited (docs/domain.md, "Separation of duties")."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(NOT_BY_AN_EDITOR)


def drop_check(apps, schema_editor):
    """Back."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(BY_ANYBODY)


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial"), ("payments", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="item",
            name="unreviewed",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The live copy was released under an exemption, without review.",
            ),
        ),
        migrations.AddField(
            model_name="release",
            name="exemption",
            field=models.ForeignKey(
                help_text="The exemption that stood in for a review.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="releases",
                to="payments.exemptionrequest",
            ),
        ),
        migrations.AddField(
            model_name="releaseentry",
            name="editors",
            field=models.JSONField(
                default=list,
                help_text="Ids of all who edited the draft since the live copy was released; none of them decides.",
            ),
        ),
        migrations.RunPython(add_check, drop_check),
    ]
