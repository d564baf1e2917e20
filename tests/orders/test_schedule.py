"""The schedule in virtual time, and what answers mean."""

import random
from datetime import timedelta
from itertools import pairwise

import pytest

from console.http_messages import Answer
from orders.models import Attempt
from orders.schedule import DELAYS, END, alert_after, delay_after, judge

HOUR = timedelta(hours=1)


class Middle(random.Random):
    """No jitter."""

    def uniform(self, a, b):
        return (a + b) / 2


def attempts(chance) -> list[timedelta]:
    """When each attempt of a receiver that never answers is made."""
    times, elapsed = [timedelta(0)], timedelta(0)
    while (delay := delay_after(len(times), elapsed=elapsed, chance=chance)) is not None:
        elapsed += delay
        times.append(elapsed)
    return times


def test_the_whole_schedule_in_virtual_time():
    times = attempts(Middle())
    waits = [int((after - before).total_seconds()) for before, after in pairwise(times)]
    assert waits[:15] == [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600]
    assert set(waits[15:-1]) == {21600}
    assert times[-1] == END == timedelta(days=30)
    assert timedelta(hours=24) <= times[15] < timedelta(hours=24.1)


@pytest.mark.parametrize("seed", range(20))
def test_jitter_stays_within_a_fifth_and_the_end_is_day_30(seed):
    times = attempts(random.Random(seed))
    for number, (before, after) in enumerate(pairwise(times[:-1])):
        nominal = DELAYS[number] if number < len(DELAYS) else 21600
        assert 0.8 * nominal <= (after - before).total_seconds() <= 1.2 * nominal
    assert times[-1] == END


def test_twenty_receivers_do_not_come_back_at_once():
    first = {delay_after(1, elapsed=timedelta(0), chance=random.Random(seed)) for seed in range(20)}
    assert len(first) == 20


def test_alerts_are_raised_once_each():
    times = attempts(Middle())
    raised = {alert_after(n, ended=n == len(times)): times[n - 1] for n in range(1, len(times) + 1)}
    assert list(raised) == ["", "sixth_failure", "day", "week", "ended"]
    assert (raised["sixth_failure"], raised["ended"]) == (timedelta(seconds=840), END)
    assert 24 * HOUR <= raised["day"] < 25 * HOUR and 7 * 24 * HOUR <= raised["week"] < 7 * 24 * HOUR + HOUR


ACKNOWLEDGED, REFUSED, BAD_BODY = Attempt.Outcome.ACKNOWLEDGED, Attempt.Outcome.REFUSED, Attempt.Outcome.BAD_BODY


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"returnCode": "0"}', (ACKNOWLEDGED, "0")),
        (b'{"returnCode": 0, "data": "OK"}', (ACKNOWLEDGED, "0")),
        (b'{"returnCode": "00"}', (REFUSED, "00")),
        (b'{"returnCode": 0.0}', (REFUSED, "0.0")),
        (b'{"returnCode": -0.0}', (REFUSED, "-0.0")),
        (b'{"returnCode": false}', (REFUSED, "false")),
        (b'{"returnCode": null}', (REFUSED, "null")),
        (b'{"returnCode": "4001"}', (REFUSED, "4001")),
        (b'{"returnCode": "0\\u0000"}', (REFUSED, "0\ufffd")),
        (b'{"returnCode": "\\ud800"}', (REFUSED, "?")),
        (b'{"returnCode": "1", "returnCode": "0"}', (BAD_BODY, "")),
        (b'{"code": "0"}', (BAD_BODY, "")),
        (b'["0"]', (BAD_BODY, "")),
        (b"0", (BAD_BODY, "")),
        (b"OK", (BAD_BODY, "")),
        (b"", (BAD_BODY, "")),
        (b"\x1f\x8b\x08\x00", (BAD_BODY, "")),
        (b'{"returnCode": "0"' + b"[" * 60_000, (BAD_BODY, "")),
        (b"[" * 60_000, (BAD_BODY, "")),
    ],
)
def test_only_a_return_code_of_zero_acknowledges(body, expected):
    assert judge(Answer(status=200, body=body)) == expected


def test_other_statuses_and_no_answer_are_told_apart():
    good = b'{"returnCode": "0"}'
    assert judge(Answer(status=201, body=good))[0] == Attempt.Outcome.BAD_STATUS
    assert judge(Answer(status=302, body=good))[0] == Attempt.Outcome.BAD_STATUS
    assert judge(Answer(status=500, body=good))[0] == Attempt.Outcome.BAD_STATUS
    assert judge(Answer(error_class="timeout"))[0] == Attempt.Outcome.NO_ANSWER
    assert judge(Answer(status=200, body=good, truncated=True, error_class="too_large"))[0] == Attempt.Outcome.BAD_BODY
