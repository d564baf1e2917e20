"""The dispatcher's side of the database: claim due rows, write results (docs/deliveries.md, "The outbox").

Every function is one transaction. Leases are by database time; a result counts only for the attempt number that was claimed.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from console.crash import mark
from console.permissions import System
from orders.actions.delivery import push_url
from orders.alerts import send_alerts
from orders.models import Attempt, Delivery, DeliveryState
from orders.moving import lock_deliveries, lock_orders, move_deliveries, with_order
from orders.schedule import alert_after, delay_after
from orders.sender import Push
from payments.keys import accepted_keys
from payments.models import DeliveryConfig

DISPATCHER = System("dispatcher")
LEASE = timedelta(seconds=30)
CHANCE = random.SystemRandom()

#: A receiver: mini program id and environment.
Endpoint = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed push. No attempt: it was given back unsent."""

    push: Push
    attempt: Attempt | None


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
        found = list(due.order_by("next_attempt_at")[:limit].select_for_update(of=("self",), skip_locked=True))
        rows = _with_free_orders(_within_room(found, room, usual_room))
        configs = DeliveryConfig.objects.in_bulk({row.mini_program_id for row in rows}, field_name="mini_program_id")
        urls = {row.pk: row.url or push_url(configs.get(row.mini_program_id), env=row.env) for row in rows}
        move_deliveries([row for row in rows if not urls[row.pk]], "hold", actor=DISPATCHER, next_attempt_at=None)
        sent = [row for row in rows if urls[row.pk]]
        until = ExpressionWrapper(Now() + Value(lease), output_field=DateTimeField())
        move_deliveries(sent, "claim", actor=DISPATCHER, attempt_number=F("attempt_number") + 1, lease_until=until)
        pushes = _pushes(sent, urls)
    mark("after-claim")
    return Claim(pushes, len(found) == limit or len(rows) < len(found))


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
        return move_deliveries(
            rows, "resume", actor=DISPATCHER, next_attempt_at=Now(), first_due_at=Now(), schedule_step=0
        )


def write_results(results: list[Result]) -> int:
    """Store what came back, in one transaction; returns how many results counted.

    A result is fenced off, its Attempt row apart, when the row is not being delivered any more or was claimed again since.
    """
    with transaction.atomic():
        ids = [result.push.delivery_id for result in results]
        rows = {row.pk: row for row in lock_deliveries(Delivery.objects.filter(pk__in=ids))}
        current = [result for result in results if _is_current(rows[result.push.delivery_id], result.push)]
        acknowledged = [result for result in current if _is_acknowledged(result)]
        _acknowledge([rows[result.push.delivery_id] for result in acknowledged])
        _give_back([rows[result.push.delivery_id] for result in current if result.attempt is None])
        _fail([result for result in current if result.attempt and not _is_acknowledged(result)], rows)
        Attempt.objects.bulk_create([result.attempt for result in results if result.attempt], ignore_conflicts=True)
        mark("in-results")
    mark("after-results")
    return len(current)


def _due(room: Mapping[Endpoint, int]) -> "QuerySet[Delivery]":
    rows = Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now())
    for (program_id, env), free in room.items():
        if free <= 0:
            rows = rows.exclude(mini_program_id=program_id, env=env)
    return rows


def _within_room(rows: list[Delivery], room: Mapping[Endpoint, int], usual: int) -> list[Delivery]:
    left, kept = dict(room), []
    for row in rows:
        endpoint = (row.mini_program_id, row.env)
        left[endpoint] = left.get(endpoint, usual) - 1
        if left[endpoint] >= 0:
            kept.append(row)
    return kept


def _with_free_orders(rows: list[Delivery]) -> list[Delivery]:
    """The rows whose orders nobody else holds. We do not wait for an order while we hold rows: its holder may wait for them."""
    orders = lock_orders({row.order_id for row in rows if row.order_id}, skip_locked=True)
    return [with_order(row, orders) for row in rows if not row.order_id or row.order_id in orders]


def _pushes(rows: list[Delivery], urls: Mapping[int, str]) -> list[Push]:
    endpoints = {(row.mini_program_id, row.env) for row in rows}
    keys = {endpoint: [key.text for key in accepted_keys(*endpoint)] for endpoint in endpoints}
    pushes = []
    for row in rows:
        row.attempt_number += 1  # as the claim did in the database
        pushes.append(Push.of(row, url=urls[row.pk], app_keys=keys[row.mini_program_id, row.env]))
    return pushes


def _is_current(row: Delivery, push: Push) -> bool:
    return row.state == DeliveryState.DELIVERING and row.attempt_number == push.number


def _is_acknowledged(result: Result) -> bool:
    return result.attempt is not None and result.attempt.outcome == Attempt.Outcome.ACKNOWLEDGED


def _acknowledge(rows: list[Delivery]) -> None:
    move_deliveries(rows, "acknowledge", actor=DISPATCHER, acknowledged_at=Now(), lease_until=None, next_attempt_at=None)


def _give_back(rows: list[Delivery]) -> None:
    move_deliveries(rows, "retry", actor=DISPATCHER, next_attempt_at=Now(), lease_until=None)


def _fail(results: Iterable[Result], rows: Mapping[int, Delivery]) -> None:
    now, times, ended, alerts = timezone.now(), dict[int, datetime](), list[Delivery](), list[tuple[int, str]]()
    for push, attempt in ((result.push, result.attempt) for result in results):
        assert attempt is not None
        delay = delay_after(push.step + 1, elapsed=now - push.first_due_at, chance=CHANCE)
        if delay is None:
            ended.append(rows[push.delivery_id])
        else:
            times[push.delivery_id] = attempt.next_attempt_at = now + delay * settings.SCHEDULE_FACTOR
        if level := alert_after(push.step + 1, ended=delay is None):
            alerts.append((push.mini_program_id, level))
    _retry([rows[pk] for pk in times], times)
    move_deliveries(ended, "park", actor=DISPATCHER, schedule_step=F("schedule_step") + 1, lease_until=None, next_attempt_at=None)
    send_alerts(alerts)


def _retry(rows: list[Delivery], times: Mapping[int, datetime]) -> None:
    if rows:
        due = Case(*(When(pk=pk, then=Value(at)) for pk, at in times.items()), output_field=DateTimeField())
        step = F("schedule_step") + 1
        move_deliveries(rows, "retry", actor=DISPATCHER, next_attempt_at=due, schedule_step=step, lease_until=None)
