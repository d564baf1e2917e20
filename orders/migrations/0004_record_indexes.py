from typing import Any

from django.db import migrations, models

from console.online_indexes import AddIndexOnline, RemoveIndexOnline
from orders.parts import make_index


def make_search_index(_apps: Any, schema_editor: Any) -> None:
    """A database that does not allow the extension goes without: parts of numbers are then looked for at the beginning only."""
    make_index(schema_editor.connection)


class Migration(migrations.Migration):
    # The new indexes are made before the old ones go, and without stopping the previous version.
    atomic = False

    dependencies = [
        ('console', '0006_audit_people_indexes'),
        ('items', '0003_imports'),
        ('orders', '0003_standard_payment'),
    ]

    operations = [
        AddIndexOnline(
            model_name='notification',
            index=models.Index(condition=models.Q(('verdict__in', ['mismatch', 'bad_signature'])), fields=['order'], name='notification_suspicious'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['mini_program', 'kind', 'env', '-created_at', '-id'], name='order_record'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('paid_at__isnull', False)), fields=['mini_program', 'kind', 'env', '-paid_at', '-id'], name='order_record_paid'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['mini_program', 'kind', 'env', 'payment_state', '-created_at', '-id'], name='order_record_payment'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['mini_program', 'kind', 'env', 'delivery_state', '-created_at', '-id'], name='order_record_delivery'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('refund_state', 'none'), _negated=True), fields=['mini_program', 'kind', 'env', 'refund_state', '-created_at', '-id'], name='order_record_refund'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['mini_program', 'kind', 'env', '-amount', '-id'], name='order_record_amount'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('alert', ''), _negated=True), fields=['mini_program', 'superapp'], name='order_alerts'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['superapp', 'kind', 'env', '-created_at', '-id'], name='superapp_record'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('paid_at__isnull', False)), fields=['superapp', 'kind', 'env', '-paid_at', '-id'], name='superapp_paid'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('payment_state', 'paid'), _negated=True), fields=['superapp', 'kind', 'env', 'payment_state', '-created_at', '-id'], name='superapp_payment'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('delivery_state', 'delivered'), _negated=True), fields=['superapp', 'kind', 'env', 'delivery_state', '-created_at', '-id'], name='superapp_delivery'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('refund_state', 'none'), _negated=True), fields=['superapp', 'kind', 'env', 'refund_state', '-created_at', '-id'], name='superapp_refund'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['out_trade_no', 'superapp'], name='order_number', opclasses=['varchar_pattern_ops', 'int8_ops']),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(fields=['open_id'], name='order_open'),
        ),
        AddIndexOnline(
            model_name='order',
            index=models.Index(condition=models.Q(('prepay_id', ''), _negated=True), fields=['prepay_id'], name='order_prepay'),
        ),
        AddIndexOnline(
            model_name='refund',
            index=models.Index(fields=['mini_program', 'kind', 'env', '-started_at', '-id'], name='refund_record'),
        ),
        AddIndexOnline(
            model_name='refund',
            index=models.Index(fields=['superapp', 'kind', 'env', '-started_at', '-id'], name='superapp_refund_record'),
        ),
        AddIndexOnline(
            model_name='refund',
            index=models.Index(fields=['refund_no'], name='refund_number', opclasses=['varchar_pattern_ops']),
        ),
        AddIndexOnline(
            model_name='refund',
            index=models.Index(fields=['out_trade_no'], name='refund_order', opclasses=['varchar_pattern_ops']),
        ),
        migrations.RunPython(make_search_index, migrations.RunPython.noop, elidable=False),
        RemoveIndexOnline(
            model_name='order',
            name='order_list',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_list_payment',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_list_delivery',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_list_paid',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_list_superapp',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_number_superapp',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_open_id',
        ),
        RemoveIndexOnline(
            model_name='order',
            name='order_prepay_id',
        ),
        RemoveIndexOnline(
            model_name='refund',
            name='refund_list',
        ),
        RemoveIndexOnline(
            model_name='refund',
            name='refund_list_superapp',
        ),
        RemoveIndexOnline(
            model_name='refund',
            name='refund_order_number',
        ),
    ]
