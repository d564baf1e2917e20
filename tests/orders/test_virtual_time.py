"""Schedule and breaker together, to day 30 and Needs attention: many rows by decisions alone, one through the database."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from console.http_messages import Answer
from console.models import AuditEntry, OutgoingMail
from orders.breaker import FIRST_RATE, Health, Outcome, after, allowed, begun
from orders.models import Attempt, Delivery, DeliveryAlert, Order, Receiver
from orders.outbox import claim
from orders.results import Result, write_results
from orders.schedule import DELAYS, END, delay_after
from orders.sender import outgoing, tried
from orders.sweeping import sweep
from tests.orders.shop import new_order, open_push, pay

START = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Row:
    """A delivery. `tries` are the times of its attempts."""

    first_due: datetime
    next: datetime | None
    tries: list[datetime] = field(default_factory=list)
    state: str = "pending"


def live(rows: list[Row], answers: Callable[[datetime], bool], chance: random.Random) -> Health:
    """Let time pass, from event to event, until no row waits: what dispatchers do, with their decisions and without a clock."""
    health, now = Health(), START
    while waiting := [row for row in rows if row.next]:
        now = max(now, min(row.next for row in waiting if row.next))
        if health.rests_until:
            now = max(now, health.rests_until)
        due = sorted((row for row in waiting if row.next and row.next <= now), key=lambda row: row.first_due)
        if health.rests_until:  # as orders.sweeping.park_ended does
            for row in [row for row in due if now - row.first_due > END]:
                row.state, row.next = "needs_attention", None
                due.remove(row)
        count = allowed(health, now)
        if count == 0:
            now += SECOND / 10
        taken = due if count is None else due[:count]
        probe, health = health.rests_until is not None, begun(health, len(taken), now)
        for row in taken:
            row.tries.append(now)
            health = after(health, [Outcome(not answers(now), probe)], now=now, chance=chance)
            if answers(now):
                row.state, row.next = "delivered", None
            else:
                delay = delay_after(len(row.tries), elapsed=now - row.first_due, chance=chance)
                row.state, row.next = ("pending", now + delay) if delay else ("needs_attention", None)
    return health


def paid_in_an_hour(count: int) -> list[Row]:
    return [Row(due, due) for due in (START + number * timedelta(hours=1) / count for number in range(count))]


def test_sixty_rows_of_a_backend_that_never_answers_are_tried_to_day_30_and_then_need_attention():
    rows = paid_in_an_hour(60)
    live(rows, lambda _now: False, random.Random(1))
    assert {row.state for row in rows} == {"needs_attention"}
    whole = len(DELAYS) + 1 + 29 * 4  # attempts of a schedule that nothing delays
    for row in rows:
        assert whole * 0.8 <= len(row.tries) <= whole * 1.25
        assert END - timedelta(hours=8) <= row.tries[-1] - row.first_due <= END + timedelta(hours=2), (
            "until day 30, and no longer"
        )
    begun_in = Counter(int((at - START) / timedelta(minutes=1)) for row in rows for at in row.tries)
    assert max(count for minute, count in begun_in.items() if minute > 60) <= 2, "a broken backend gets a probe a minute"


@pytest.mark.parametrize("seed", range(3))
def test_one_that_comes_back_on_day_12_gets_everything_in_a_ramp_within_a_schedules_longest_pause(seed):
    back, rows = START + timedelta(days=12), paid_in_an_hour(60)
    health = live(rows, lambda now: now >= back, random.Random(seed))
    assert {row.state for row in rows} == {"delivered"} and not health.rests_until
    last = [row.tries[-1] for row in rows]
    assert all(back <= at <= back + timedelta(hours=7.3) for at in last)
    assert max(Counter(int((at - back) / SECOND) for at in last).values()) <= 2 * FIRST_RATE


def pass_time() -> bool:
    """Move what the database knows into the past, so that the next thing is due now; False when nothing waits."""
    row = Delivery.objects.get()
    if row.next_attempt_at is None:
        return False
    rests = Receiver.objects.exclude(rests_until=None).values_list("rests_until", flat=True).first()
    gap = max(row.next_attempt_at, rests or row.next_attempt_at) - timezone.now() + timedelta(milliseconds=1)
    Delivery.objects.update(first_due_at=F("first_due_at") - gap, next_attempt_at=F("next_attempt_at") - gap)
    Receiver.objects.update(rests_until=F("rests_until") - gap)
    DeliveryAlert.objects.update(sent_at=F("sent_at") - gap)
    return True


@pytest.mark.django_db
def test_a_row_through_the_database_to_day_30_is_parked_with_its_four_mails(starfall, team_admin):
    pay(new_order(starfall), open_push(starfall, team_admin, "http://127.0.0.1:1/")[0])
    rested = False
    while pass_time():
        sweep()
        for push in claim(limit=10, room={}, usual_room=8).pushes:
            answer = tried(push, outgoing(push), Answer(error_class="timeout"), started_at=timezone.now())
            write_results([Result(push, answer)])
            rested |= push.probe
    assert (Delivery.objects.get().state, Order.objects.get().delivery_state) == ("needs_attention", "needs_attention")
    assert rested and 105 <= Attempt.objects.count() <= 165
    assert AuditEntry.objects.filter(verb="orders.delivery.park").count() == 1
    said = OutgoingMail.objects.order_by("pk").values_list("body", flat=True)
    assert [next(word for word in ("six times", "24 hours", "7 days", "within 30 days") if word in body) for body in said] == [
        "six times", "24 hours", "7 days", "within 30 days",
    ]  # fmt: skip
