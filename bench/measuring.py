"""What a measurement returns, and how its sides are timed: in turn, in one run, medians quoted (bench/README.md)."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measurement. `unit` says what ours, limit and peer are: "s" (less is better) or a rate such as "/s" (more is better).

    `to_limit` is ours as a multiple of the limit, `to_peer` is how many times better than the peer; None where there is none.
    `goal` says in words what `met` was decided by.
    """

    name: str
    ours: float
    limit: float | None
    peer: float | None
    unit: str
    goal: str
    met: bool

    @property
    def to_limit(self) -> float | None:
        """Ours divided by the limit."""
        return self.ours / self.limit if self.limit else None

    @property
    def to_peer(self) -> float | None:
        """How many times better than the peer."""
        if not self.peer or not self.ours:
            return None
        return self.peer / self.ours if self.unit == "s" else self.ours / self.peer

    def line(self) -> dict[str, object]:
        """The fields of the JSON line, ratios included."""
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}
        ratios = {name: value and round(value, 3) for name, value in (("to_limit", self.to_limit), ("to_peer", self.to_peer))}
        return {name: (rounded | ratios)[name] for name in _FIELDS}


_FIELDS = ("name", "ours", "limit", "peer", "unit", "to_limit", "to_peer", "goal", "met")
#: A measurement: bench/<name>.py has `measure(rows)`, which runs with Django set up on an empty, migrated PostgreSQL.
Measure = Callable[[int], Result | list[Result]]


def medians(rounds: int, **sides: Callable[[], object]) -> dict[str, float]:
    """Run the sides in turn (A B C A B C …) `rounds` times and return the median seconds of each.

    A machine that is slow for a while is slow for all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _round in range(rounds):
        for name, side in sides.items():
            began = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}
