"""A mini program that sells and whose pushes go to a receiver on this machine; plain functions for fixtures and subprocesses."""

import base64
import json
import secrets as chance
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from console import secrets
from console.permissions import System
from orders.actions.payment import record_payment
from orders.dispatcher import Limits, run
from orders.models import Delivery, Notification, Order
from orders.payloads import GOODS_EVENT, REFUND_EVENT, PaidGoods, RefundNotice, read_goods
from orders.webhooks import pay_event_sig
from payments.models import Credential, DeliveryConfig, owners_of

SUPERAPP = System("superapp backend")
#: Tests wait for nothing longer than they have to.
QUICK = Limits(poll=0.02, sweep=0.0)


def give_keys(program, person) -> dict[int, str]:
    """An active credential; returns the AppKeys by environment."""
    serial = chance.token_hex(8).upper()
    keys = {env: base64.b64encode(chance.token_bytes(32)).decode() for env in (0, 1)}
    sealed = {
        f"sealed_{name}": secrets.seal(keys[env].encode(), bound_to=f"credential:{serial}:{name}")
        for env, name in enumerate(("live_key", "sandbox_key"))
    }
    now = timezone.now()
    Credential.objects.create(
        **owners_of(program), **sealed, serial_no=serial, certificate_pem="", fingerprint="", not_before=now,
        not_after=now + timedelta(days=1), live_key_fingerprint="", sandbox_key_fingerprint="", issued_by=person,
    )  # fmt: skip
    return keys


def open_push(program, person, url: str, *, test_url: str = "", enabled: bool = True) -> dict[int, str]:
    """Keys and a delivery configuration; returns the AppKeys by environment."""
    DeliveryConfig.objects.create(**owners_of(program), url=url, test_url=test_url, enabled=enabled, saved_by=person)
    return give_keys(program, person)


def new_order(program, number: str = "ORDER-1", **fields) -> Order:
    """An order of two gems at 990 each, unpaid."""
    values = {
        "open_id": "player", "product_id": "gem", "product_name": "Gem", "unit_price": 990, "quantity": 2, "amount": 1980,
        "currency": "USD", "prepay_id": "pp-1", "payment_state": "unpaid", **fields,
    }  # fmt: skip
    return Order.objects.create(**owners_of(program), out_trade_no=number, **values)


def goods_notification(order: Order, key: str = "key", **changes) -> Notification:
    """What the superapp tells of a payment; unsaved."""
    goods = {
        "ProductId": order.product_id, "Quantity": order.quantity, "ZoneId": "1", "OrigPrice": order.unit_price,
        "ActualPrice": order.unit_price, "Attach": "é\u2028 \"quoted\"", "OrderSource": 1,
    }  # fmt: skip
    top = {"OpenId": order.open_id, "Env": str(order.env), "OutTradeNo": order.out_trade_no}
    goods.update({name: value for name, value in changes.items() if name in goods})
    top.update({name: value for name, value in changes.items() if name in top})
    # Spaces and escapes as no serialiser of ours would write them: they have to arrive byte for byte.
    payload = json.dumps({**top, "GoodsInfo": goods}, indent=1)
    return _notification(order, "payment", GOODS_EVENT, payload, key)


def refund_notification(order: Order, key: str = "key") -> Notification:
    """What the superapp tells of a refund; unsaved. Its Payload is not read by record_refund."""
    return _notification(order, "refund", REFUND_EVENT, '{ "RefundNo": "R-1" }', key)


def _notification(order: Order, kind: str, event: str, payload: str, key: str) -> Notification:
    return Notification(
        superapp_id=order.superapp_id, kind=kind, env=order.env, out_trade_no=order.out_trade_no, event=event, pay_model="wallet",
        payload=payload, pay_event_sig=pay_event_sig(event, payload, key),
    )  # fmt: skip


def pay(order: Order, key: str = "key", **changes) -> str:
    """Tell of the payment; returns the verdict."""
    notification = goods_notification(order, key, **changes)
    return record_payment(notification, order=order, paid=read_goods(notification.payload), actor=SUPERAPP)


def paid(order: Order, **changes) -> PaidGoods:
    """The content of a payment notification that fits."""
    return read_goods(goods_notification(order, **changes).payload)


def notice(order: Order, number: str = "R-1", *, amount: int = 1980, status: str = "SUCCESS", **changes) -> RefundNotice:
    """The content of a refund notification that fits."""
    values = {
        "open_id": order.open_id, "env": order.env, "out_trade_no": order.out_trade_no, "refund_no": number, "amount": amount,
        "currency": order.currency, "cause": "asked for", "status": status, "started_at": datetime(2026, 11, 1, tzinfo=UTC),
        **changes,
    }  # fmt: skip
    return RefundNotice(**values)


@contextmanager
def dispatching(limits: Limits = QUICK) -> Iterator[threading.Event]:
    """A dispatcher in a thread; it is stopped, and has finished, when the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,), kwargs={"limits": limits})
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait until the condition holds; fails when that takes absurdly long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "This did not come about."
        time.sleep(0.01)


def dispatch(limits: Limits = QUICK) -> None:
    """Run a dispatcher until nothing is due and nothing is in hand."""
    with dispatching(limits):
        until(lambda: not open_now().exists())


def open_now():
    """Rows that are due or in hand."""
    due = Delivery.objects.filter(state="pending", next_attempt_at__lte=timezone.now())
    return due | Delivery.objects.filter(state="delivering", lease_until__isnull=False)
