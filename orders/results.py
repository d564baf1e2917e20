"""What a dispatcher writes of what came back: states, attempts, audit entries and mails of many pushes in one transaction."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from console import bulk
from console.bulk import listed
from console.crash import mark
from orders.alerts import send_alerts
from orders.breaker import Outcome, is_trouble
from orders.models import Attempt, Delivery, DeliveryState
from orders.moving import lock_orders, move_deliveries
from orders.outbox import DISPATCHER
from orders.receivers import note_outcomes
from orders.schedule import alert_after, delay_after
from orders.sender import Endpoint, Push, Tried

CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed push. Nothing tried: it was given back unsent."""

    push: Push
    tried: Tried | None


def write_results(results: Sequence[Result]) -> int:
    """Store what came back, in one transaction; returns how many results counted.

    A result is fenced off, its Attempt row apart, when the row is not being delivered any more or was claimed again since.
    """
    with transaction.atomic():
        held = _numbers_in_hand(results)
        current = [result for result in results if held.get(result.push.row.pk) == result.push.number]
        acknowledged = [result.push.row for result in current if _is_acknowledged(result)]
        move_deliveries(
            acknowledged, "acknowledge", actor=DISPATCHER, acknowledged_at=Now(), lease_until=None, next_attempt_at=None
        )
        given_back = [result.push.row for result in current if result.tried is None]
        move_deliveries(given_back, "retry", actor=DISPATCHER, next_attempt_at=Now(), lease_until=None)
        times = _fail([result for result in current if result.tried and not _is_acknowledged(result)])
        note_outcomes(_outcomes(current), chance=CHANCE)
        _keep([result.tried for result in current if result.tried], times)
        counted = {id(result) for result in current}
        late = [result.tried.attempt() for result in results if result.tried and id(result) not in counted]
        Attempt.objects.bulk_create(late, ignore_conflicts=True)
        mark("in-results")
    mark("after-results")
    return len(current)


def _numbers_in_hand(results: Sequence[Result]) -> dict[int, int]:
    """The rows that are still being delivered, locked after their orders, and their attempt numbers."""
    lock_orders(result.push.row.order_id for result in results if result.push.row.order_id)
    ids = listed((result.push.row.pk for result in results), int)
    rows = Delivery.objects.filter(pk__in=ids, state=DeliveryState.DELIVERING)
    return dict(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", "attempt_number"))


def _outcomes(results: Sequence[Result]) -> dict[Endpoint, list[Outcome]]:
    """What the attempts that were really made say about their endpoints."""
    said = defaultdict[Endpoint, list[Outcome]](list)
    for push, attempt in ((result.push, result.tried) for result in results):
        if attempt and attempt.request_headers:  # else nothing was sent
            said[push.endpoint].append(Outcome(is_trouble(attempt.status), push.probe))
    return said


def _is_acknowledged(result: Result) -> bool:
    return result.tried is not None and result.tried.outcome == Attempt.Outcome.ACKNOWLEDGED


def _keep(tried: Sequence[Tried], times: Mapping[int, datetime]) -> None:
    """Insert the attempts. No number can stand there already: each row was still being delivered under it."""
    rows = [
        attempt._replace(next_attempt_at=times[attempt.delivery_id]) if attempt.delivery_id in times else attempt
        for attempt in tried
    ]
    if rows:
        bulk.insert(Attempt, Tried._fields, rows)


def _fail(results: Sequence[Result]) -> dict[int, datetime]:
    """Wait for the next attempt, or park; returns the times of the next attempts by delivery id."""
    now, times, alerts = timezone.now(), dict[int, datetime](), list[tuple[int, str]]()
    for push in (result.push for result in results):
        delay = delay_after(push.step + 1, elapsed=now - push.first_due_at, chance=CHANCE)
        if delay is not None:
            times[push.row.pk] = now + delay * settings.SCHEDULE_FACTOR
        if level := alert_after(push.step + 1, ended=delay is None):
            alerts.append((push.row.mini_program_id, level))
    step, rows = F("schedule_step") + 1, [result.push.row for result in results]
    waiting, ended = [row for row in rows if row.pk in times], [row for row in rows if row.pk not in times]
    if waiting:
        due = Case(*(When(pk=pk, then=Value(at)) for pk, at in times.items()), output_field=DateTimeField())
        move_deliveries(waiting, "retry", actor=DISPATCHER, next_attempt_at=due, schedule_step=step, lease_until=None)
    move_deliveries(ended, "park", actor=DISPATCHER, schedule_step=step, lease_until=None, next_attempt_at=None)
    send_alerts(alerts)
    return times
