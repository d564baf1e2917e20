from django.db import migrations, models

from console.online_filling import CopyColumnOnline
from console.online_indexes import AddIndexOnline


class Migration(migrations.Migration):
    """First the rows, then their index: so each is written to it once."""

    atomic = False

    dependencies = [
        ("orders", "0019_refund_product"),
    ]

    operations = [
        CopyColumnOnline(table="orders_refund", column="product_id", source="orders_order", reference="order_id"),
        AddIndexOnline(
            model_name="refund",
            index=models.Index(
                fields=["mini_program", "kind", "env", "product_id", "-started_at", "-id"], name="refund_record_product"
            ),
        ),
    ]
