import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0015_refund_states"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="mini_program",
            field=models.ForeignKey(
                db_constraint=False, db_index=False, help_text="The delivery's.", null=True,
                on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="console.miniprogram",
            ),
        ),
    ]
