"""Standard payments of the demo's past: some paid, some closed, one in eight refunded."""

import hashlib
from datetime import timedelta

from orders.models import Order, Refund
from payments.models import owners_of
from simulator.demo.past import Past
from simulator.demo.world import World

COUNT, DAYS = 28, 45
BOOKS = (("Printed book", 1800), ("Hardcover, signed", 4200), ("Reading lamp", 2600), ("Gift card", 5000))


def build(world: World, past: Past) -> None:
    """Store them. What they were told by is not kept: their notify_url is empty."""
    made = [_order(world, past, number) for number in range(COUNT)]
    Order.objects.bulk_create(made)
    refunded = [order for order in made if order.refunded_amount]
    Refund.objects.bulk_create([_refund(order) for order in refunded])


def _order(world: World, past: Past, number: int) -> Order:
    program, merchant = world.programs["reader"], world.merchants["harbor"]
    at = past.ago(days=past.chance.uniform(0.2, DAYS))
    name, price = past.chance.choice(BOOKS)
    paid, refunded = number % 7 != 3, number % 8 == 1 and number % 7 != 3
    out_trade_no = f"HB{at:%y%m%d%H%M}{number:04d}"
    token = hashlib.sha256(out_trade_no.encode()).hexdigest()
    states = {"payment_state": "paid" if paid else "closed", "refund_state": "refunded" if refunded else "none"}
    done = {"paid_at": at + timedelta(seconds=40)} if paid else {"closed_at": at + timedelta(minutes=15)}
    return Order(
        **owners_of(program), **states, **done, kind=Order.Kind.STANDARD, out_trade_no=out_trade_no, open_id=f"o{token[:22]}",
        product_name=name, unit_price=price, amount=price, currency=merchant.currency, merchant_no=merchant.merchant_id,
        prepay_id=f"pp{token[:24]}", transaction_id=f"tx{token[24:48]}" if paid else "", created_at=at,
        paid_amount=price if paid else 0, refunded_amount=price if refunded else 0,
        price_reading=Order.PriceReading.TOTAL if paid else "",
    )  # fmt: skip


def _refund(order: Order) -> Refund:
    started = order.created_at + timedelta(hours=3)
    return Refund(
        mini_program_id=order.mini_program_id, team_id=order.team_id, superapp_id=order.superapp_id, order=order,
        kind=order.kind, refund_no=f"RF{order.out_trade_no}", out_trade_no=order.out_trade_no, open_id=order.open_id,
        product_id=order.product_id, amount=order.amount, currency=order.currency, cause="Arrived damaged",
        state=Refund.State.SUCCESS, started_at=started, succeeded_at=started + timedelta(minutes=1), created_at=started,
    )  # fmt: skip
