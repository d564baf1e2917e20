"""Put events into the outbox, hold and resume them, and send them once more (docs/deliveries.md)."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import WrongState
from console.lifecycle import lock, move
from console.models import MiniProgram, User
from console.permissions import System, require
from orders.lanes import PUSH, lane_of
from orders.models import Delivery, DeliveryState, Order, Refund, Settlement
from orders.moving import lock_deliveries, move_deliveries
from orders.receivers import lead_back
from orders.wake import wake_on_commit
from payments.models import DeliveryConfig

BATCH = 1000


def push_url(config: DeliveryConfig | None, *, env: int) -> str:
    """Where a push of the environment goes now, "" while it is held: not configured, switched off, or no Test URL."""
    return config.url_for(env=env) if config and config.enabled else ""


def enqueue(order: Order, *, event: str, body: str, actor: User | System, refund: Refund | None = None) -> Delivery:
    """Put one event into the outbox, due at once, or held while push is off or not configured.

    What a standard payment is told by goes to its notify_url, whatever the push is set to.
    Call it in the transaction that made the event happen, with the order locked. `body` is what every attempt posts.
    """
    config = DeliveryConfig.objects.filter(mini_program=order.mini_program_id).first()
    state = DeliveryState.PENDING if order.notify_url or push_url(config, env=order.env) else DeliveryState.HELD
    owners = {"mini_program_id": order.mini_program_id, "team_id": order.team_id, "superapp_id": order.superapp_id}
    told = {"order": order, "refund": refund, "event": event, "env": order.env, "url": order.notify_url, "body": body}
    delivery = Delivery.objects.create(**owners, **told, lane=lane_of(order.notify_url), state=state)
    if event == Delivery.Event.GOODS:
        move(order, "queue_delivery" if state == DeliveryState.PENDING else "hold_delivery", actor=actor)
    wake_on_commit()
    return delivery


def redeliver(delivery: Delivery, *, actor: User) -> Delivery:
    """Start the schedule anew, now: for what needs attention, or waits for its next attempt.

    Raises Invisible, Forbidden, or WrongState for what is acknowledged, held, cancelled or being sent.
    """
    require(actor, "orders.redeliver", delivery)
    with transaction.atomic():
        if delivery.order:
            lock(delivery.order)
        locked = lock(delivery)
        locked = _hasten(locked, actor=actor) if locked.state == DeliveryState.PENDING else _revive(locked, actor=actor)
        _put_back_on_desk(locked)
        wake_on_commit()
    return locked


def redeliver_order(order: Order, *, actor: User) -> int:
    """Redeliver every event of an order that can be; returns how many. Raises Invisible, Forbidden, WrongState when none can."""
    require(actor, "orders.redeliver", order)
    states = [DeliveryState.NEEDS_ATTENTION, DeliveryState.PENDING]
    rows = list(order.deliveries.filter(state__in=states).select_related("order"))
    if not rows:
        raise WrongState(_("Nothing of this order waits for a delivery: it is delivered, held, cancelled or being sent."))
    for row in rows:
        redeliver(row, actor=actor)
    return len(rows)


def hold_all(program: MiniProgram, *, actor: User | System) -> int:
    """Hold what waits for an attempt; what is being sent right now ends first. Returns how many are held now."""
    pending = Delivery.objects.filter(mini_program=program, state=DeliveryState.PENDING, url="")
    return _in_batches(pending.exclude(event=Delivery.Event.TEST), "hold", actor=actor)


def resume_all(program: MiniProgram, *, actor: User | System) -> int:
    """Make due at once what was held and has somewhere to go now. Returns how many are due now."""
    config = DeliveryConfig.objects.filter(mini_program=program).first()
    environments = [env for env in (0, 1) if push_url(config, env=env)]
    held = Delivery.objects.filter(mini_program=program, state=DeliveryState.HELD, env__in=environments)
    # The schedule starts now: time spent held is no time without an answer.
    lead_back({(program.pk, env, PUSH) for env in held.values_list("env", flat=True).distinct()})
    return _in_batches(held, "resume", actor=actor, next_attempt_at=Now(), first_due_at=Now(), schedule_step=0)


def cancel_goods(order: Order, *, actor: User | System) -> None:
    """Cancel the goods push of a locked, fully refunded order unless it is delivered. An attempt under way is fenced off."""
    open_states = [*DeliveryState.values]
    for closed in (DeliveryState.DELIVERED, DeliveryState.CANCELLED):
        open_states.remove(closed)
    rows = lock_deliveries(Delivery.objects.filter(order=order, event=Delivery.Event.GOODS, state__in=open_states))
    move_deliveries(rows, "cancel", actor=actor, lease_until=None, next_attempt_at=None)


def _in_batches(rows: "QuerySet[Delivery]", name: str, *, actor: User | System, **changes: Any) -> int:
    done = 0
    while True:
        with transaction.atomic():
            ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
            done += move_deliveries(lock_deliveries(rows.filter(pk__in=ids)), name, actor=actor, **changes)
            wake_on_commit()
        if len(ids) < BATCH:
            return done


def _hasten(locked: Delivery, *, actor: User) -> Delivery:
    """It waits already: the state stays, the schedule starts anew."""
    locked.first_due_at = locked.next_attempt_at = timezone.now()
    locked.schedule_step = 0
    locked.save(update_fields=["first_due_at", "next_attempt_at", "schedule_step"])
    record("orders.delivery.redeliver", locked, actor=actor)
    return locked


def _revive(locked: Delivery, *, actor: User) -> Delivery:
    moved = move(locked, "redeliver", actor=actor)
    if moved.event == Delivery.Event.GOODS and moved.order:
        move(moved.order, "queue_delivery", actor=actor)
    return moved


def _put_back_on_desk(delivery: Delivery) -> None:
    """Whoever settled it as undelivered did not mean this new try: if it fails too, it is on the mismatch desk again."""
    if delivery.event == Delivery.Event.GOODS and delivery.order_id:
        Settlement.objects.filter(case__in=Settlement.FAILING, subject=delivery.order_id).delete()
