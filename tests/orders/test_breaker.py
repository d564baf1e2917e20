"""Sparing an endpoint in trouble: the decisions in virtual time, and the rows that dispatchers share."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from console.http_messages import Answer
from console.models import AuditEntry, OutgoingMail
from orders.actions.delivery import hold_all, resume_all
from orders.breaker import (
    FIRST_RATE,
    LED_BACK,
    OPENS_AFTER,
    PROBE,
    RESTS,
    Health,
    Outcome,
    after,
    allowed,
    begun,
    is_trouble,
    led_back,
)
from orders.lanes import LANES, PUSH, lane_of
from orders.models import Delivery, Order, Receiver
from orders.outbox import claim
from orders.results import Result, write_results
from orders.sender import outgoing, tried
from orders.sweeping import forget_recovered, park_ended
from payments.models import DeliveryConfig
from tests.orders.shop import SUPERAPP, new_order, open_push, pay

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TROUBLE, FINE, PROBED = Outcome(True), Outcome(False), Outcome(True, probe=True)


class Middle(random.Random):
    """No jitter."""

    def uniform(self, a, b):
        return (a + b) / 2


def said(health, *outcomes, now=NOW):
    return after(health, outcomes, now=now, chance=Middle())


def seconds(number):
    return timedelta(seconds=number)


def resting(now=NOW):
    return said(Health(), *[TROUBLE] * OPENS_AFTER, now=now)


# --- Decisions ------------------------------------------------------------------------------------------------------


def test_ten_failures_in_a_row_and_not_nine_make_it_rest():
    nine = said(Health(), *[TROUBLE] * 9)
    assert allowed(nine, NOW) is None
    assert said(nine, FINE) == Health()
    assert allowed(said(nine, TROUBLE), NOW) == 0


def test_it_rests_longer_each_time_but_never_longer_than_a_minute_and_gets_one_probe_each_time():
    health, now, rests = resting(), NOW, []
    for _time in range(8):
        assert allowed(health, health.rests_until - seconds(0.001)) == 0
        assert allowed(health, health.rests_until) == 1
        rests.append((health.rests_until - now).total_seconds())
        now = health.rests_until
        health = begun(health, 1, now)
        assert (allowed(health, now), allowed(health, now + PROBE)) == (0, 1), "a probe that was lost is replaced"
        health = said(health, PROBED, now=now)
    assert rests == [5, 10, 20, 40, 60, 60, 60, 60] and RESTS[-1] == 60


def test_what_was_under_way_does_not_prolong_the_rest():
    health = resting()
    assert said(health, TROUBLE, TROUBLE).rests_until == health.rests_until


def test_jitter_stays_within_a_fifth():
    rests = {after(resting(), [PROBED], now=NOW, chance=random.Random(seed)).rests_until - NOW for seed in range(50)}
    assert len(rests) == 50 and all(seconds(8) <= rest <= seconds(12) for rest in rests)


def test_five_thousand_that_waited_come_back_in_a_ramp_and_not_at_once():
    health, now, sent = said(resting(), Outcome(False, probe=True)), NOW, []
    while sum(sent) < 5000:
        count = allowed(health, now)
        count = 5000 - sum(sent) if count is None else count
        health, now = begun(health, count, now), now + seconds(0.1)
        sent.append(count)
    in_seconds = [sum(sent[start : start + 10]) for start in range(0, len(sent), 10)]
    assert in_seconds[0] <= 2 * FIRST_RATE
    assert all(count <= FIRST_RATE * 2 ** (second / 10 + 1) + 1 for second, count in enumerate(in_seconds))
    assert 50 <= len(in_seconds) <= 90, "neither a flood nor a trickle"


def test_three_failures_on_the_way_back_make_it_rest_again_for_the_shortest_time():
    health = said(led_back(NOW), TROUBLE, TROUBLE, TROUBLE)
    assert health.rests_until == NOW + seconds(5)
    assert said(led_back(NOW), TROUBLE, TROUBLE, FINE, TROUBLE).rests_until is None


def test_once_it_is_led_back_it_is_healthy():
    assert allowed(led_back(NOW), NOW + LED_BACK) is None
    assert said(led_back(NOW), FINE, now=NOW + LED_BACK) == Health()


def test_a_refusal_of_one_push_says_nothing_against_the_endpoint():
    assert [is_trouble(status) for status in (None, 429, 500, 503, 200, 302, 404)] == [True] * 4 + [False] * 3


# --- Rows -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def program(starfall, team_admin, db):
    starfall.keys = open_push(starfall, team_admin, "http://127.0.0.1:1/")
    return starfall


def orders(program, count):
    for number in range(count):
        pay(new_order(program, f"ORDER-{number}"), program.keys[0])


def take(limit=100):
    return claim(limit=limit, room={}, usual_room=100).pushes


def answer(pushes, status):
    body = b'{"returnCode": "0"}' if status == 200 else b""
    results = [
        Result(push, tried(push, outgoing(push), Answer(status=status, body=body), started_at=timezone.now())) for push in pushes
    ]  # fmt: skip
    return write_results(results)


def make_due():
    Delivery.objects.filter(state="pending").update(next_attempt_at=timezone.now())


def end_rest():
    Receiver.objects.update(rests_until=timezone.now())


def test_a_broken_endpoint_gets_one_probe_of_the_oldest_event_and_nothing_is_dropped(program):
    orders(program, 12)
    answer(take(), 500)
    make_due()
    assert take() == [], "it rests"
    end_rest()
    (probe,) = take()
    assert (probe.probe, probe.row.out_trade_no) == (True, "ORDER-0")
    assert take() == [], "one at a time, for all dispatchers"
    assert Delivery.objects.filter(state="pending").count() == 11


def test_an_answered_probe_leads_it_back_with_few_at_a_time(program):
    orders(program, 30)
    answer(take(), 503)
    make_due()
    end_rest()
    answer(take(), 200)
    first = take()
    assert 1 <= len(first) <= 6
    assert take() == []
    answer(first, 200)
    Receiver.objects.update(recovering_since=timezone.now() - LED_BACK)
    assert len(take()) == 29 - len(first)
    forget_recovered(timezone.now())
    assert not Receiver.objects.exists()


def test_answers_that_refuse_do_not_make_it_rest(program):
    orders(program, 12)
    answer(take(), 404)
    make_due()
    assert len(take()) == 12 and not Receiver.objects.exists()


def test_another_endpoint_is_not_spared(program, harbor_reader, team_admin):
    keys = open_push(harbor_reader, team_admin, "http://127.0.0.1:1/")
    orders(program, 12)
    answer(take(), None)
    make_due()
    pay(new_order(harbor_reader), keys[0])
    assert [push.row.mini_program_id for push in take()] == [harbor_reader.pk]


def own(number, url, env=0):
    """Make an event one for an address that its order brought."""
    Delivery.objects.filter(order__out_trade_no=number).update(url=url, lane=lane_of(url), env=env)


def numbers(pushes):
    return {push.row.out_trade_no for push in pushes}


def test_a_dead_notify_url_slows_neither_the_push_nor_another_notify_url_of_the_same_program(program):
    orders(program, 14)
    for number in range(12):
        own(f"ORDER-{number}", f"https://dead.example/told?order={number}")
    own("ORDER-12", "https://well.example/told")
    everything = take()
    assert len(everything) == 14
    answer([push for push in everything if "dead" in push.url], None)
    answer([push for push in everything if "dead" not in push.url], 404)
    make_due()
    assert numbers(take()) == {"ORDER-12", "ORDER-13"}, "the dead address rests, and nothing else"
    (row,) = Receiver.objects.all()
    assert (row.mini_program, row.env, row.lane) == (program, 0, lane_of("https://dead.example/"))


def test_a_dead_test_url_does_not_slow_the_live_one(program, team_admin):
    DeliveryConfig.objects.update(test_url="http://127.0.0.1:2/")
    orders(program, 13)
    Delivery.objects.exclude(order__out_trade_no="ORDER-12").update(env=1)
    answer([push for push in take() if push.row.env == 1], None)
    assert Receiver.objects.get().env == 1
    Delivery.objects.filter(state="delivering").update(state="pending")
    make_due()
    assert numbers(take()) == {"ORDER-12"}


def test_a_full_notify_url_leaves_room_for_the_push(program):
    orders(program, 3)
    own("ORDER-0", "https://dead.example/")
    dead = (program.pk, 0, lane_of("https://dead.example/"))
    assert numbers(claim(limit=10, room={dead: 0}, usual_room=1).pushes) == {"ORDER-1"}


def test_an_origin_is_one_lane_and_a_program_has_no_more_than_its_lanes():
    same = ["https://a.example/", "https://A.example/other?x=1", "https://a.example"]
    assert len({lane_of(url) for url in same}) == 1
    lanes = {lane_of(f"https://host-{number}.example/") for number in range(1000)}
    assert lanes == set(range(1, LANES + 1)) and lane_of("") == PUSH == 0
    assert lane_of("http://a.example/") != lane_of("https://a.example/")


def test_what_is_resumed_after_a_hold_comes_in_a_ramp(program):
    orders(program, 30)
    hold_all(program, actor=SUPERAPP)
    resume_all(program, actor=SUPERAPP)
    assert 1 <= len(take()) <= 6


def test_at_the_end_of_the_schedule_what_had_no_turn_needs_attention_with_one_mail(program):
    orders(program, 12)
    answer(take(), None)
    make_due()
    assert park_ended() == 0
    Delivery.objects.update(first_due_at=timezone.now() - timedelta(days=31))
    assert park_ended() == 12
    assert set(Order.objects.values_list("delivery_state", flat=True)) == {"needs_attention"}
    entries = AuditEntry.objects.filter(verb="orders.delivery.park").values_list("changes", flat=True)
    assert list(entries) == [{"state": ["delivering", "needs_attention"]}] * 12
    assert OutgoingMail.objects.count() == 1
