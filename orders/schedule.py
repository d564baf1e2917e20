"""When a push is tried again, what an answer means, and when somebody is told. Pure: no clock, no database, no network.

The schedule is a decision of docs/domain.md, 5.5.
"""

import json
import random
from datetime import timedelta
from typing import Any

from console.http_messages import Answer, excerpt
from orders.models import Attempt
from orders.payloads import unique_object

#: Seconds to wait after the 1st, 2nd, … failure; together 24 hours.
DELAYS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
LATER = 21600  # seconds, after the delays above
END = timedelta(days=30)
JITTER = 0.2

#: Failures after which the team gets a mail → the alert. By count and not by the clock, so that one delivery crosses each once.
ALERTS = {6: "sixth_failure", len(DELAYS) + 1: "day", len(DELAYS) + 1 + 24: "week"}
ENDED = "ended"

Outcome = Attempt.Outcome
Judgement = tuple[Attempt.Outcome, str]


def delay_after(failures: int, *, elapsed: timedelta, chance: random.Random) -> timedelta | None:
    """How long to wait after this many failures (1 or more), or None when the schedule has ended.

    `elapsed` is the time since the schedule began. The last attempt is made when it ends, after 30 days.
    """
    left = END - elapsed
    if left <= timedelta(0):
        return None
    nominal = DELAYS[failures - 1] if failures <= len(DELAYS) else LATER
    return min(timedelta(seconds=nominal * chance.uniform(1 - JITTER, 1 + JITTER)), left)


def alert_after(failures: int, *, ended: bool) -> str:
    """Which alert this failure is worth: "sixth_failure", "day" (24 hours), "week" (7 days), "ended", or ""."""
    return ENDED if ended else ALERTS.get(failures, "")


def judge(answer: Answer) -> Judgement:
    """What an answer means, and its returnCode.

    Acknowledged is HTTP 200 and a JSON object whose returnCode is "0" or the integer 0 (docs/domain.md, 5.5).
    """
    if answer.status is None:
        return Outcome.NO_ANSWER, ""
    if answer.status != 200:
        return Outcome.BAD_STATUS, ""
    if answer.error_class:
        return Outcome.BAD_BODY, ""
    return _judge_body(answer.body)


def _no_json(text: str) -> Any:
    raise ValueError(f"{text} is no JSON.")  # Python reads NaN and Infinity unless it is told


def _judge_body(body: bytes) -> Judgement:
    try:
        value: Any = json.loads(body.decode("utf-8"), object_pairs_hook=unique_object, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return Outcome.BAD_BODY, ""
    if not isinstance(value, dict) or "returnCode" not in value:
        return Outcome.BAD_BODY, ""
    code = value["returnCode"]
    if code == "0" or (type(code) is int and code == 0):  # not 0.0, and not False, which Python calls equal to 0
        return Outcome.ACKNOWLEDGED, "0"
    text = code if isinstance(code, str) else json.dumps(code)
    return Outcome.REFUSED, excerpt(text.encode("utf-8", "replace"), 64)
