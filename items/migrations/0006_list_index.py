from django.conf import settings
from django.db import migrations, models

from console.online_indexes import AddIndexOnline, RemoveIndexOnline


class Migration(migrations.Migration):
    """The list is sorted by edit whatever its state, and cut by keyset: the id ends the index."""

    atomic = False

    dependencies = [
        ("items", "0005_reasons_and_looks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexOnline(
            model_name="item",
            index=models.Index(fields=["mini_program", "-edited_at", "-id"], name="item_by_edit"),
        ),
        RemoveIndexOnline(model_name="item", name="item_list"),
    ]
