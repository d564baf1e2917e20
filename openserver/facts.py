"""The facts an order is checked against: the second statement of the hot path is in orders/actions/placing.py.

One query reads what the ORM would read with eight. The tables of other apps are named here because openServer is right of them.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from console.prepared import fetch
from items.models import Item
from orders.models import Environment


class Key(NamedTuple):
    """A credential in force: its serial number and its sealed AppKeys."""

    serial_no: str
    sealed_live: str
    sealed_sandbox: str


class Offer(NamedTuple):
    """An item as an order is checked against it: the live copy (env 0) or the draft (env 1). Price in minor units."""

    item_id: int
    name: str
    price: int
    currency: str


class Facts(NamedTuple):
    """All that the checks of an order need to know, read with one query."""

    open_id: str
    sealed_session_key: str
    session_expired: bool
    program_id: int
    app_id: str
    program_name: str
    kind: str
    team_id: int
    superapp_id: int
    superapp_code: str
    payment_enabled: bool
    currencies: list[str]
    backend_url: str
    sealed_secret_key: str
    tc_compatible: bool
    approved: bool
    merchant_no: str
    merchant_currency: str
    offer: Offer | None
    keys: list[Key]
    next_id: int


_FACTS = """
SELECT t.open_id, t.sealed_session_key, t.expires_at <= %s AS expired,
       p.id, p.app_id, p.name, p.kind, p.team_id, p.superapp_id,
       s.code, s.payment_enabled, s.currencies, s.backend_url, s.sealed_secret_key, s.tc_compatible,
       EXISTS (SELECT 1 FROM payments_paymentrequest r JOIN payments_request q ON q.id = r.request_ptr_id
               WHERE r.program_id = p.id AND r.type = 'virtual' AND q.state = 'approved'),
       m.merchant_id, m.currency,
       i.id, i.state, i.on_sale, i.live_name, i.live_price, i.live_currency, i.name, i.price, i.currency,
       c.serial_no, c.sealed_live_key, c.sealed_sandbox_key,
       {next_id} AS next_id
FROM openserver_playersession t
JOIN console_miniprogram p ON p.id = t.mini_program_id
JOIN console_superapp s ON s.id = p.superapp_id
LEFT JOIN payments_merchantbinding b ON b.bound_team_id = p.team_id AND b.effective
LEFT JOIN payments_merchant m ON m.id = b.merchant_id
LEFT JOIN items_item i ON i.mini_program_id = p.id AND i.product_id = %s
LEFT JOIN payments_credential c ON c.mini_program_id = p.id
     AND (c.state = 'active' OR (c.state = 'overlapping' AND c.overlaps_until > %s))
WHERE t.token_hash = %s
ORDER BY c.id DESC
"""


_BOOLEANS = {"session_expired", "payment_enabled", "tc_compatible", "approved"}


def read_facts(token_hash: str, *, product_id: str, env: int) -> Facts | None:
    """Return what the checks need about a player's session, its mini program, and the item `product_id` in `env`.

    `env` is 0 (live) or 1 (sandbox). None when there is no such session; one that is over is returned like any other.
    """
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    rows = fetch(_facts_sql(connection.vendor), [now, product_id, now, token_hash])
    if not rows:
        return None
    plain, offered, next_id = rows[0][:18], rows[0][18:27], rows[0][30]
    keys = [Key(*row[27:30]) for row in rows if row[27]]
    return Facts._make((*map(_read, Facts._fields, plain), _offer(offered, env), keys, next_id))


def _read(name: str, value: Any) -> Any:
    """The value of one column; SQLite knows neither booleans nor JSON, and a merchant may be missing."""
    if name in _BOOLEANS:
        return bool(value)
    if name == "currencies" and isinstance(value, str):
        return json.loads(value)
    return "" if value is None else value


@cache
def _facts_sql(vendor: str) -> str:
    # The id is known before the row is, because the audit entry's MAC covers it.
    next_id = "nextval(pg_get_serial_sequence('orders_order', 'id'))" if vendor == "postgresql" else "0"
    return _FACTS.format(next_id=next_id)


def _offer(row: Sequence[Any], env: int) -> Offer | None:
    item_id, state, on_sale, live_name, live_price, live_currency, name, price, currency = row
    if item_id is None:
        return None
    if env == Environment.LIVE:
        return Offer(item_id, live_name, live_price, live_currency) if on_sale else None
    return Offer(item_id, name, price, currency) if state != Item.State.DELETED else None
