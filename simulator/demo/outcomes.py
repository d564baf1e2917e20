"""What followed the demo's orders: notifications, pushes with their attempts, refunds, audit entries."""

import sys
import uuid
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from django.db import models

from console.permissions import System
from orders.models import Attempt, Delivery, DeliveryState, Notification, Order, Refund
from orders.payloads import GOODS_EVENT, REFUND_EVENT, envelope
from orders.schedule import DELAYS, LATER
from orders.webhooks import pay_event_sig, webhook_headers
from payments.models import owners_of
from simulator.calls import compact
from simulator.demo import history
from simulator.demo.history import Sale, utc_text
from simulator.demo.past import Past
from simulator.demo.world import World, receiver_url

PAY_MODEL = "orbit-wallet"
SUPERAPP, OPENSERVER = System("superapp orbit"), System("openServer")
CAUSES = ("Bought by mistake", "A child bought it", "Item did not arrive", "Bought twice", "Changed my mind")
#: Fate → state of its refund.
REFUNDS = {
    "refunded": Refund.State.SUCCESS, "part_refunded": Refund.State.SUCCESS, "cancelled": Refund.State.SUCCESS,
    "refund_processing": Refund.State.PROCESSING, "refund_closed": Refund.State.CLOSED, "refund_failed": Refund.State.FAILED,
}  # fmt: skip
#: State of a refund → the verb that brought it there.
NOT_CARRIED_OUT = {Refund.State.CLOSED: "close", Refund.State.FAILED: "fail"}
#: Verb, object, time, actor, field, before, after.
Move = tuple[str, models.Model, datetime | None, System, str, str | None, str]
ACKNOWLEDGED_TEXT = '{"returnCode":"0","returnMessage":"OK","data":"OK"}'
FAILED_TEXT = "The stand-in developer backend was told to fail."
#: Audit entries of single orders go back this far.
AUDITED = timedelta(days=10)


def build(world: World, past: Past) -> None:
    """Store all orders and what followed them; a few thousand rows in a few statements."""
    made = list(history.sales(world, past))
    for sale in made:
        sale.order = history.finished(sale, past)
    Order.objects.bulk_create([sale.order for sale in made], batch_size=500)
    refunds = [refund for sale in made for refund in _refunds(sale, past)]
    Refund.objects.bulk_create(refunds, batch_size=500)
    _add_up(made)
    deliveries = [row for sale in made for row in _events(sale, past)]
    Notification.objects.bulk_create([row for sale in made for row in sale.rows["notifications"]], batch_size=500)
    Delivery.objects.bulk_create(deliveries, batch_size=500)
    Attempt.objects.bulk_create([row for sale in made for row in _attempts(sale, past)], batch_size=500)
    _finish_orders(made, past)
    for sale in made:
        _audit(sale, past)


def _refunds(sale: Sale, past: Past) -> list[Refund]:
    state, order = REFUNDS.get(sale.fate), sale.order
    if state is None or order.paid_at is None:
        return []
    part = sale.fate == "part_refunded"
    amount = max(1, order.amount * past.chance.choice((25, 40, 50)) // 100) if part else order.amount
    soonest = 20 if sale.fate == "cancelled" else 3600
    started = min(order.paid_at + timedelta(seconds=past.chance.uniform(soonest, soonest * 40)), past.ago(minutes=4))
    started = max(started, order.paid_at)
    refund = Refund(
        **owners_of(order.mini_program), order=order, env=order.env, refund_no=f"RF{order.out_trade_no}", open_id=order.open_id,
        out_trade_no=order.out_trade_no, product_id=order.product_id, amount=amount, currency=order.currency,
        cause=past.chance.choice(CAUSES), state=state, started_at=started, created_at=started,
    )  # fmt: skip
    if state == Refund.State.SUCCESS:
        refund.succeeded_at = started + timedelta(seconds=past.chance.uniform(30, 200))
    sale.rows["refunds"] = [refund]
    return [refund]


def _add_up(made: list[Sale]) -> None:
    """Bring the sums of the orders in step with their refunds."""
    for sale in made:
        for refund in sale.rows.get("refunds", []):
            if refund.state == Refund.State.SUCCESS:
                sale.order.refunded_amount += refund.amount
            elif refund.state == Refund.State.PROCESSING:
                sale.order.refunding_amount += refund.amount


def _events(sale: Sale, past: Past) -> list[Delivery]:
    """Notifications of the superapp, and the pushes that follow from them."""
    order, deliveries = sale.order, []
    notifications = sale.rows.setdefault("notifications", [])
    if order.paid_at or sale.fate == "mismatch":
        told = _notification(sale, GOODS_EVENT, _goods(sale), order.paid_at or order.created_at + timedelta(seconds=40))
        notifications.append(told)
        if sale.fate == "mismatch":
            told.verdict, told.detail = Notification.Verdict.MISMATCH, "ActualPrice: not what the order says."
        else:
            deliveries.append(_delivery(sale, told, event="goods", state=str(order.delivery_state)))
    for refund in sale.rows.get("refunds", []):
        told = _notification(sale, REFUND_EVENT, _refund_payload(refund), refund.succeeded_at or refund.started_at)
        notifications.append(told)
        if refund.state == Refund.State.SUCCESS:
            held = order.delivery_state == DeliveryState.HELD
            state = DeliveryState.HELD if held else DeliveryState.DELIVERED
            deliveries.append(_delivery(sale, told, event="refund", state=state, refund=refund))
    sale.rows["deliveries"] = deliveries
    return deliveries


def _notification(sale: Sale, event: str, payload: dict[str, Any], at: datetime) -> Notification:
    order, text = sale.order, compact(payload)
    kind = Notification.Kind.PAYMENT if event == GOODS_EVENT else Notification.Kind.REFUND
    return Notification(
        superapp_id=order.superapp_id, order=order, kind=kind, env=order.env, out_trade_no=order.out_trade_no, event=event,
        pay_model=PAY_MODEL, payload=text, pay_event_sig=pay_event_sig(event, text, sale.key), received_at=at,
        verdict=Notification.Verdict.ACCEPTED,
    )  # fmt: skip


def _goods(sale: Sale) -> dict[str, Any]:
    order = sale.order
    price = order.unit_price + (100 if sale.fate == "mismatch" else 0)
    goods = {
        "ProductId": order.product_id, "Quantity": order.quantity, "ZoneId": order.zone_id, "OrigPrice": order.unit_price,
        "ActualPrice": price, "Attach": order.attach, "OrderSource": 1,
    }  # fmt: skip
    return {"OpenId": order.open_id, "Env": str(order.env), "OutTradeNo": order.out_trade_no, "GoodsInfo": goods}


def _refund_payload(refund: Refund) -> dict[str, Any]:
    payload = {
        "OpenId": refund.open_id, "Env": str(refund.env), "OutTradeNo": refund.out_trade_no, "RefundNo": refund.refund_no,
        "RefundAmount": refund.amount, "Currency": refund.currency, "RefundReason": refund.cause,
        "RefundStatus": str(refund.state).upper(), "RefundStartTime": utc_text(refund.started_at),
    }  # fmt: skip
    return payload | ({"RefundSuccTime": utc_text(refund.succeeded_at)} if refund.succeeded_at else {})


def _delivery(sale: Sale, told: Notification, *, event: str, state: str, refund: Refund | None = None) -> Delivery:
    body = envelope(event=told.event, pay_model=PAY_MODEL, payload=told.payload, signature=told.pay_event_sig)
    return Delivery(
        **owners_of(sale.order.mini_program), uid=uuid.uuid5(uuid.NAMESPACE_URL, f"{sale.order.out_trade_no}/{event}"),
        order=sale.order, refund=refund, event=event, env=sale.order.env, body=body, state=state,
        first_due_at=told.received_at, created_at=told.received_at, next_attempt_at=None,
    )  # fmt: skip


def _attempts(sale: Sale, past: Past) -> list[Attempt]:
    """The attempts of the order's pushes; the pushes' own columns follow from them."""
    return [attempt for delivery in sale.rows["deliveries"] for attempt in _attempts_of(sale, delivery, past)]


def _attempts_of(sale: Sale, delivery: Delivery, past: Past) -> list[Attempt]:
    delivered = delivery.state == DeliveryState.DELIVERED
    failures = min(_failures(sale, delivery, past), max(_due(delivery, past) - delivered, not delivered))
    at, made = delivery.first_due_at + timedelta(seconds=0.4), []
    for number in range(1, failures + delivered + 1):
        made.append(_attempt(sale, delivery, number, at, acknowledged=delivered and number > failures, past=past))
        at += timedelta(seconds=(DELAYS[number - 1] if number <= len(DELAYS) else LATER))
    for attempt, following in zip(made, made[1:], strict=False):
        attempt.next_attempt_at = following.started_at
    delivery.attempt_number = delivery.schedule_step = len(made)
    if delivered:
        delivery.acknowledged_at, delivery.schedule_step = made[-1].started_at + timedelta(seconds=0.2), failures
    if delivery.state == DeliveryState.PENDING:
        delivery.next_attempt_at = max(at, past.now + timedelta(seconds=past.chance.uniform(60, 240)))
        made[-1].next_attempt_at = delivery.next_attempt_at
    if delivery.state == DeliveryState.DELIVERING:
        delivery.lease_until = past.now + timedelta(seconds=90)
    return made


def _due(delivery: Delivery, past: Past) -> int:
    """How many attempts of the schedule lie in the past; of one that ended all of them."""
    if delivery.state == DeliveryState.NEEDS_ATTENTION:
        return sys.maxsize
    seconds = accumulate(DELAYS, initial=1)
    return sum(delivery.first_due_at + timedelta(seconds=each) < past.now for each in seconds)


def _failures(sale: Sale, delivery: Delivery, past: Past) -> int:
    """How often the receiver failed before."""
    if delivery.state == DeliveryState.HELD:
        return 0
    if delivery.state == DeliveryState.NEEDS_ATTENTION:
        return len(DELAYS) + 1 + 29 * 4
    if sale.fate in {"pending", "cancelled"} and delivery.event == "goods":
        return past.chance.randint(2, 5)
    return past.chance.choices((0, 1, 2, 3), (80, 14, 4, 2))[0]


def _attempt(
    sale: Sale, delivery: Delivery, number: int, at: datetime, *, acknowledged: bool, past: Past
) -> Attempt:
    url = receiver_url(sale.order.mini_program) + ("/test" if delivery.env else "")
    signed = webhook_headers(
        webhook_id=str(delivery.uid), timestamp=int(at.timestamp()), body=delivery.body.encode(), app_keys=[sale.key]
    )
    silent = not acknowledged and past.chance.random() < 0.3
    first, total = past.chance.uniform(8, 90), past.chance.uniform(95, 260)
    answered = {"status": 200, "return_code": "0", "answer": ACKNOWLEDGED_TEXT, "outcome": Attempt.Outcome.ACKNOWLEDGED}
    failed = {"status": 500, "answer": FAILED_TEXT, "outcome": Attempt.Outcome.BAD_STATUS}
    unheard = {"status": None, "error": "timeout", "outcome": Attempt.Outcome.NO_ANSWER}
    return Attempt(
        delivery=delivery, mini_program_id=delivery.mini_program_id, number=number, url=url,
        request_headers={"Content-Type": "application/json; charset=utf-8", **signed},
        started_at=at, durations={} if silent else {"first_byte": round(first, 1), "total": round(total, 1)},
        **(answered if acknowledged else unheard if silent else failed),
    )  # fmt: skip


def _finish_orders(made: list[Sale], past: Past) -> None:
    """Write back what the attempts and refunds came to."""
    deliveries = [row for sale in made for row in sale.rows["deliveries"]]
    columns = ["attempt_number", "schedule_step", "acknowledged_at", "next_attempt_at", "lease_until"]
    Delivery.objects.bulk_update(deliveries, columns, batch_size=200)
    changed = []
    for sale in made:
        goods = [row for row in sale.rows["deliveries"] if row.event == "goods" and row.acknowledged_at]
        sale.order.delivered_at = goods[0].acknowledged_at if goods else None
        if goods or sale.rows.get("refunds"):
            changed.append(sale.order)
    Order.objects.bulk_update(changed, ["delivered_at", "refunded_amount", "refunding_amount"], batch_size=200)


def _audit(sale: Sale, past: Past) -> None:
    """The moves of a recent order, one entry each; of an older one those that its timeline knows from nowhere else."""
    moves = _endings(sale)
    if past.now - sale.order.created_at <= AUDITED:
        moves += _moves(sale)
    for verb, obj, at, actor, field, before, after in moves:
        if at is not None:
            past.note(f"orders.{verb}", obj, at, actor=actor, changes={field: [before, after]})


def _moves(sale: Sale) -> list[Move]:
    order = sale.order
    queued = ("order.queue_delivery", order, order.paid_at, SUPERAPP, "delivery_state", "not_due", "pending")
    moves: list[Move] = [
        ("order.place", order, order.created_at, OPENSERVER, "payment_state", None, "created"),
        ("order.pay", order, order.paid_at, SUPERAPP, "payment_state", "unpaid", "paid"),
        *([] if order.delivery_state == DeliveryState.HELD else [queued]),
        ("order.acknowledge_delivery", order, order.delivered_at, OPENSERVER, "delivery_state", "delivering", "delivered"),
    ]
    for refund in sale.rows.get("refunds", []):
        moves.append(("refund.start", refund, refund.started_at, SUPERAPP, "state", "", "processing"))
        moves.append(("refund.succeed", refund, refund.succeeded_at, SUPERAPP, "state", "processing", "success"))
    return moves


def _endings(sale: Sale) -> list[Move]:
    """Deliveries that were held or cancelled, refunds that were not carried out."""
    order, refunds, moves = sale.order, sale.rows.get("refunds", []), list[Move]()
    if order.delivery_state == DeliveryState.HELD:
        moves.append(("order.hold_delivery", order, order.paid_at, SUPERAPP, "delivery_state", "not_due", "held"))
    for delivery in sale.rows["deliveries"]:
        if delivery.state == DeliveryState.CANCELLED:
            moves.append(("delivery.cancel", delivery, refunds[0].succeeded_at, SUPERAPP, "state", "pending", "cancelled"))
    for refund in refunds:
        if refund.state in NOT_CARRIED_OUT:
            verb = f"refund.{NOT_CARRIED_OUT[refund.state]}"
            moves.append((verb, refund, refund.started_at, SUPERAPP, "state", "processing", refund.state))
    return moves
