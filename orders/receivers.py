"""The health of endpoints as rows that all dispatchers share (orders/breaker.py decides, docs/deliveries.md explains)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from random import Random

from django.db.models import Q
from django.utils import timezone

from orders.breaker import LED_BACK, Health, Outcome, after, allowed, begun, led_back
from orders.models import Receiver
from orders.sender import Endpoint

ENDPOINT = ("mini_program_id", "env", "lane")
_SPARED = Q(rests_until__isnull=False) | Q(recovering_since__isnull=False)


def spared(now: datetime) -> dict[Endpoint, int]:
    """The endpoints that are spared now, and how many pushes may begin at each."""
    found = _read(Receiver.objects.filter(_SPARED).order_by("rests_until", "paced_until"))  # who waited longest is first
    return {endpoint: count for endpoint, health in found.items() if (count := allowed(health, now)) is not None}


def take_turns(endpoints: Iterable[Endpoint], now: datetime) -> dict[Endpoint, Health]:
    """Of these endpoints those that no other dispatcher takes a turn at, locked until the transaction ends."""
    rows = Receiver.objects.filter(_SPARED, mini_program_id__in={program for program, _env, _lane in endpoints})
    wanted = set(endpoints)
    locked = _read(rows.select_for_update(skip_locked=True, no_key=True))
    return {endpoint: health for endpoint, health in locked.items() if endpoint in wanted and allowed(health, now)}


def note_begun(turns: Mapping[Endpoint, Health], counts: Mapping[Endpoint, int], now: datetime) -> None:
    """Remember how many pushes began at each endpoint of `take_turns`."""
    _write({endpoint: begun(health, counts[endpoint], now) for endpoint, health in turns.items() if counts.get(endpoint)})


def note_outcomes(outcomes: Mapping[Endpoint, Sequence[Outcome]], *, chance: Random) -> None:
    """Remember what attempts said about their endpoints. Healthy ones that answered cost one read for all of them."""
    programs = {program for program, _env, _lane in outcomes}
    rows = Receiver.objects.filter(mini_program_id__in=programs).order_by("pk").select_for_update(no_key=True)
    known, now = _read(rows), timezone.now()
    changed = {}
    for endpoint, said in outcomes.items():
        health = after(known.get(endpoint, Health()), said, now=now, chance=chance)
        if health != known.get(endpoint, Health()):
            changed[endpoint] = health
    _write(changed)


def lead_back(endpoints: Iterable[Endpoint]) -> None:
    """Begin with few at these endpoints: much that was held becomes due at once."""
    _write({endpoint: led_back(timezone.now()) for endpoint in endpoints})


def forget_recovered(now: datetime) -> None:
    """Remove the rows of endpoints that are well again."""
    Receiver.objects.filter(rests_until=None, failures=0, recovering_since__lt=now - LED_BACK).delete()


def _read(rows: Iterable[Receiver]) -> dict[Endpoint, Health]:
    return {(row.mini_program_id, row.env, row.lane): Health(*(getattr(row, name) for name in Health._fields)) for row in rows}


def _write(healths: Mapping[Endpoint, Health]) -> None:
    rows = [
        Receiver(**dict(zip(ENDPOINT, endpoint, strict=True)), **health._asdict()) for endpoint, health in sorted(healths.items())
    ]  # fmt: skip
    unique = ["mini_program", "env", "lane"]
    Receiver.objects.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=Health._fields)
