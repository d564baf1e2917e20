"""The dispatcher's side of the database: claim due rows, write results (docs/deliveries.md, "The outbox").

Every function is one transaction. Leases are by database time; a result counts only for the attempt number that was claimed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Now

from console.crash import mark
from console.permissions import System
from orders.actions.delivery import push_url
from orders.models import Delivery, DeliveryState
from orders.moving import COLUMNS, Row, lock_deliveries, lock_orders, move_deliveries, with_order
from orders.sender import Endpoint, Push
from payments.keys import LIVE, SANDBOX, keys_of_programs
from payments.models import DeliveryConfig

DISPATCHER = System("dispatcher")
LEASE = timedelta(seconds=30)


class Claim(NamedTuple):
    """What a dispatcher has in hand now, and whether more may be due."""

    pushes: list[Push]
    more: bool


def claim(*, limit: int, room: Mapping[Endpoint, int], usual_room: int, lease: timedelta = LEASE) -> Claim:
    """Take due rows, at most `limit` and at most `room` for each endpoint (`usual_room` for one that is not in it).

    Rows that others hold are skipped. Rows whose push is off meanwhile are held instead.
    """
    due = _due(room)
    if not due.exists():  # a read: a claim would lock out other writers on SQLite
        return Claim([], False)
    with transaction.atomic():
        found = _found(due, limit)
        pushes = _with_free_orders(_within_room(found, room, usual_room))
        configs = DeliveryConfig.objects.in_bulk({push.row.mini_program_id for push in pushes}, field_name="mini_program_id")
        urls = {push.row.pk: push.url or push_url(configs.get(push.row.mini_program_id), env=push.row.env) for push in pushes}
        off = [push.row for push in pushes if not urls[push.row.pk]]
        move_deliveries(off, "hold", actor=DISPATCHER, next_attempt_at=None)
        sent = [push for push in pushes if urls[push.row.pk]]
        until = ExpressionWrapper(Now() + Value(lease), output_field=DateTimeField())
        number = F("attempt_number") + 1
        move_deliveries([push.row for push in sent], "claim", actor=DISPATCHER, attempt_number=number, lease_until=until)
        sent = _with_keys(sent, urls)
    mark("after-claim")
    return Claim(sent, len(found) == limit or len(pushes) < len(found))


def reclaim() -> int:
    """Make due again what a dispatcher had in hand when it died: its lease is over. Returns how many."""
    late = Delivery.objects.filter(state=DeliveryState.DELIVERING, lease_until__lt=Now())
    if not late.exists():
        return 0
    with transaction.atomic():
        rows = lock_deliveries(late)
        return move_deliveries(rows, "retry", actor=DISPATCHER, next_attempt_at=Now(), lease_until=None)


def resume_ready(limit: int = 500) -> int:
    """Make due what is held although its push is on and has an address: the address was set since. Returns how many."""
    ready = Q(mini_program__delivery_config__enabled=True)
    ready &= Q(env=0) | ~Q(mini_program__delivery_config__test_url="")
    held = Delivery.objects.filter(ready, state=DeliveryState.HELD)
    ids = list(held.values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    with transaction.atomic():
        rows = lock_deliveries(Delivery.objects.filter(pk__in=ids, state=DeliveryState.HELD))
        return move_deliveries(rows, "resume", actor=DISPATCHER, next_attempt_at=Now(), first_due_at=Now(), schedule_step=0)


def _due(room: Mapping[Endpoint, int]) -> "QuerySet[Delivery]":
    rows = Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now())
    for (program_id, env), free in room.items():
        if free <= 0:
            rows = rows.exclude(mini_program_id=program_id, env=env)
    return rows


def _found(due: "QuerySet[Delivery]", limit: int) -> list[Push]:
    """The oldest due rows, locked, as the pushes they will be: keys are still to be set, and addresses of those without one."""
    locked = due.order_by("next_attempt_at")[:limit].select_for_update(skip_locked=True, no_key=True)
    values = locked.values_list(*COLUMNS, "attempt_number", "body", "url", "schedule_step", "first_due_at")
    return [
        Push(Row(*row), number + 1, body.encode(), url, (), step, first_due_at)
        for *row, number, body, url, step, first_due_at in values
    ]  # fmt: skip


def _within_room(pushes: list[Push], room: Mapping[Endpoint, int], usual: int) -> list[Push]:
    left, kept = dict(room), []
    for push in pushes:
        left[push.endpoint] = left.get(push.endpoint, usual) - 1
        if left[push.endpoint] >= 0:
            kept.append(push)
    return kept


def _with_free_orders(pushes: list[Push]) -> list[Push]:
    """Those whose orders nobody else holds. We do not wait for an order while we hold rows: its holder may wait for them."""
    orders = lock_orders((push.row.order_id for push in pushes if push.row.order_id), skip_locked=True)
    free = [push for push in pushes if not push.row.order_id or push.row.order_id in orders]
    return [push._replace(row=with_order(push.row, orders)) for push in free]


def _with_keys(pushes: list[Push], urls: Mapping[int, str]) -> list[Push]:
    """As they stand after the claim, with what is needed to send them."""
    programs = {env: {push.row.mini_program_id for push in pushes if push.row.env == env} for env in (LIVE, SANDBOX)}
    keys = {env: keys_of_programs(ids, env) for env, ids in programs.items() if ids}
    texts = {(program, env): [key.text for key in found] for env in keys for program, found in keys[env].items()}
    now = DeliveryState.DELIVERING.value
    rows = (push.row._replace(state=now, order_state=now) for push in pushes)
    return [
        push._replace(row=row, url=urls[row.pk], app_keys=texts.get((row.mini_program_id, row.env), []))
        for push, row in zip(pushes, rows, strict=True)
    ]
