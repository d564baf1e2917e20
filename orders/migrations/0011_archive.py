from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from console.online_indexes import AddIndexOnline
from console.triggers import MakeTriggers
from orders.archive_guard import add_guards, remove_guards

KIND = models.CharField(choices=[('virtual', 'Virtual payment'), ('standard', 'Standard payment')], max_length=10)
ENV = models.PositiveSmallIntegerField(choices=[(0, 'Live'), (1, 'Sandbox')])


def owner() -> Any:
    """The mini program of a tombstone; its primary key finds it."""
    return models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='console.miniprogram')


def archive(related_name: str) -> Any:
    """The file that a tombstone's row is in."""
    return models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to='orders.archive')


class Migration(migrations.Migration):
    """The columns of the tombstones stand in an order that pads no bytes between them."""

    atomic = False

    dependencies = [
        ('console', '0013_reconciliation'),
        ('orders', '0010_reconciliation'),
    ]

    operations = [
        migrations.CreateModel(
            name='Archive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('superapp', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='console.superapp')),
                ('month', models.DateField(help_text='Its first day.')),
                ('kind', KIND),
                ('env', ENV),
                ('orders', models.PositiveIntegerField()),
                ('refunds', models.PositiveIntegerField()),
                ('totals', models.JSONField()),
                ('file', models.CharField(help_text='Its name in the store.', max_length=255, unique=True)),
                ('size', models.PositiveBigIntegerField(help_text='Bytes.')),
                ('sha256', models.CharField(max_length=64)),
                ('made_by', models.CharField(max_length=150)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='ArchivedOrder',
            fields=[
                ('pk', models.CompositePrimaryKey('out_trade_no', 'mini_program_id', 'env', blank=True, editable=False, primary_key=True, serialize=False)),
                ('mini_program', owner()),
                ('archive', archive('order_numbers')),
                ('env', ENV),
                ('out_trade_no', models.CharField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name='ArchivedRefund',
            fields=[
                ('pk', models.CompositePrimaryKey('refund_no', 'mini_program_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('mini_program', owner()),
                ('archive', archive('refund_numbers')),
                ('refund_no', models.CharField(max_length=64)),
            ],
        ),
        MakeTriggers(add_guards, remove_guards),
        migrations.AddField(
            model_name='notification',
            name='mini_program',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text='Whose archived order it is about; else the order says whose.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='console.miniprogram'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='verdict',
            field=models.CharField(choices=[('accepted', 'Accepted'), ('duplicate', 'Duplicate'), ('unknown_order', 'Unknown order'), ('mismatch', 'Does not fit the order'), ('bad_signature', 'Wrong signature'), ('archived', 'Order archived')], max_length=20),
        ),
        AddIndexOnline(
            model_name='notification',
            index=models.Index(condition=models.Q(('verdict', 'archived')), fields=['superapp', '-received_at'], name='notification_archived'),
        ),
    ]
