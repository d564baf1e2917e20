"""Compare our orders with the superapp's list of transactions (docs/openserver.md, "Reconciliation"). Nothing is changed."""

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from openserver.superapp import Backend, SuperappUnavailable, call
from orders.models import ArchivedOrder, Order
from orders.transactions import TRADE_STATES, State

PATH = "/transactions"
#: Asked for on both sides of the time: the superapp's clock, and when it calls an order created, are not ours.
MARGIN = timedelta(minutes=10)
ANSWER_LIMIT = 1024 * 1024  # bytes of one page
LONGEST = 1800.0  # seconds, for all pages
CHUNK = 2000  # orders read at once

Key = tuple[str, int, str]  # appId, env, outTradeNo


class Theirs(NamedTuple):
    """A transaction as the superapp has it. Amounts in minor units; `state` as trade_state, without REFUND."""

    app_id: str
    env: int
    out_trade_no: str
    state: str
    total: int
    currency: str
    refunded: int

    @property
    def key(self) -> Key:
        """What names an order."""
        return self.app_id, self.env, self.out_trade_no


class Differs(NamedTuple):
    """`kind` is missing_here, missing_there, amount, state or refunds; `order_id` is None when it is not here."""

    kind: str
    key: Key
    ours: str
    theirs: str
    order_id: int | None


def fetch(backend: Backend, since: datetime, until: datetime) -> Iterator[list[Theirs]]:
    """The superapp's transactions created from `since` to `until` and a little around, by page. Raises SuperappUnavailable."""
    cursor, seen, latest = "", set[str](), time.monotonic() + LONGEST
    while True:
        times = {"from": (since - MARGIN).isoformat(), "to": (until + MARGIN).isoformat()}
        query = urlencode(times | ({"cursor": cursor} if cursor else {}))
        data = call(backend, "GET", f"{PATH}?{query}", answer_limit=ANSWER_LIMIT).get("data")
        yield _page(data)
        assert isinstance(data, dict)
        cursor = str(data.get("next") or "")
        if not cursor:
            return
        if cursor in seen:
            raise SuperappUnavailable("gave the same cursor twice")
        if time.monotonic() > latest:
            raise SuperappUnavailable("was still listing transactions after half an hour")
        seen.add(cursor)


def differences(superapp_id: int, pages: Iterable[list[Theirs]], since: datetime, until: datetime) -> Iterator[Differs]:
    """What differs between the superapp's pages and our orders created from `since` to `until`."""
    seen = set[int]()
    for page in pages:
        found, archived = _ours(superapp_id, page), _archived(superapp_id, page)
        for theirs in page:
            order = found.get(theirs.key)
            if order is None and theirs.key in archived:
                continue  # it was compared when it was young, and no row of it is left
            if order is None:
                yield Differs("missing_here", theirs.key, "–", _words(theirs), None)
            else:
                seen.add(order.pk)
                yield from _compared(order, theirs)
    yield from _missing_there(superapp_id, seen, since, until)


def _ours(superapp_id: int, page: list[Theirs]) -> dict[Key, Order]:
    rows = Order.objects.filter(superapp=superapp_id, out_trade_no__in={theirs.out_trade_no for theirs in page})
    return {_key(order): order for order in rows.select_related("mini_program")}


def _archived(superapp_id: int, page: list[Theirs]) -> set[Key]:
    numbers = {theirs.out_trade_no for theirs in page}
    rows = ArchivedOrder.objects.filter(mini_program__superapp=superapp_id, out_trade_no__in=numbers)
    return set(rows.values_list("mini_program__app_id", "env", "out_trade_no"))


def _missing_there(superapp_id: int, seen: set[int], since: datetime, until: datetime) -> Iterator[Differs]:
    """Orders that the superapp does not list. One without a prepay id may never have reached it."""
    rows = Order.objects.filter(superapp=superapp_id, created_at__gte=since, created_at__lt=until)
    known = rows.exclude(payment_state=State.CREATED).select_related("mini_program").order_by("pk")
    for order in known.iterator(chunk_size=CHUNK):
        if order.pk not in seen:
            yield Differs("missing_there", _key(order), _state(order), "–", order.pk)


def _compared(order: Order, theirs: Theirs) -> Iterator[Differs]:
    facts = (
        ("amount", f"{order.amount} {order.currency}", f"{theirs.total} {theirs.currency}"),
        ("state", _state(order), theirs.state),
        ("refunds", str(order.refunded_amount), str(theirs.refunded)),
    )
    for kind, ours, other in facts:
        if ours != other:
            yield Differs(kind, theirs.key, ours, other, order.pk)


def _key(order: Order) -> Key:
    return order.mini_program.app_id, order.env, order.out_trade_no


def _state(order: Order) -> str:
    return TRADE_STATES[State(order.payment_state)]


def _words(theirs: Theirs) -> str:
    return f"{theirs.state} {theirs.total} {theirs.currency}"


def _page(data: Any) -> list[Theirs]:
    rows = data.get("transactions") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise SuperappUnavailable("answered without a list of transactions")
    return [_row(row) for row in rows]


def _row(row: Any) -> Theirs:
    """One transaction. Raises SuperappUnavailable that names what is wrong: half a comparison would be worse than none."""
    if not isinstance(row, dict):
        raise SuperappUnavailable("listed something that is no object")
    texts = [value for name in ("appId", "outTradeNo", "state", "currencyType") if isinstance(value := row.get(name), str)]
    numbers = [value for name in ("env", "totalAmount", "refundedAmount") if type(value := row.get(name)) is int]
    if len(texts) != 4 or len(numbers) != 3:
        raise SuperappUnavailable(f"listed a transaction with a field missing or of the wrong type: {str(row)[:200]}")
    (app_id, out_trade_no, state, currency), (env, total, refunded) = map(_storable, texts), numbers
    if env not in (0, 1):
        raise SuperappUnavailable(f"listed a transaction with the env {str(env)[:40]}")
    if state not in TRADE_STATES.values():
        raise SuperappUnavailable(f"listed a transaction with the state {state[:40]}")
    return Theirs(app_id, env, out_trade_no, state, total, currency, refunded)


def _storable(text: str) -> str:
    """Without what a database refuses: half characters and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")
