from django.db import migrations, models

from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    """The after-sales record can be read by the time at which refunds were recorded."""

    atomic = False

    dependencies = [
        ("orders", "0022_rollup_quarters"),
    ]

    operations = [
        AddIndexOnline(
            model_name="refund",
            index=models.Index(fields=["mini_program", "kind", "env", "-created_at", "-id"], name="refund_recorded"),
        ),
        AddIndexOnline(
            model_name="refund",
            index=models.Index(fields=["superapp", "kind", "env", "-created_at", "-id"], name="superapp_refund_recorded"),
        ),
    ]
