"""Moves of outbox rows together with the order that shows them, many at once (docs/deliveries.md, "Moves").

Locks are always taken in this order: orders by id, then deliveries by id. Whoever does not wait (SKIP LOCKED) may do as it likes.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from console.audit import Subject, record_subjects
from console.bulk import listed
from console.lifecycle import guarded_move, moves
from console.models import User
from console.permissions import System
from orders.models import Delivery, Order, Settlement

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


class Row(NamedTuple):
    """What moves and their traces need to know of a delivery; no model instance is made for each of thousands."""

    pk: int
    order_id: int | None
    mini_program_id: int
    team_id: int
    superapp_id: int
    env: int
    event: str
    state: str
    uid: UUID
    url: str = ""  # the order's own; empty: where the push goes
    lane: int = 0
    out_trade_no: str = ""
    order_state: str = ""

    @property
    def own_url(self) -> bool:
        """Whether the order says itself where it goes."""
        return bool(self.url)

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """That of a model instance, whose order is not looked at."""
        return cls(*(getattr(delivery, name) for name in COLUMNS))


#: The columns that stand in the delivery itself.
COLUMNS = Row._fields[:-2]
#: Orders by id: their numbers and delivery states.
Orders = dict[int, tuple[str, str]]


def lock_deliveries(rows: "QuerySet[Delivery]") -> list[Row]:
    """The rows with their orders, read again under locks that last until the transaction ends."""
    found = list(rows.values_list("pk", "order_id"))
    orders = lock_orders(order_id for _pk, order_id in found if order_id)
    # The conditions of `rows` once more: what moved while we waited for the lock is left out.
    locked = rows.filter(pk__in=listed((pk for pk, _order_id in found), int)).order_by("pk").select_for_update(no_key=True)
    return [with_order(Row(*values), orders) for values in locked.values_list(*COLUMNS)]


def lock_orders(ids: Iterable[int], *, skip_locked: bool = False) -> Orders:
    """Orders by id, locked; with `skip_locked` those that somebody else holds are left out."""
    rows = Order.objects.filter(pk__in=listed(set(ids), int)).order_by("pk")
    # NO KEY, as in console.lifecycle: rows that point to the order can be inserted meanwhile.
    locked = rows.select_for_update(skip_locked=skip_locked, no_key=True)
    return {pk: (number, state) for pk, number, state in locked.values_list("pk", "out_trade_no", "delivery_state")}


def with_order(row: Row, orders: Orders) -> Row:
    """The row with what its order is called and where it stands."""
    if not row.order_id:
        return row
    number, state = orders[row.order_id]
    return row._replace(out_trade_no=number, order_state=state)


def move_deliveries(rows: Sequence[Row], name: str, *, actor: User | System, note: str = "", **changes: Any) -> int:
    """Make one move of locked rows (`lock_deliveries`) and of their orders; `changes` are set on the rows; returns how many.

    Every row leaves an audit entry, and so does every order. For `claim` and `retry` the Attempt row is the record.
    """
    if not rows:
        return 0
    moved = guarded_move(Delivery.objects.filter(pk__in=listed((row.pk for row in rows), int)), name, **changes)
    goods = [row for row in rows if row.event == Delivery.Event.GOODS and row.order_id]
    ids = listed((row.order_id for row in goods if row.order_id), int)
    orders = Order.objects.filter(pk__in=ids)
    more = {"delivered_at": Now()} if name == "acknowledge" else {}
    guarded_move(orders, MIRROR[name], **more)
    if name == "resume":
        # Whoever settled them as held did not mean the next time: if they are held again, they are on the mismatch desk again.
        Settlement.objects.filter(case=Settlement.HELD, subject__in=ids).delete()
    if name not in {"claim", "retry"}:
        first, second = moves(Delivery)[name], moves(Order)[MIRROR[name]]
        changed = [{first.field: [row.state, first.target]} for row in rows]
        record_subjects(first.verb, [_delivery(row) for row in rows], actor=actor, changes=changed, note=note)
        changed = [{second.field: [row.order_state, second.target]} for row in goods]
        record_subjects(second.verb, [_order(row) for row in goods], actor=actor, changes=changed, note=note)
    return moved


def _delivery(row: Row) -> Subject:
    label = f"{_event_label(row.event)} {row.out_trade_no or row.uid}"  # as Delivery.__str__
    return Subject(row.team_id, row.superapp_id, row.mini_program_id, "orders.delivery", str(row.pk), label)


def _order(row: Row) -> Subject:
    return Subject(row.team_id, row.superapp_id, row.mini_program_id, "orders.order", str(row.order_id), row.out_trade_no)


@cache
def _event_label(event: str) -> str:
    return str(Delivery.Event(event).label)
