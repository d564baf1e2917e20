from django.db import migrations, models

from console.online_filling import AddColumnOnline
from console.online_indexes import AddIndexOnline, RemoveIndexOnline

MEASURES = (
    "orders", "standard", "paid", "paid_amount", "due", "delivered", "at_first", "within_5s", "within_1m", "within_1h",
    "refunds", "refunded_amount",
)  # fmt: skip


class Migration(migrations.Migration):
    """A row of figures counts both kinds of orders: half of the rows. Those of the previous version are summed as they are."""

    atomic = False

    dependencies = [
        ("orders", "0020_refund_product_filled"),
    ]

    operations = [
        AddColumnOnline(
            model_name="rollup",
            name="standard",
            field=models.PositiveIntegerField(default=0, db_default=0, help_text="Of the orders: those of standard payment."),
        ),
        AddIndexOnline(
            model_name="rollup",
            index=models.Index(
                fields=["mini_program", "minutes", "env", "start"], include=("kind", "currency", *MEASURES), name="rollup_days"
            ),
        ),
        RemoveIndexOnline(model_name="rollup", name="rollup_figures"),
    ]
