"""The ledgers of all parties against the database, when everything has come to rest. Imported when Django is set up."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.management import CommandError, call_command
from django.db.models import Count, Sum

from chaos.ledgers import Ledgers
from console.models import AuditEntry
from orders.models import Attempt, Delivery, Notification, Order

#: What an order and its delivery go through once, whatever was killed meanwhile.
MOVES = (
    "orders.order.place", "orders.order.hold_prepay", "orders.order.pay", "orders.order.acknowledge_delivery",
    "orders.delivery.acknowledge",
)  # fmt: skip


@dataclass
class Results:
    """What was counted, and checks: name → how many orders (or other things) broke it."""

    counts: dict[str, object] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing broke."""
        return not any(self.broken.values())

    def line(self) -> dict[str, object]:
        """For programs."""
        return {**self.counts, "broken": self.broken, "passed": self.passed}

    def table(self) -> str:
        """For people."""
        rows = [*((name, str(value)) for name, value in self.counts.items()), ("", "")]
        rows += [(name, f"{count}{'   ← BROKEN' if count else ''}") for name, count in self.broken.items()]
        width = max(len(name) for name, _value in rows)
        lines = [f"{name.ljust(width)}  {value}".rstrip() for name, value in rows]
        return "\n".join([*lines, *(f"! {text}" for text in self.details[:20]), f"{'PASSED' if self.passed else 'FAILED'}"])


def compare(ledgers: Ledgers, results: Results) -> None:
    """Fill in what was counted and what is broken."""
    orders = {order.out_trade_no: order for order in Order.objects.all()}
    checks = {
        "answered to the player, not in the database": _lost_orders(ledgers, orders),
        "paid, said the superapp, not in the database": _lost_payments(ledgers, orders),
        "paid, but never with the receiver": (no for no in ledgers.paid if no not in ledgers.delivered),
        "not delivered by the database": (no for no, order in orders.items() if order.delivery_state != "delivered"),
        "delivered by the database, not by the receiver": _false_deliveries(ledgers, orders),
        "amounts that differ between the ledgers": _amounts(ledgers, orders),
        "second prepays": (no for no, order in orders.items() if order.prepay_id != ledgers.given.get(no)),
        "moves made twice or never": _moves(ledgers),
        "orders with two deliveries": _twice_due(),
        "events sent under two ids": (no for no, ids in ledgers.webhook_ids.items() if len(ids) != 1),
        "answers that were wrong": iter(ledgers.wrong),
        "broken invariants": _command("check_invariants"),
        "broken audit trail": _command("verify_audit"),
    }
    for name, found in checks.items():
        each = list(found)
        results.broken[name] = len(each)
        results.details += [f"{name}: {text}" for text in each[:5]]
    results.counts |= _counts(ledgers, orders)


def _lost_orders(ledgers: Ledgers, orders: dict[str, Order]) -> Iterator[str]:
    return (no for no, prepay_id in ledgers.prepay_ids.items() if no not in orders or orders[no].prepay_id != prepay_id)


def _lost_payments(ledgers: Ledgers, orders: dict[str, Order]) -> Iterator[str]:
    return (no for no in ledgers.paid if no not in orders or orders[no].payment_state != "paid")


def _false_deliveries(ledgers: Ledgers, orders: dict[str, Order]) -> Iterator[str]:
    return (no for no, order in orders.items() if order.delivery_state == "delivered" and no not in ledgers.delivered)


def _amounts(ledgers: Ledgers, orders: dict[str, Order]) -> Iterator[str]:
    for number, amount in ledgers.amounts.items():
        order = orders.get(number)
        said = {amount, ledgers.paid.get(number), ledgers.delivered.get(number), order and order.paid_amount}
        if len(said) != 1:
            yield f"{number}: {said}"


def _moves(ledgers: Ledgers) -> Iterator[str]:
    for verb in MOVES:
        made = Counter(AuditEntry.objects.filter(verb=verb).values_list("object_id", flat=True))
        yield from (f"{verb} of {pk}: {times} times" for pk, times in made.items() if times != 1)
        yield from (f"{verb}: missing" for _each in range(len(ledgers.amounts) - len(made)))


def _twice_due() -> Iterator[str]:
    rows = Delivery.objects.filter(event="goods").values("order__out_trade_no").annotate(times=Count("pk"))
    return (row["order__out_trade_no"] for row in rows.exclude(times=1))


def _command(name: str) -> Iterator[str]:
    output = io.StringIO()
    try:
        call_command(name, stdout=output)
    except CommandError as error:
        yield from output.getvalue().splitlines() or [str(error)]


def _counts(ledgers: Ledgers, orders: dict[str, Order]) -> dict[str, object]:
    pushes = sum(len(each) for each in ledgers.pushes.values())
    money = Order.objects.aggregate(total=Sum("paid_amount"))["total"] or 0
    return {
        "orders": len(orders),
        "money (minor units): player, superapp, database, receiver": [
            sum(ledgers.amounts.values()), sum(ledgers.paid.values()), money, sum(ledgers.delivered.values())
        ],
        "calls made again": dict(ledgers.retried.most_common()),
        "prepays asked for again": sum(ledgers.asked.values()) - len(ledgers.asked),
        "notifications": Notification.objects.count(),
        "pushes that arrived": pushes,
        "what the receiver did": dict(ledgers.faults().most_common()),
        "pushes of an order after its goods were given": _duplicates(ledgers),
        "attempts in the database": Attempt.objects.count(),
    }  # fmt: skip


def _duplicates(ledgers: Ledgers) -> int:
    """At least once: what receivers have to tell apart by OutTradeNo."""
    later = 0
    for each in ledgers.pushes.values():
        first = next((place for place, what in enumerate(each) if what.startswith("acknowledged")), len(each))
        later += max(len(each) - first - 1, 0)
    return later
