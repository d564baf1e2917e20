"""Work that rows describe and beat wakes."""

from itertools import islice

from django.conf import settings
from django.db.models import Exists, OuterRef

from console.celery import app
from console.permissions import System
from orders.actions.archive import archive_orders, limit
from orders.actions.kept import match_kept_notifications
from orders.actions.price_refusal import forget
from orders.models import Notification, Order
from orders.rollups import roll

SWEEPER = System("notification sweeper")


@app.task(name="orders.tasks.match_notifications")
def match_notifications(limit: int = 100) -> int:
    """Apply kept notifications whose order appeared without anybody noticing, because of a crash. Returns how many fitted."""
    same = {"superapp": OuterRef("superapp"), "env": OuterRef("env"), "out_trade_no": OuterRef("out_trade_no")}
    kept = Notification.objects.filter(order=None, verdict=Notification.Verdict.UNKNOWN_ORDER)
    matched = 0
    for row in kept.filter(Exists(Order.objects.filter(**same))).order_by("-pk")[:limit]:
        for order in Order.objects.filter(superapp=row.superapp_id, env=row.env, out_trade_no=row.out_trade_no):
            matched += match_kept_notifications(order, actor=SWEEPER)
    return matched


@app.task(name="orders.tasks.archive")
def archive(files: int = 10) -> int:
    """Archive what is due, at most so many files; the next call goes on. Returns how many files. Off without a retention."""
    if not settings.ARCHIVE_AFTER_MONTHS:
        return 0
    made = archive_orders(before=limit(settings.ARCHIVE_AFTER_MONTHS), actor=System("archive"))
    return sum(1 for _archive in islice(made, files))


@app.task(name="orders.tasks.forget_refusals")
def forget_refusals() -> int:
    """Delete the counts of refused prices that the mismatch desk looks no more at; returns how many."""
    return forget()


@app.task(name="orders.tasks.roll_up")
def roll_up() -> int:
    """Make the figures of what is settled by now, and mend those of what changed late. Returns in how many steps."""
    return roll()
