"""Refunds by a state that few are in: the after-sales record read all of the period to find them."""

from django.db import migrations, models

from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orders", "0014_rollup_figures")]

    operations = [
        AddIndexOnline(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state", "success"), _negated=True),
                fields=["mini_program", "kind", "env", "state", "-started_at", "-id"],
                name="refund_record_state",
            ),
        ),
        AddIndexOnline(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state", "success"), _negated=True),
                fields=["superapp", "kind", "env", "state", "-started_at", "-id"],
                name="superapp_refund_state",
            ),
        ),
    ]
