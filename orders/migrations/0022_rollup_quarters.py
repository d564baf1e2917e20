from django.db import migrations, models

from console.online_indexes import AddIndexOnline, AddSqlIndexOnline, RemoveIndexOnline

MEASURES = (
    "orders", "standard", "paid", "paid_amount", "due", "delivered", "at_first", "within_5s", "within_1m", "within_1h",
    "refunds", "refunded_amount",
)  # fmt: skip
SHOWN = (*MEASURES, "kind", "currency")
QUARTERS = (
    "orders_rollup (mini_program_id, env, ((start AT TIME ZONE 'UTC')::time), start)"
    f" INCLUDE ({', '.join(SHOWN)}) WHERE minutes = 15"
)


class Migration(migrations.Migration):
    """The quarters that days begin with, at the same time of each day, lie together; hours have an index of their own."""

    atomic = False

    dependencies = [
        ("orders", "0021_rollup_both_kinds"),
    ]

    operations = [
        AddIndexOnline(
            model_name="rollup",
            index=models.Index(
                condition=models.Q(("minutes", 60)), fields=["mini_program", "env", "start"], include=SHOWN, name="rollup_hours"
            ),
        ),
        AddSqlIndexOnline("rollup_quarters", of=QUARTERS),
        RemoveIndexOnline(model_name="rollup", name="rollup_days"),
    ]
