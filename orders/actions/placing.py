"""Place an order: the hot SQL, in this one place (docs/openserver.md, "Placing an order"; docs/architecture.md).

Round trips and ORM objects are what an order costs. On PostgreSQL each step is one prepared statement that also writes its audit
entry, so it is a transaction of its own: either all of it is there or nothing. SQLite takes the plain path of the ORM and gives
the same answers; the same tests run on both.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.types.json import Jsonb

from console.audit import ENTRY_COLUMNS, entry_rows, record, subject_of
from console.lifecycle import guarded_move
from console.models import AuditEntry
from console.permissions import System
from console.prepared import fetch
from items.models import Item
from orders.archived import archived_order
from orders.models import DeliveryState, Environment, Notification, Order

ACTOR = System("openServer")
PLACED = {"payment_state": [None, Order.Payment.CREATED], "delivery_state": [None, DeliveryState.NOT_DUE]}
UNPAID = {"payment_state": [Order.Payment.CREATED, Order.Payment.UNPAID]}
# Longer than the superapp's deadline of 10 s: who still holds the lease may still be asking.
LEASE = timedelta(seconds=15)


class Held(NamedTuple):
    """What came of storing a prepay id: whether it was stored, and whether notifications wait for this order."""

    stored: bool
    notified_before: bool


# The foreign key takes KEY SHARE on the item in any case. Taken while the price is compared, it makes an order wait for a release
# under way and then compare with what is on sale after it: the live copy is part of the key (items/models/items.py).
_STORE = """
WITH placed AS (
    INSERT INTO orders_order ({order_columns})
    SELECT {order_values} FROM items_item i
    WHERE i.mini_program_id = %s AND i.id = %s AND {still_sold} FOR KEY SHARE OF i
    ON CONFLICT (mini_program_id, env, out_trade_no) DO NOTHING
    RETURNING id, prepay_lease_until
), noted AS (
    INSERT INTO console_auditentry ({audit_columns}) SELECT {audit_values} FROM placed
)
SELECT prepay_lease_until FROM placed
"""
_STILL_SOLD = {
    Environment.LIVE: "i.on_sale AND i.live_price = %s AND i.live_currency = %s",
    Environment.SANDBOX: "i.state <> 'deleted' AND i.price = %s AND i.currency = %s",
}

_HOLD = """
WITH held AS (
    UPDATE orders_order SET payment_state = 'unpaid', prepay_id = %s, prepay_lease_until = NULL
    WHERE mini_program_id = %s AND id = %s AND payment_state = 'created' AND prepay_lease_until = %s
    RETURNING id
), noted AS (
    INSERT INTO console_auditentry ({audit_columns}) SELECT {audit_values} FROM held
)
SELECT EXISTS (SELECT 1 FROM held),
       EXISTS (SELECT 1 FROM orders_notification n
               WHERE n.order_id IS NULL AND n.superapp_id = %s AND n.env = %s AND n.out_trade_no = %s)
"""


def place(order: Order, *, order_id: int) -> datetime | None:
    """Store a new order in state Created with its audit entry; return the lease until which only the caller asks the superapp.

    `order_id` is the id it gets, drawn before; SQLite draws its own. None when nothing was stored: the number is used, or the
    item is not sold for this price any more.
    """
    if connection.vendor == "postgresql":
        order.pk = order_id
        return _place_in_one_statement(order)
    return _place_plainly(order)


def place_standard(order: Order) -> bool:
    """Store a new order of kind standard in state Created with its audit entry; False when its number is used.

    Nobody holds its lease yet: `claim_prepay` gives it to one of those who ask at once.
    """
    try:
        with transaction.atomic():
            order.save(force_insert=True)
            record("orders.order.place", order, actor=ACTOR, changes=PLACED)
    except IntegrityError:
        if find_twin(order) is None and not is_archived(order):  # another constraint: a fault of ours
            raise
        return False
    return True


def find_twin(order: Order) -> Order | None:
    """Return the stored order with the number of `order`, or None."""
    same = Order.objects.filter(mini_program_id=order.mini_program_id, env=order.env, out_trade_no=order.out_trade_no)
    columns = ("id", "mini_program_id", "request_hash", "payment_state", "prepay_id", "prepay_lease_until", "env", "out_trade_no")
    return same.only(*columns).first()


def is_archived(order: Order) -> bool:
    """Whether the number of `order` was used by one that is in the archive."""
    return archived_order(order.mini_program_id, env=order.env, out_trade_no=order.out_trade_no) is not None


def claim_prepay(order: Order) -> datetime | None:
    """Take the lease of an order in state Created that nobody holds; return it, or None when somebody was first.

    Time is the database's: two web machines whose clocks differ must not both hold it.
    """
    now = _database_now(order)
    if now is None:
        return None
    lease = now + LEASE
    free = Q(prepay_lease_until=None) | Q(prepay_lease_until__lt=now)
    created = _stored_row(order).filter(free, payment_state=Order.Payment.CREATED)
    return lease if created.update(prepay_lease_until=lease) else None


def lease_is_over(order: Order) -> bool:
    """Say whether the lease of an order has ended by the database's clock: its holder crashed."""
    now = _database_now(order)
    return order.prepay_lease_until is not None and now is not None and order.prepay_lease_until < now


def release_prepay(order: Order, lease: datetime) -> None:
    """Give a lease back without a prepay id: the superapp gave none. The order stays Created, and may be asked for again."""
    asked = _stored_row(order).filter(prepay_lease_until=lease, payment_state=Order.Payment.CREATED)
    asked.update(prepay_lease_until=None)


def hold_prepay(order: Order, *, prepay_id: str, lease: datetime) -> Held:
    """Move Created → Unpaid with the prepay id, with its audit entry, if `lease` is still held; return what came of it."""
    if connection.vendor == "postgresql":
        sql, values = _audit_sql(_HOLD), _entry("orders.order.hold_prepay", order, UNPAID)
        waiting = [order.superapp_id, order.env, order.out_trade_no]
        return Held(*fetch(sql, [prepay_id, order.mini_program_id, order.pk, lease, *values, *waiting])[0])
    return _hold_plainly(order, prepay_id, lease)


def keep_late_prepay(order: Order, prepay_id: str) -> None:
    """Note the prepay id of an order that was paid or closed before the superapp's answer came. Its state is not touched."""
    without = _stored_row(order).filter(prepay_id="").exclude(payment_state=Order.Payment.CREATED)
    without.update(prepay_id=prepay_id, prepay_lease_until=None)


# --- PostgreSQL: one prepared statement a step ------------------------------------------------------------------------


def _place_in_one_statement(order: Order) -> datetime | None:
    item = [order.mini_program_id, order.item_id, order.unit_price, order.currency]
    try:
        rows = fetch(_store_sql(order.env), [*_values(order), *item, *_entry("orders.order.place", order, PLACED)])
    except IntegrityError:
        if is_archived(order):  # a trigger refuses its number (orders/archive_guard.py)
            return None
        raise
    return rows[0][0] if rows else None


@cache
def _store_sql(env: int) -> str:
    columns, holes = _columns(Order._meta.concrete_fields)
    lease = f"clock_timestamp() + interval '{LEASE.seconds} seconds'"
    holes = [lease if column == '"prepay_lease_until"' else hole for column, hole in zip(columns, holes, strict=True)]
    return _audit_sql(
        _STORE,
        order_columns=", ".join(columns),
        order_values=", ".join(holes),
        still_sold=_STILL_SOLD[Environment(env)],
    )


@cache
def _audit_sql(template: str, **parts: str) -> str:
    columns, holes = _columns([AuditEntry._meta.get_field(name) for name in ENTRY_COLUMNS])
    # Without a default in the database; an entry is sealed later.
    columns, holes = [*columns, "chain_mac"], [*holes, "''"]
    return template.format(audit_columns=", ".join(columns), audit_values=", ".join(holes), **parts)


def _columns(fields: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Column names and placeholders. The types are stated: a bare parameter in a SELECT list has none."""
    return [f'"{field.column}"' for field in fields], [f"%s::{_type(field)}" for field in fields]


def _type(field: "models.Field[Any, Any]") -> str:
    # Never varchar(n): a cast to it cuts off silently what the column would refuse.
    kind = field.rel_db_type(connection) or ""
    return "text" if kind.startswith("varchar") else kind


def _entry(verb: str, order: Order, changes: dict[str, Any]) -> list[Any]:
    """What is stored of its audit entry."""
    (row,) = entry_rows(verb, [subject_of(order)], actor=ACTOR, changes=[changes])
    return [Jsonb(value) if isinstance(value, dict) else value for value in row]


def _values(order: Order) -> list[Any]:
    """What is stored of an unsaved order, in the order of its columns; the lease is the database's to set."""
    return [adapt(getattr(order, name)) if adapt else getattr(order, name) for name, adapt in _stored()]


@cache
def _stored() -> list[tuple[str, Callable[[Any], Any] | None]]:
    """The attributes that `_values` reads, each with what adapts its value; Django asks every field, 45 times an order."""
    return [(field.attname, _adapter(field)) for field in Order._meta.concrete_fields if field.attname != "prepay_lease_until"]


def _adapter(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    if field.choices:  # members of an enumeration, which psycopg would store by name
        return str if isinstance(field, models.CharField) else int
    return None


# --- SQLite: the ORM --------------------------------------------------------------------------------------------------


def _place_plainly(order: Order) -> datetime | None:
    # BEGIN IMMEDIATE takes the write lock at once, so what is read here cannot change before it is written.
    with transaction.atomic():
        if find_twin(order) or is_archived(order) or not _still_sold(order):
            return None
        order.prepay_lease_until = timezone.now() + LEASE
        order.save(force_insert=True)
        record("orders.order.place", order, actor=ACTOR, changes=PLACED)
    return order.prepay_lease_until


def _still_sold(order: Order) -> bool:
    assert order.item_id is not None, "an order is placed for an item"
    items = Item.objects.filter(mini_program=order.mini_program_id, pk=order.item_id)
    if order.env == Environment.LIVE:
        return items.on_sale().filter(live_price=order.unit_price, live_currency=order.currency).exists()
    return items.existing().filter(price=order.unit_price, currency=order.currency).exists()


def _hold_plainly(order: Order, prepay_id: str, lease: datetime) -> Held:
    with transaction.atomic():
        rows = _stored_row(order).filter(prepay_lease_until=lease)
        stored = guarded_move(rows, "hold_prepay", prepay_id=prepay_id, prepay_lease_until=None) == 1
        if stored:
            record("orders.order.hold_prepay", order, actor=ACTOR, changes=UNPAID)
    kept = Notification.objects.filter(order=None, superapp_id=order.superapp_id, env=order.env, out_trade_no=order.out_trade_no)
    return Held(stored, kept.exists())


# --- Both -------------------------------------------------------------------------------------------------------------


def _stored_row(order: Order) -> "models.QuerySet[Order]":
    """Its row; by the mini program too, which tells where it lies when the table is spread (docs/scale.md)."""
    return Order.objects.filter(mini_program_id=order.mini_program_id, pk=order.pk)


def _database_now(order: Order) -> datetime | None:
    """The time by the database's clock; None when the order was archived meanwhile."""
    return _stored_row(order).annotate(clock=Now()).values_list("clock", flat=True).first()
