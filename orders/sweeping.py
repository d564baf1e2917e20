"""What a dispatcher does every few seconds beside sending: nothing that waits may depend on somebody's remembering it."""

import os
import socket
import threading
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from orders.alerts import send_alerts
from orders.lanes import PUSH
from orders.models import Delivery, DeliveryState, Heartbeat, Receiver
from orders.moving import lock_deliveries, move_deliveries
from orders.outbox import DISPATCHER, of_endpoints
from orders.receivers import ENDPOINT, forget_recovered, lead_back
from orders.schedule import END, ENDED

BEAT = timedelta(seconds=5)
FORGOTTEN = timedelta(days=1)  # a dispatcher that was not seen for so long


def sweep() -> None:
    """All of it. Safe in any number of dispatchers at once."""
    reclaim()
    resume_ready()
    park_ended()
    forget_recovered(timezone.now())
    beat()


def reclaim() -> int:
    """Make due again what a dispatcher had in hand when it died: its lease is over. Returns how many."""
    late = Delivery.objects.filter(state=DeliveryState.DELIVERING, lease_until__lt=Now())
    if not late.exists():
        return 0
    with transaction.atomic():
        rows = lock_deliveries(late)
        return move_deliveries(rows, "retry", actor=DISPATCHER, next_attempt_at=Now(), lease_until=None)


def resume_ready(limit: int = 500) -> int:
    """Make due what is held although its push is on and has an address: the address was set since. Returns how many."""
    ready = Q(mini_program__delivery_config__enabled=True)
    ready &= Q(env=0) | ~Q(mini_program__delivery_config__test_url="")
    held = Delivery.objects.filter(ready, state=DeliveryState.HELD)
    ids = list(held.values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    with transaction.atomic():
        rows = lock_deliveries(Delivery.objects.filter(pk__in=ids, state=DeliveryState.HELD))
        lead_back({(row.mini_program_id, row.env, PUSH) for row in rows})
        return move_deliveries(rows, "resume", actor=DISPATCHER, next_attempt_at=Now(), first_due_at=Now(), schedule_step=0)


def park_ended(limit: int = 500) -> int:
    """Park what waits at a resting endpoint although its 30 days are over: there is no turn for each. Returns how many."""
    resting = Receiver.objects.filter(rests_until__isnull=False).values_list(*ENDPOINT)
    over = Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=Now(), first_due_at__lt=Now() - END)
    rows = over.filter(of_endpoints(resting))
    ids = list(rows.values_list("pk", flat=True)[:limit])
    if not ids:
        return 0
    with transaction.atomic():
        locked = lock_deliveries(rows.filter(pk__in=ids))
        # Only what is being delivered can be parked (docs/domain.md, "Order"), so it is taken first.
        move_deliveries(locked, "claim", actor=DISPATCHER)
        taken = [row._replace(state=DeliveryState.DELIVERING, order_state=DeliveryState.DELIVERING) for row in locked]
        parked = move_deliveries(taken, "park", actor=DISPATCHER, next_attempt_at=None)
        send_alerts((row.mini_program_id, ENDED) for row in locked)
        return parked


def beat() -> None:
    """Say that this dispatcher is at work."""
    name, now = f"{socket.gethostname()} {os.getpid()} {threading.get_ident()}", timezone.now()
    if Heartbeat.objects.filter(name=name, seen_at__gt=now - BEAT).exists():
        return
    Heartbeat.objects.update_or_create(name=name, defaults={"seen_at": now})
    Heartbeat.objects.filter(seen_at__lt=now - FORGOTTEN).delete()


def leave() -> None:
    """Say that this dispatcher has stopped."""
    Heartbeat.objects.filter(name=f"{socket.gethostname()} {os.getpid()} {threading.get_ident()}").delete()
