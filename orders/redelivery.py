"""Redeliver many at once, as a job that spares the receiver (docs/deliveries.md, "Redelivering many")."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from console import jobs
from console.errors import Refused, WrongState
from console.jobs import Progress, job
from console.models import Job, MiniProgram, User
from console.permissions import require
from orders.actions.delivery import redeliver
from orders.models import Delivery, DeliveryState

KIND = "orders.redeliver"
PERMISSION = "orders.redeliver"
BATCH, PAUSE = 25, 0.5  # so many deliveries, then so many seconds: at most 50 a second become due
MOST_SELECTED = 100


@dataclass(frozen=True)
class Which:
    """Which of the events that failed: since a moment (aware), of an environment, a kind of payment, an item. Empty is any."""

    since: datetime | None = None
    env: str = ""
    kind: str = ""
    item: str = ""

    @property
    def conditions(self) -> dict[str, Any]:
        """As a filter of deliveries."""
        asked = {"created_at__gte": self.since, "env": self.env, "order__kind": self.kind, "order__product_id": self.item}
        return {name: value for name, value in asked.items() if value not in ("", None)}

    @property
    def params(self) -> dict[str, str]:
        """As texts that a job can hold."""
        since = self.since.isoformat() if self.since else ""
        return {"since": since, "env": self.env, "kind": self.kind, "item": self.item}

    @classmethod
    def of(cls, params: dict[str, Any]) -> "Which":
        """What `params` was made of; jobs of the previous version know `since` alone."""
        since = datetime.fromisoformat(params["since"]) if params["since"] else None
        return cls(since, **{name: params.get(name, "") for name in ("env", "kind", "item")})


ALL = Which()


def failed(program: MiniProgram, which: Which = ALL) -> "QuerySet[Delivery]":
    """What failed and is not acknowledged: parked, or waiting for the next attempt."""
    parked = Q(state=DeliveryState.NEEDS_ATTENTION)
    waiting = Q(state=DeliveryState.PENDING, schedule_step__gt=0)
    rows = Delivery.objects.filter(parked | waiting, mini_program=program).exclude(event=Delivery.Event.TEST)
    return rows.filter(**which.conditions)


def start_redelivery(
    program: MiniProgram, *, actor: User, which: Which = ALL, selected: Sequence[int] | None = None
) -> Job:
    """Start the job for the `selected` ids, or for all of those that failed.

    Raises Invisible, Forbidden, or Refused: nothing to redeliver, or more than 100 selected.
    """
    require(actor, PERMISSION, program)
    if selected is not None and len(selected) > MOST_SELECTED:
        raise Refused(_("At most 100 can be selected. Redeliver all since a time instead."))
    rows = failed(program, which) if selected is None else failed(program).filter(pk__in=selected)
    if not rows.exists():
        raise Refused(_("Nothing of this failed and still waits. Select deliveries in the list, or choose an earlier time."))
    ids = None if selected is None else list(selected)
    params = {"program": program.pk, **which.params, "selected": ids}
    title = _("Redelivery: %(place)s") % {"place": program.name}
    return jobs.start(KIND, actor=actor, title=title, params=params, container=program)


@job(KIND)
def redeliver_many(row: Job, progress: Progress) -> dict[str, Any]:
    """Redeliver one by one. What the job redelivered before a restart, or somebody else meanwhile, is left alone."""
    program = MiniProgram.objects.select_related("team", "superapp").get(pk=row.params["program"])
    require(row.actor, PERMISSION, program)
    ids = list(_meant(program, row).values_list("pk", flat=True))
    done = 0
    for start in range(0, len(ids), BATCH):
        if start:
            time.sleep(PAUSE)
        batch = _meant(program, row).filter(pk__in=ids[start : start + BATCH]).select_related("order")
        done += sum(_redelivered(delivery, row.actor) for delivery in batch)
        progress.advance(min(start + BATCH, len(ids)), len(ids))
    left = len(ids) - done
    return {"facts": [[_("Sent again"), f"{done:,}"], [_("Left alone: delivered, held or cancelled meanwhile"), f"{left:,}"]]}


def _meant(program: MiniProgram, row: Job) -> "QuerySet[Delivery]":
    """In the order of their events; not what was started anew since the job was asked for."""
    rows = failed(program, Which.of(row.params))
    if row.params["selected"] is not None:
        rows = rows.filter(pk__in=row.params["selected"])
    return rows.filter(first_due_at__lt=row.created_at).order_by("pk")


def _redelivered(delivery: Delivery, actor: User) -> bool:
    try:
        redeliver(delivery, actor=actor)
    except WrongState:  # a dispatcher has it in hand, or it was acknowledged a moment ago
        return False
    return True
