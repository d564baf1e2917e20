"""Moves of outbox rows together with the order that shows them, many at once (docs/deliveries.md, "Moves").

Locks are always taken in this order: orders by id, then deliveries by id. Whoever does not wait (SKIP LOCKED) may do as it likes.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from console.audit import build_entry
from console.lifecycle import guarded_move, moves
from console.models import AuditEntry, User
from console.permissions import System
from orders.models import Delivery, Order

#: A move of the goods delivery → the move of the order's delivery axis.
MIRROR = {
    "claim": "start_delivery",
    "acknowledge": "acknowledge_delivery",
    "retry": "queue_delivery",
    "park": "park_delivery",
    "hold": "hold_delivery",
    "resume": "queue_delivery",
    "redeliver": "queue_delivery",
    "cancel": "cancel_delivery",
}
ORDER_COLUMNS = ("pk", "team_id", "superapp_id", "mini_program_id", "out_trade_no", "delivery_state")


def lock_deliveries(rows: "QuerySet[Delivery]") -> list[Delivery]:
    """The rows with their orders, read again under locks that last until the transaction ends."""
    found = list(rows.values_list("pk", "order_id"))
    orders = lock_orders({order_id for _pk, order_id in found if order_id})
    # The conditions of `rows` once more: what moved while we waited for the lock is left out.
    locked = rows.filter(pk__in=[pk for pk, _order_id in found]).order_by("pk").select_for_update(of=("self",))
    return [with_order(row, orders) for row in locked]


def lock_orders(ids: set[int], *, skip_locked: bool = False) -> dict[int, Order]:
    """Orders by id, locked; with `skip_locked` those that somebody else holds are left out."""
    rows = Order.objects.filter(pk__in=ids).order_by("pk").only(*ORDER_COLUMNS)
    return {row.pk: row for row in rows.select_for_update(of=("self",), skip_locked=skip_locked)}


def with_order(row: Delivery, orders: dict[int, Order]) -> Delivery:
    """The row with its order set, so that nothing is read for it again."""
    if row.order_id:
        row.order = orders[row.order_id]
    return row


def move_deliveries(rows: Sequence[Delivery], name: str, *, actor: User | System, note: str = "", **changes: Any) -> int:
    """Make one move of locked rows (`lock_deliveries`) and of their orders; `changes` are set on the rows; returns how many.

    Every row leaves an audit entry, and so does every order. For `claim` and `retry` the Attempt row is the record.
    """
    if not rows:
        return 0
    moved = guarded_move(Delivery.objects.filter(pk__in=[row.pk for row in rows]), name, **changes)
    orders = [row.order for row in rows if row.event == Delivery.Event.GOODS and row.order]
    more = {"delivered_at": Now()} if name == "acknowledge" else {}
    guarded_move(Order.objects.filter(pk__in=[order.pk for order in orders]), MIRROR[name], **more)
    if name not in {"claim", "retry"}:
        entries = [_entry(row, name, actor=actor, note=note) for row in rows]
        entries += [_entry(order, MIRROR[name], actor=actor, note=note) for order in orders]
        AuditEntry.objects.bulk_create(entries)
    return moved


def _entry(row: Delivery | Order, name: str, *, actor: User | System, note: str) -> AuditEntry:
    declared = moves(type(row))[name]
    changes = {declared.field: [getattr(row, declared.field), declared.target]}
    return build_entry(declared.verb, row, actor=actor, changes=changes, note=note)
