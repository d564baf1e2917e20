"""A week or a month may begin with a day that was exported by itself, before the schedule's rhythm changed."""

from django.db import migrations, models

from console.online_indexes import WidenUniqueOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("console", "0016_audit_search")]
    operations = [
        WidenUniqueOnline(
            "exportrun", models.UniqueConstraint(fields=["schedule", "since", "until"], name="one_export_a_period")
        ),
    ]
