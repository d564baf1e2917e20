import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The composite indexes begin with these columns, so their own only cost."""

    dependencies = [
        ('orders', '0004_record_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='order',
            name='mini_program',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='console.miniprogram'),
        ),
        migrations.AlterField(
            model_name='order',
            name='superapp',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='console.superapp'),
        ),
        migrations.AlterField(
            model_name='order',
            name='team',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='console.team'),
        ),
    ]
