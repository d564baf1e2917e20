from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper

from console.triggers import MakeTriggers
from orders.refund_items import make_item_trigger, remove_item_trigger, restore_triggers


def nothing(_connection: BaseDatabaseWrapper) -> None:
    """The other way needs none."""


class Migration(migrations.Migration):
    """The item of a refund, so that its list is filtered without its order. The trigger fills it for the previous version."""

    dependencies = [
        ("orders", "0018_wrongly_signed"),
    ]

    operations = [
        MakeTriggers(nothing, restore_triggers),
        migrations.AddField(
            model_name="refund",
            name="product_id",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The order's, which never changes.", max_length=64,
                verbose_name="item ID",
            ),
        ),
        MakeTriggers(restore_triggers, nothing),
        MakeTriggers(make_item_trigger, remove_item_trigger),
    ]
