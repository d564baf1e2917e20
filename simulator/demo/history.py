"""Ninety days of orders in every state, as players, the superapp and the developers would have left them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from console.models import MiniProgram
from items.models import Item
from openserver.signatures import pay_sig, session_signature
from orders.models import DeliveryState, Order
from payments.models import owners_of
from simulator import developer
from simulator.calls import compact
from simulator.demo.past import Past
from simulator.demo.world import World

DAYS = 90
ENDED = 20  # days ago the last sale ended of what is not on sale any more
Payment = Order.Payment
#: Weights of the hours of a day (UTC) and of the days of a week, Monday first.
HOURS = (4, 3, 2, 1, 1, 1, 2, 3, 4, 5, 6, 7, 9, 9, 8, 8, 9, 11, 14, 16, 17, 15, 11, 7)
WEEKDAYS = (8, 8, 8, 9, 12, 16, 15)
PLATFORMS = ("android", "android", "android", "ios", "ios", "windows")


@dataclass
class Sale:
    """An order with what belongs to it; `fate` names what happened to it."""

    order: Order
    fate: str
    developer_keys: dict[int, str]
    rows: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The AppKey of the order's environment."""
        return self.developer_keys[self.order.env]


#: Fate → weight. What is only true for recent or old orders is dealt out by `EXTRA`.
FATES = {"delivered": 800, "expired": 80, "closed": 40, "failed": 26, "refunded": 32, "part_refunded": 16, "refund_failed": 6}
#: Fate → (how many, from how many minutes ago, to how many minutes ago).
EXTRA = {
    "unpaid": (5, 50, 1), "created": (2, 30, 2), "pending": (4, 45, 1), "delivering": (1, 3, 1), "attention": (3, 60000, 46000),
    "refund_processing": (5, 3000, 90), "refund_closed": (4, 40000, 3000), "cancelled": (6, 90000, 2000), "late": (3, 70000, 900),
    "mismatch": (2, 9000, 700),
}  # fmt: skip


def sales(world: World, past: Past) -> Iterator[Sale]:
    """All orders of the demo, unsaved, oldest first within a mini program."""
    yield from _program_sales(world, "moonlit", past, count=1460, extra=EXTRA)
    # Its push is off: the newest orders are held until somebody switches it on.
    yield from _program_sales(world, "reader", past, count=60, extra={"held": (3, 4000, 200)})


def _program_sales(
    world: World, code: str, past: Past, *, count: int, extra: dict[str, tuple[int, int, int]]
) -> Iterator[Sale]:
    program = world.programs[code]
    backend = developer.backend_of(program)
    keys = {env: backend.app_key(env) for env in (0, 1)}
    goods = list(Item.objects.filter(mini_program=program).exclude(live_price=None).order_by("pk"))
    merchant = world.merchants["northlight" if code == "moonlit" else "harbor"].merchant_id
    moments = [(at, past.chance.choices(list(FATES), list(FATES.values()))[0]) for at in _times(past, count)]
    for fate, (number, longest, shortest) in extra.items():
        moments += [(past.ago(minutes=past.chance.uniform(shortest, longest)), fate) for _each in range(number)]
    for serial, (at, fate) in enumerate(sorted(moments)):
        order = _order(program, merchant, past, at, serial, [item for item in goods if _was_sold(item, at, past)])
        _sign(order, keys[order.env], past)
        yield Sale(order, fate, keys)


def _was_sold(item: Item, at: datetime, past: Past) -> bool:
    """Whether it was on sale then, as far as the demo knows."""
    return item.released_at is not None and item.released_at <= at and (item.on_sale or at < past.ago(days=ENDED))


def _times(past: Past, count: int) -> list[datetime]:
    """Moments of the last ninety days: more in the evening, at weekends, and lately."""
    days = [past.now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back) for back in range(DAYS)]
    weights = [WEEKDAYS[day.weekday()] * (1.6 - back / DAYS) for back, day in enumerate(days)]
    chosen: list[datetime] = []
    while len(chosen) < count:
        day, hour = past.chance.choices(days, weights)[0], past.chance.choices(range(24), HOURS)[0]
        at = day + timedelta(hours=hour, seconds=past.chance.uniform(0, 3600))
        # What the present day has not seen yet is left out; three hours are kept free for orders still under way.
        if at < past.ago(hours=1):
            chosen.append(at)
    return chosen


def _order(
    program: MiniProgram, merchant: str, past: Past, at: datetime, serial: int, goods: list[Item]
) -> Order:
    chance = past.chance
    item = chance.choices(goods, [max(1, 12 - 2 * place) for place in range(len(goods))])[0]
    env = 1 if chance.random() < 0.04 else 0
    quantity = chance.choices((1, 2, 3, 5, 10), (80, 9, 5, 4, 2))[0]
    price = item.live_price or item.price
    number = f"{'MC' if program.kind == 'mini_game' else 'HR'}{at:%y%m%d%H%M}{serial:05d}"
    player = hashlib.sha256(f"player{int(chance.triangular(0, 420, 40))}".encode()).hexdigest()[:22]
    return Order(
        **owners_of(program), env=env, out_trade_no=number, open_id=f"o{player}", item=item, product_id=item.product_id,
        product_name=item.live_name, unit_price=price, quantity=quantity, amount=price * quantity,
        currency=item.live_currency, merchant_no=merchant, platform=chance.choice(PLATFORMS), zone_id="1",
        attach=f"cart-{chance.randrange(10**6):06d}", created_at=at,
        prepay_id=f"pp{hashlib.sha256(number.encode()).hexdigest()[:24]}",
    )  # fmt: skip


def _sign(order: Order, key: str, past: Past) -> None:
    """signData and signatures as the developers' backend would have made them."""
    data: dict[str, Any] = {"buyQuantity": order.quantity, "env": order.env, "currencyType": order.currency}
    data |= {"productId": order.product_id, "goodsPrice": order.unit_price}
    data |= {"outTradeNo": order.out_trade_no, "attach": order.attach}
    game = order.mini_program.kind == MiniProgram.Kind.MINI_GAME
    data |= {"mode": "goods", "platform": order.platform, "zoneId": "1"} if game else {"offerId": order.merchant_no}
    order.method = developer.PREFIXES[order.mini_program.kind]
    order.sign_data = compact(data)
    order.pay_sig = pay_sig(order.method, order.sign_data, key)
    order.signature = session_signature(order.sign_data, f"session{past.chance.random()}")
    order.request_hash = hashlib.sha256(f"{order.sign_data}{order.pay_sig}".encode()).hexdigest()


def finished(sale: Sale, past: Past) -> Order:
    """The order with its states and times; states can only be given to a new instance."""
    order, fate = sale.order, sale.fate
    states: dict[str, Any] = {"payment_state": PAYMENT_OF.get(fate, Payment.PAID)}
    states["delivery_state"] = DELIVERY_OF.get(fate, DeliveryState.DELIVERED)
    states["refund_state"] = REFUND_OF.get(fate, Order.RefundState.NONE)
    values = {each.attname: getattr(order, each.attname) for each in Order._meta.concrete_fields if not each.primary_key}
    made = Order(**(values | states))
    made.mini_program = order.mini_program
    if made.payment_state == Payment.CREATED:
        made.prepay_id = ""
    elif made.payment_state == Payment.PAID:
        made.paid_at = min(made.created_at + timedelta(seconds=past.chance.uniform(6, 75)), past.now)
        made.paid_amount = made.amount
        made.price_reading = Order.PriceReading.UNIT
    elif made.payment_state != Payment.UNPAID:
        made.closed_at = min(made.created_at + timedelta(minutes=past.chance.uniform(3, 30)), past.now)
    _special(made, fate)
    return made


def _special(order: Order, fate: str) -> None:
    if fate == "late":  # the player's bank was slow: paid after the superapp had closed the order
        order.closed_at, order.alert = order.created_at + timedelta(minutes=30), "paid_after_closing"
        order.paid_at = order.closed_at + timedelta(minutes=2)
    if fate == "mismatch":
        order.alert = "payment_mismatch"


PAYMENT_OF = {
    "expired": Payment.EXPIRED, "closed": Payment.CLOSED, "failed": Payment.FAILED, "unpaid": Payment.UNPAID,
    "created": Payment.CREATED, "mismatch": Payment.UNPAID,
}  # fmt: skip
DELIVERY_OF = dict.fromkeys(PAYMENT_OF, DeliveryState.NOT_DUE) | {
    "pending": DeliveryState.PENDING, "delivering": DeliveryState.DELIVERING, "attention": DeliveryState.NEEDS_ATTENTION,
    "cancelled": DeliveryState.CANCELLED, "held": DeliveryState.HELD,
}  # fmt: skip
REFUND_OF = {
    "refunded": Order.RefundState.REFUNDED, "cancelled": Order.RefundState.REFUNDED,
    "part_refunded": Order.RefundState.PARTIALLY_REFUNDED,
}  # fmt: skip


def utc_text(at: datetime) -> str:
    """RFC 3339, whole seconds, UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
