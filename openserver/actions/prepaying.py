"""One prepay id for an order, whoever asks and how often (docs/openserver.md, "Placing an order").

The lease in the order's row says who asks the superapp; identical requests wait for that answer.
"""

import time
from collections.abc import Callable
from datetime import datetime

import structlog

from console.crash import mark
from openserver.errors import ApiError
from openserver.superapp import SuperappUnavailable
from orders.actions import placing
from orders.actions.kept import match_kept_notifications
from orders.actions.placing import ACTOR
from orders.models import Order

# Longer than the lease: if its holder crashed, somebody who waits takes over.
TWIN_WAIT = placing.LEASE.total_seconds() + 5  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25  # seconds

log = structlog.get_logger(__name__)

#: Asks the superapp for the prepay id of an order. Raises SuperappUnavailable.
Ask = Callable[[Order], str]


def ask_as_holder(order: Order, lease: datetime, ask: Ask) -> str:
    """Ask the superapp as the holder of the lease, and hold what it answers. Raises SuperappUnavailable."""
    try:
        prepay_id = ask(order)
    except SuperappUnavailable as error:
        log.warning("prepay_failed", superapp=order.superapp_id, order=order.pk, error=str(error), detail=error.detail)
        placing.release_prepay(order, lease)
        raise
    mark("after-prepay-answered")
    held = placing.hold_prepay(order, prepay_id=prepay_id, lease=lease)
    if held.notified_before:
        match_kept_notifications(order, actor=ACTOR)
    return prepay_id if held.stored else _late(order, prepay_id)


def answer_of_twin(order: Order, ask: Ask) -> str:
    """The prepay id that the identical request before this one gets; ask in its place when nobody does. Raises ApiError."""
    end, pause, waited = time.monotonic() + TWIN_WAIT, FIRST_PAUSE, False
    while time.monotonic() < end:
        twin = _same_request(order)
        if twin.prepay_id:
            return twin.prepay_id
        if waited and twin.prepay_lease_until is None:
            raise SuperappUnavailable("gave no answer to the identical request before this one")
        if twin.prepay_lease_until is None or placing.lease_is_over(twin):
            lease = placing.claim_prepay(twin)
            if lease is not None:
                order.pk = twin.pk
                return ask_as_holder(order, lease, ask)
        waited = True
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    raise _busy()


def _late(order: Order, prepay_id: str) -> str:
    """The order moved on while the superapp was answering: paid already, or the lease was lost.

    An id that is not stored is not given away: whoever took the lease over may have failed. Raises BUSY.
    """
    placing.keep_late_prepay(order, prepay_id)
    twin = placing.find_twin(order)
    if twin is None or not twin.prepay_id:
        raise _busy()
    return twin.prepay_id


def _busy() -> ApiError:
    return ApiError("BUSY", "The identical request before this one is still under way. Send it again in a few seconds.")


def _same_request(order: Order) -> Order:
    """The stored order of the same number, if it came from the identical request and is unpaid. Raises ApiError."""
    twin = placing.find_twin(order)
    if twin is None and placing.is_archived(order):
        raise ApiError("ORDER_NO_REUSED", "The order number was used for an order that is archived by now. Use a new number.")
    if twin is None:
        # Nothing stored, no twin, nothing archived: the item was changed between the check and the insert.
        raise ApiError("PRICE_MISMATCH", "The item was changed at this moment. Read its price again and sign a new order.")
    if twin.request_hash != order.request_hash or twin.payment_state not in (Order.Payment.CREATED, Order.Payment.UNPAID):
        raise ApiError("ORDER_NO_REUSED", "The order number was used for another order, or this one has ended. Use a new number.")
    return twin
