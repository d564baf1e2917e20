"""Entries say whether somebody of the platform acted, so that these can be listed; earlier ones say nothing of it."""

from django.db import migrations, models

from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("console", "0012_export_schedules")]
    operations = [
        migrations.AddField(
            "auditentry",
            "by_platform",
            models.BooleanField(db_default=False, help_text="Whether the actor had a role of the platform at the time."),
        ),
        AddIndexOnline(
            "auditentry",
            models.Index(condition=models.Q(("by_platform", True)), fields=["-created_at", "-id"], name="audit_platform_people"),
        ),
    ]
