"""The dispatcher's side of the database: claim due rows, write results (docs/deliveries.md, "The outbox").

Every function is one transaction. Leases are by database time; a result counts only for the attempt number that was claimed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Now
from django.utils import timezone

from console.crash import mark
from console.permissions import System
from orders.actions.delivery import push_url
from orders.breaker import Health, allowed
from orders.models import Delivery, DeliveryState
from orders.moving import COLUMNS, Row, lock_orders, move_deliveries, with_order
from orders.receivers import ENDPOINT, note_begun, spared, take_turns
from orders.sender import Endpoint, Push
from payments.client_certificates import contexts_of
from payments.keys import LIVE, SANDBOX, keys_of_programs
from payments.models import DeliveryConfig

DISPATCHER = System("dispatcher")
LEASE = timedelta(seconds=30)
TURNS = 20  # spared endpoints of one claim


class Claim(NamedTuple):
    """What a dispatcher has in hand now, and whether more may be due."""

    pushes: list[Push]
    more: bool


def claim(*, limit: int, room: Mapping[Endpoint, int], usual_room: int, lease: timedelta = LEASE) -> Claim:
    """Take due rows, at most `limit` and at most `room` for each endpoint (`usual_room` for one that is not in it).

    Rows that others hold are skipped. Of endpoints that the breaker spares only a few are taken, oldest events first. Rows whose
    push is off meanwhile are held instead.
    """
    now = timezone.now()
    spare = spared(now)
    full = {endpoint for endpoint, free in room.items() if free <= 0}
    due = _due().exclude(of_endpoints(full | spare.keys()))
    turns = _with_due_rows(endpoint for endpoint in spare if spare[endpoint] > 0 and endpoint not in full)
    if not turns and not due.exists():  # a read: a claim would lock out other writers on SQLite
        return Claim([], False)
    with transaction.atomic():
        found = _found(due.order_by("next_attempt_at")[:limit])
        taken = take_turns(turns[:TURNS], now)
        pushes = _with_free_orders(_within_room(found, room, usual_room) + _of_spared(taken, now))
        sent = _sendable(pushes)
        until = ExpressionWrapper(Now() + Value(lease), output_field=DateTimeField())
        number = F("attempt_number") + 1
        move_deliveries([push.row for push in sent], "claim", actor=DISPATCHER, attempt_number=number, lease_until=until)
        note_begun(taken, Counter(push.endpoint for push in sent), now)
        sent = _with_keys(sent)
    mark("after-claim")
    return Claim(sent, len(found) == limit or len(pushes) < len(found))


def _due() -> "QuerySet[Delivery]":
    return Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now())


def of_endpoints(endpoints: Iterable[Endpoint]) -> Q:
    """The rows of these endpoints."""
    groups = defaultdict[tuple[int, int], list[int]](list)
    for program_id, env, lane in endpoints:
        groups[env, lane].append(program_id)
    found = Q(pk__in=[])  # none
    for (env, lane), programs in groups.items():
        found |= Q(env=env, lane=lane, mini_program_id__in=programs)
    return found


def _with_due_rows(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    wanted = list(endpoints)
    if not wanted:
        return []
    due = set(_due().filter(of_endpoints(wanted)).values_list(*ENDPOINT).distinct())
    return [endpoint for endpoint in wanted if endpoint in due]


def _found(due: "QuerySet[Delivery]") -> list[Push]:
    """These rows, locked, as the pushes they will be: address and keys are still to be set."""
    locked = due.select_for_update(skip_locked=True, no_key=True)
    values = locked.values_list(*COLUMNS, "attempt_number", "body", "schedule_step", "first_due_at")
    return [
        Push(Row(*row), number + 1, body.encode(), "", (), step, first_due_at)
        for *row, number, body, step, first_due_at in values
    ]  # fmt: skip


def _of_spared(taken: Mapping[Endpoint, Health], now: datetime) -> list[Push]:
    """The oldest events first: so at least they keep to their schedule, and its alerts come in time."""
    pushes = []
    for endpoint, health in taken.items():
        found = _found(_due().filter(of_endpoints([endpoint])).order_by("first_due_at")[: allowed(health, now)])
        pushes += [push._replace(probe=health.rests_until is not None) for push in found]
    return pushes


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


def _sendable(pushes: list[Push]) -> list[Push]:
    """With their addresses; those that have none now are held."""
    configs = DeliveryConfig.objects.in_bulk({push.row.mini_program_id for push in pushes}, field_name="mini_program_id")
    urls = {push.row.pk: push.row.url or push_url(configs.get(push.row.mini_program_id), env=push.row.env) for push in pushes}
    move_deliveries([push.row for push in pushes if not urls[push.row.pk]], "hold", actor=DISPATCHER, next_attempt_at=None)
    return [push._replace(url=urls[push.row.pk]) for push in pushes if urls[push.row.pk]]


def _with_keys(pushes: list[Push]) -> list[Push]:
    """As they stand after the claim, with what signs them."""
    programs = {env: {push.row.mini_program_id for push in pushes if push.row.env == env} for env in (LIVE, SANDBOX)}
    keys = {env: keys_of_programs(ids, env) for env, ids in programs.items() if ids}
    texts = {(program, env): [key.text for key in found] for env in keys for program, found in keys[env].items()}
    now = DeliveryState.DELIVERING.value
    rows = (push.row._replace(state=now, order_state=now) for push in pushes)
    # It is for where the push goes, and nobody else's business: an address that an order brings does not see it.
    shown = contexts_of({push.row.mini_program_id for push in pushes if not push.row.own_url})
    return [
        push._replace(
            row=row,
            tls=None if row.own_url else shown.get(row.mini_program_id),
            app_keys=texts.get((row.mini_program_id, row.env), []),
        )
        for push, row in zip(pushes, rows, strict=True)
    ]
