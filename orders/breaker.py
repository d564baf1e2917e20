"""When an endpoint in trouble is spared, and how it is led back. Pure: no clock, no database, no network (docs/deliveries.md).

The breaker only delays: rows stay due, none is dropped, and the schedule of each goes on with its next attempt. While an endpoint
rests, one push at a time is sent as a probe. When one gets a proper answer, pushes go again at a rate that doubles every ten
seconds, so that a backend that just came back does not get everything that waited at once.
"""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

OPENS_AFTER = 10  # attempts in a row that got no answer, or one that says overloaded
REOPENS_AFTER = 3  # while it is led back
RESTS = (5, 10, 20, 40, 60)  # seconds; the last one is repeated
JITTER = 0.2
PROBE = timedelta(seconds=15)  # to wait for the probe's result, which a dead dispatcher never writes
FIRST_RATE = 5.0  # pushes a second
DOUBLES = timedelta(seconds=10)
LED_BACK = timedelta(seconds=80)  # 1,280 a second by then: nothing is held back any more
BURST = timedelta(seconds=1)  # what was not used of the rate longer ago is lost


class Health(NamedTuple):
    """How an endpoint does, as all dispatchers see it. The default is a healthy one."""

    failures: int = 0  # in a row
    rests: int = 0  # in a row
    rests_until: datetime | None = None
    recovering_since: datetime | None = None
    paced_until: datetime | None = None  # the rate is used up to here


class Outcome(NamedTuple):
    """What an attempt says about the endpoint: whether it is in trouble, and whether this was the probe of a resting one."""

    trouble: bool
    probe: bool = False


def is_trouble(status: int | None) -> bool:
    """No answer, or one that says overloaded or out of order. A refusal of one push says nothing against the endpoint."""
    return status is None or status == 429 or status >= 500


def allowed(health: Health, now: datetime) -> int | None:
    """How many pushes may begin now; None: the breaker has nothing against any number."""
    if health.rests_until:
        return int(health.rests_until <= now)
    if health.recovering_since is None or now - health.recovering_since >= LED_BACK:
        return None
    return int((now - _paced(health, now)).total_seconds() * _rate(health, now))


def begun(health: Health, count: int, now: datetime) -> Health:
    """The health after `count` of the allowed pushes began."""
    if health.rests_until:
        return health._replace(rests_until=now + PROBE)
    if health.recovering_since:
        return health._replace(paced_until=_paced(health, now) + timedelta(seconds=count / _rate(health, now)))
    return health


def led_back(now: datetime) -> Health:
    """That of an endpoint for which much may have waited: it begins with few."""
    return Health(recovering_since=now, paced_until=now - BURST)


def after(health: Health, outcomes: Iterable[Outcome], *, now: datetime, chance: random.Random) -> Health:
    """The health after these attempts, in the order in which they ended."""
    for outcome in outcomes:
        health = _troubled(health, outcome, now, chance) if outcome.trouble else _answered(health, now)
    return health


def _answered(health: Health, now: datetime) -> Health:
    if health.rests_until:
        return led_back(now)
    if health.recovering_since and now - health.recovering_since < LED_BACK:
        return health._replace(failures=0)
    return Health()


def _troubled(health: Health, outcome: Outcome, now: datetime, chance: random.Random) -> Health:
    health = health._replace(failures=health.failures + 1)
    if health.rests_until:
        rests = outcome.probe  # what was under way when it began to rest changes nothing
    else:
        rests = health.failures >= (REOPENS_AFTER if health.recovering_since else OPENS_AFTER)
    return _rest(health, now, chance) if rests else health


def _rest(health: Health, now: datetime, chance: random.Random) -> Health:
    seconds = RESTS[min(health.rests, len(RESTS) - 1)] * chance.uniform(1 - JITTER, 1 + JITTER)
    return Health(health.failures, health.rests + 1, now + timedelta(seconds=seconds))


def _rate(health: Health, now: datetime) -> float:
    assert health.recovering_since is not None
    return FIRST_RATE * 2.0 ** ((now - health.recovering_since) / DOUBLES)


def _paced(health: Health, now: datetime) -> datetime:
    return max(health.paced_until or now, now - BURST)
