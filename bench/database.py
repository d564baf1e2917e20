"""A fresh database for each measurement, and realistic rows in it by COPY."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from console.models import MiniProgram, Superapp, Team
from orders.rollups import roll

PROGRAMS = 200
DAYS = 365
CURRENCIES = ("USD", "USD", "CNY", "JPY", "KWD")
STANDARD, REFUNDED = 0.1, 0.03  # of all orders, of the paid ones
UNDELIVERED = ("pending", "needs_attention", "held")


@contextmanager
def fresh_database(name: str = "bench") -> Iterator[None]:
    """An empty, migrated database, which is the default one inside the block."""
    first = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    use(name)
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    try:
        yield
    finally:
        use(first)


def use(name: str) -> None:
    """Make this database of the server the default one, with new connections."""
    connections.close_all()
    if hasattr(connection, "close_pool"):
        connection.close_pool()
    connection.settings_dict["NAME"] = name
    connections.settings["default"]["NAME"] = name


def programs(number: int = PROGRAMS) -> list[MiniProgram]:
    """So many mini programs, five in a team, all of one superapp."""
    superapp = Superapp.objects.create(name="Orbit", payment_enabled=True, currencies=sorted(set(CURRENCIES)))
    made = []
    for start in range(0, number, 5):
        team = Team.objects.create(name=f"Team {start // 5}", superapp=superapp, linked_email="team@example.test")
        for index in range(start, min(start + 5, number)):
            fields = {"name": f"Program {index}", "kind": "mini_game", "team": team, "superapp": superapp}
            made.append(MiniProgram.objects.create(**fields))
    return made


def record(rows: int) -> list[MiniProgram]:
    """200 mini programs with so many orders, the one with the most first. Made once in a run; later measurements get a copy."""
    name = connection.settings_dict["NAME"]
    seed = f"bench_seed_{rows}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [seed])
        (is_made,) = cursor.fetchone()
    if is_made:
        copy_database(seed, name)
    else:
        orders(programs(), rows)
        copy_database(name, seed)
    return list(MiniProgram.objects.order_by("pk"))


def copy_database(source: str, target: str) -> None:
    """Make `target` a copy of `source`, file by file."""
    use(connection.settings_dict["NAME"])
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")


def orders(owners: list[MiniProgram], rows: int, *, seed: int = 1) -> None:
    """So many orders of these mini programs, as a table looks that autovacuum has been over."""
    with without_indexes("orders_order"), without_notes("orders_order"), without_notes("orders_refund"):
        copy_orders(owners, rows, seed=seed)
        copy_refunds()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) orders_order, orders_refund")


@contextmanager
def without_indexes(table: str) -> Iterator[None]:
    """Drop the indexes of the table that no constraint needs and make them again: a million rows are then there much sooner."""
    needed = "SELECT conname FROM pg_constraint"
    free = f"SELECT indexdef, indexname FROM pg_indexes WHERE tablename = %s AND indexname NOT IN ({needed})"
    with connection.cursor() as cursor:
        cursor.execute(free, [table])
        found = cursor.fetchall()
        for _definition, name in found:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for definition, _name in found:
            cursor.execute(definition)


@contextmanager
def without_notes(table: str) -> Iterator[None]:
    """Do not note that these rows are late (orders.late_changes): their figures are made afterwards, by `rollups`."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def rollups() -> None:
    """The figures of all orders, as a table looks that autovacuum has been over."""
    roll()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) orders_rollup")


def copy_orders(owners: list[MiniProgram], rows: int, *, seed: int = 1, first: int = 0) -> None:
    """So many orders of these mini programs by COPY, spread over a year, in all states; the first ones have the most.

    Numbers begin with that of `first`.
    """
    chance = random.Random(seed)
    weights = [1 / (place + 1) for place in range(len(owners))]
    now = timezone.now()
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with connection.connection.cursor() as cursor, cursor.copy(f"COPY orders_order ({names}) FROM STDIN") as copy:
        for number, owner in enumerate(chance.choices(owners, weights, k=rows), first):
            copy.write_row(_order(number, owner, now - timedelta(seconds=chance.uniform(0, DAYS * 86400)), chance))


def copy_refunds(*, every: int = 0) -> None:
    """The refunds that the orders tell of; or one of every so many paid orders. An hour after the payment."""
    amount, which = "refunded_amount", "refunded_amount > 0"
    if every:
        amount, which = "paid_amount", f"payment_state = 'paid' AND id % {every} = 0"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO orders_refund (mini_program_id, team_id, superapp_id, order_id, kind, env, refund_no, out_trade_no,
                open_id, product_id, amount, currency, cause, state, started_at, succeeded_at, created_at)
            SELECT mini_program_id, team_id, superapp_id, id, kind, env, 'R' || out_trade_no, out_trade_no, open_id, product_id,
                {amount}, currency, 'asked for', 'success', paid_at + interval '1 hour', paid_at + interval '2 hours', paid_at
            FROM orders_order WHERE {which}
            """  # noqa: S608  # of our own words
        )


def copy_deliveries() -> None:
    """The acknowledged delivery of every delivered order, with its attempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO orders_delivery (mini_program_id, team_id, superapp_id, order_id, uid, event, env, body, state,
                first_due_at, attempt_number, schedule_step, created_at, acknowledged_at)
            SELECT mini_program_id, team_id, superapp_id, id, gen_random_uuid(), 'goods', env, repeat('x', 600), 'delivered',
                paid_at, 1, 0, paid_at, delivered_at
            FROM orders_order WHERE delivery_state = 'delivered'
            """
        )
        cursor.execute(
            """
            INSERT INTO orders_attempt (mini_program_id, delivery_id, number, url, request_headers, outcome, status, return_code,
                answer, error, durations, started_at)
            SELECT mini_program_id, id, 1, 'https://shop.example/push', '{}', 'acknowledged', 200, '0', '{"returnCode":"0"}', '',
                '{}', created_at
            FROM orders_delivery
            """
        )
        cursor.execute("VACUUM (ANALYZE) orders_delivery, orders_attempt")


#: The columns that `_order` fills. COPY knows no defaults of Django's, so every column that must not be null is named.
COLUMNS = (
    "mini_program_id", "team_id", "superapp_id", "kind", "env", "out_trade_no", "open_id", "product_id", "product_name",
    "unit_price", "quantity", "amount", "currency", "merchant_no", "platform", "zone_id", "attach", "method", "sign_data",
    "pay_sig", "signature", "request_hash", "prepay_id", "payment_state", "delivery_state", "refund_state", "paid_amount",
    "price_reading", "refunding_amount", "refunded_amount", "alert", "created_at", "paid_at", "delivered_at",
)  # fmt: skip


def _order(number: int, owner: MiniProgram, at: datetime, chance: random.Random) -> tuple[object, ...]:
    item, quantity, standard = chance.randrange(60), chance.choice((1, 1, 1, 2, 5, 10)), chance.random() < STANDARD
    amount = (price := (item + 1) * 90) * quantity
    state = chance.random()
    paid = state < 0.85
    payment = "paid" if paid else "unpaid" if state < 0.9 else "closed"
    delivery = "not_due" if not paid or standard else "delivered" if state < 0.8 else chance.choice(UNDELIVERED)
    refunded = 0 if not paid or chance.random() > REFUNDED else amount if amount < 200 or chance.random() < 0.7 else amount // 3
    paid_at = at + timedelta(seconds=chance.lognormvariate(3, 0.8))  # half of them within 20 seconds
    delivered_at = paid_at + timedelta(seconds=chance.lognormvariate(-0.5, 1.5))  # within 0.6 seconds, some after a minute
    token = f"{chance.getrandbits(128):032x}"
    goods = ("", "", 0, 1) if standard else (f"item_{item:03d}", _name(item), price, quantity)
    return (
        owner.pk, owner.team_id, owner.superapp_id, "standard" if standard else "virtual", int(chance.random() < 0.03),
        f"T{number:012d}{token[:8]}", f"oid-{token[:24]}", *goods, amount, CURRENCIES[owner.pk % len(CURRENCIES)],
        f"M-{owner.team_id}", chance.choice(("ios", "android")), "1", f"level={item};slot={quantity}",
        "requestMidasPaymentGameItem", '{"mode":"goods"}', token * 2, token * 2, token * 2, f"prepay-{token}", payment, delivery,
        "none" if not refunded else "refunded" if refunded == amount else "partially_refunded", amount if paid else 0,
        "unit" if paid else "", 0, refunded, "", at, paid_at if paid else None, delivered_at if delivery == "delivered" else None,
    )  # fmt: skip


def _name(item: int) -> str:
    return f"{'+' if item == 7 else ''}Pack of {item * 10} gems, “{item}”"
