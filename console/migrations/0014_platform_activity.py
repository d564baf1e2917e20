"""Entries say whether somebody of the platform acted, so that these can be listed; earlier ones say nothing of it."""

from django.db import migrations, models

from console.online_filling import AddColumnOnline
from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("console", "0013_reconciliation")]
    operations = [
        AddColumnOnline(
            "auditentry",
            "by_platform",
            models.BooleanField(db_default=False, help_text="Whether the actor had a role of the platform at the time."),
        ),
        AddIndexOnline(
            "auditentry",
            models.Index(condition=models.Q(("by_platform", True)), fields=["-created_at", "-id"], name="audit_platform_people"),
        ),
        migrations.AlterField("user", "is_active", models.BooleanField(default=True, verbose_name="can sign in")),
        migrations.AlterField(
            "user",
            "platform_role",
            models.CharField(
                blank=True,
                choices=[("super_admin", "Super admin"), ("platform_admin", "Platform admin")],
                default="",
                max_length=20,
                verbose_name="role on the platform",
            ),
        ),
    ]
