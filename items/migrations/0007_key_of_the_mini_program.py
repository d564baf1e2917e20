from django.db import migrations, models

from console.online_indexes import WidenUniqueOnline


class Migration(migrations.Migration):
    """The mini program in the key that an order locks, as in every other unique constraint (docs/scale.md, "Citus")."""

    atomic = False

    dependencies = [
        ("items", "0006_list_index"),
    ]

    operations = [
        WidenUniqueOnline(
            model_name="item",
            constraint=models.UniqueConstraint(
                fields=["mini_program", "id", "on_sale", "live_price", "live_currency"], name="live_copy_is_key"
            ),
        ),
    ]
