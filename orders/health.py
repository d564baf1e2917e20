"""What the health page says about deliveries (console/health.py, docs/operations.md)."""

from datetime import datetime, timedelta

from console.health import STANDSTILL, Figure, Report
from orders.models import Attempt, Delivery, DeliveryState, Heartbeat, Receiver

AT_WORK = timedelta(seconds=30)  # a dispatcher that was seen so lately


def deliveries(now: datetime) -> Report:
    """The outbox, the dispatchers, and whether anything moves."""
    seen = Heartbeat.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    waiting = Delivery.objects.filter(state=DeliveryState.PENDING)
    in_flight = Delivery.objects.filter(state=DeliveryState.DELIVERING, lease_until__isnull=False).count()
    oldest = _oldest_due(now)
    due = waiting.filter(next_attempt_at__lte=now).count()
    figures = [
        Figure("dispatchers", "Dispatchers seen in the last 30 seconds.", _at_work(now)),
        Figure("dispatcher_heartbeat_age_seconds", "Since a dispatcher was seen last.", _age(seen, now)),
        Figure("outbox_depth", "Deliveries that are not acknowledged and wait or are sent.", waiting.count() + in_flight),
        Figure("deliveries_due", "Deliveries that are due and not taken.", due),
        Figure("deliveries_oldest_due_seconds", "How long the oldest of them has been due.", _age(oldest, now) or 0),
        Figure("deliveries_in_flight", "Deliveries in hand of a dispatcher.", in_flight),
        Figure("deliveries_parked", "Deliveries that need attention.", _parked()),
        Figure("endpoints_resting", "Endpoints that get a probe now and then only.", _resting()),
    ]
    failing = ["deliveries_stand_still"] if stand_still(now) else []
    return Report(figures, failing, ["no_dispatcher"] if due and not _at_work(now) else [])


def stand_still(now: datetime) -> bool:
    """Whether something has been due for five minutes and nothing at all was attempted in that time."""
    since = now - STANDSTILL
    oldest = _oldest_due(now)
    left = Delivery.objects.filter(state=DeliveryState.DELIVERING, lease_until__lt=since).exists()  # by one that died
    if not left and (oldest is None or oldest > since):
        return False
    last = Attempt.objects.order_by("-pk").values_list("started_at", flat=True).first()
    return last is None or last < since


def _oldest_due(now: datetime) -> datetime | None:
    due = Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now)
    return due.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()


def _at_work(now: datetime) -> int:
    return Heartbeat.objects.filter(seen_at__gt=now - AT_WORK).count()


def _parked() -> int:
    return Delivery.objects.filter(state=DeliveryState.NEEDS_ATTENTION).exclude(event=Delivery.Event.TEST).count()


def _resting() -> int:
    return Receiver.objects.filter(rests_until__isnull=False).count()


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round((now - at).total_seconds(), 1)
