"""What does not fit, so that the mismatch desk has something to show: refused prices, a refund of too much, stray payments."""

from contextlib import suppress
from datetime import timedelta

from items.models import Item
from orders.actions.mismatch import settle
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.mismatches import CASES
from orders.models import Notification, Order, PriceRefusal
from orders.payloads import GOODS_EVENT, REFUND_EVENT, RefundNotice
from orders.webhooks import pay_event_sig
from payments.models import owners_of
from simulator.calls import compact
from simulator.demo.history import utc_text
from simulator.demo.outcomes import PAY_MODEL, SUPERAPP
from simulator.demo.past import Past
from simulator.demo.world import World
from simulator.developer import backend_of

#: Days ago, times, and what the game asked in hundredths of the item's price: an old price list, and major for minor units.
REFUSED = ((0, 14, 80), (1, 212, 80), (6, 3, 1))


def build(world: World, past: Past) -> None:
    """Store them, and settle one as a senior developer would."""
    _refused_prices(world, past)
    _refund_of_too_much(world, past)
    _stray_payment(world, past)
    _wrongly_signed(world, past)
    old = PriceRefusal.objects.earliest("day")
    price = next(case for case in CASES if case.name == "price")
    settle(price, old.mini_program, [old.pk], note="The game sent major units; mended in 2.4.1.", actor=world.people["senior"])


def _refused_prices(world: World, past: Past) -> None:
    program = world.programs["moonlit"]
    items = Item.objects.filter(mini_program=program, on_sale=True).order_by("pk")[: len(REFUSED)]
    for item, (days, times, share) in zip(items, REFUSED, strict=True):
        at = past.ago(days=days, minutes=70)
        price = item.live_price or item.price
        PriceRefusal.objects.create(
            **owners_of(program), day=at.date(), product_id=item.product_id, asked_price=max(1, price * share // 100),
            asked_currency=item.live_currency, price=price, currency=item.live_currency, times=times,
            last_number=f"MC{at:%y%m%d%H%M}77", first_at=at - timedelta(hours=2), last_at=at,
        )  # fmt: skip


def _refund_of_too_much(world: World, past: Past) -> None:
    paid = Order.objects.filter(mini_program=world.programs["moonlit"], env=0, delivery_state="delivered", refund_state="none")
    order = paid.filter(created_at__lt=past.ago(days=2)).latest("created_at")
    at, amount = past.ago(hours=9), order.paid_amount + 500
    notice = RefundNotice(
        open_id=order.open_id, env=order.env, out_trade_no=order.out_trade_no, refund_no=f"RF{order.out_trade_no}X",
        amount=amount, currency=order.currency, cause="Bought twice", status="SUCCESS", started_at=at,
    )  # fmt: skip
    payload = {
        "OpenId": order.open_id, "Env": "0", "OutTradeNo": order.out_trade_no, "RefundNo": notice.refund_no,
        "RefundAmount": amount, "Currency": order.currency, "RefundReason": notice.cause, "RefundStatus": "SUCCESS",
        "RefundStartTime": utc_text(at),
    }  # fmt: skip
    told = _told(world, "refund", REFUND_EVENT, compact(payload), number=order.out_trade_no)
    told.received_at = at
    with suppress(OrderError):
        record_refund(order=order, notice=notice, notification=told, actor=SUPERAPP)


def _stray_payment(world: World, past: Past) -> None:
    number = f"MC{past.ago(hours=5):%y%m%d%H%M}90210"
    goods = {"ProductId": "moon_card", "Quantity": 1, "ZoneId": "1", "OrigPrice": 990, "ActualPrice": 990, "Attach": ""}
    payload = {"OpenId": "ostray", "Env": "0", "OutTradeNo": number, "GoodsInfo": goods | {"OrderSource": 1}}
    told = _told(world, "payment", GOODS_EVENT, compact(payload), number=number)
    told.received_at = past.ago(hours=5)
    told.save()


def _wrongly_signed(world: World, past: Past) -> None:
    """The superapp's backend took the key of the sandbox for a live order."""
    unpaid = Order.objects.filter(mini_program=world.programs["moonlit"], env=0, kind="virtual", payment_state="unpaid")
    order = unpaid.filter(created_at__lt=past.ago(hours=3)).latest("created_at")
    price = {"OrigPrice": order.unit_price, "ActualPrice": order.unit_price, "Quantity": order.quantity}
    goods = {"ProductId": order.product_id, "ZoneId": "1", "Attach": order.attach, "OrderSource": 1} | price
    payload = {"OpenId": order.open_id, "Env": "0", "OutTradeNo": order.out_trade_no, "GoodsInfo": goods}
    told = _told(world, "payment", GOODS_EVENT, compact(payload), number=order.out_trade_no, key_of=1)
    told.verdict, told.received_at = Notification.Verdict.BAD_SIGNATURE, order.created_at + timedelta(minutes=2)
    told.save()


def _told(world: World, kind: str, event: str, payload: str, *, number: str, key_of: int = 0) -> Notification:
    key = backend_of(world.programs["moonlit"]).app_key(key_of)
    return Notification(
        superapp=world.superapp, kind=kind, out_trade_no=number, event=event, pay_model=PAY_MODEL, payload=payload,
        pay_event_sig=pay_event_sig(event, payload, key), verdict=Notification.Verdict.UNKNOWN_ORDER,
    )  # fmt: skip
