"""What each party wrote down for itself. Nothing here is read from the console's database."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Program:
    """A mini program as its developer, its superapp and its players know it. `path` is where its pushes go."""

    app_id: str
    path: str
    app_key: str
    token: str
    session_key: str
    open_id: str


@dataclass
class Ledgers:
    """By order number. Amounts in minor units."""

    #: The player: the prepay id and amount of every order that was answered "0".
    prepay_ids: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    #: The superapp: what it was asked for, the id it gave, and payments that were taken over with "0".
    asked: Counter[str] = field(default_factory=Counter)
    given: dict[str, str] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=dict)
    #: The receiver: what it did with each push, in turn, and the amount that it gave goods for (once for each number).
    pushes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    delivered: dict[str, int] = field(default_factory=dict)
    webhook_ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Answers and faults that callers met and tried again after, and what must not happen at all.
    retried: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def faults(self) -> Counter[str]:
        """How often the receiver did what."""
        return Counter(what for each in self.pushes.values() for what in each)
