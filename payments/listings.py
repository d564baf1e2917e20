"""The approver's queue: one query over one table, whatever the kind."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from console.models import Superapp
from payments.models import Request

PAGE = 50

#: Where a request of each kind is reviewed. Routes are strings, so a kind of an app to the right can stand here.
REVIEW_ROUTES = {
    Request.Kind.PAYMENT: "payments:review",
    Request.Kind.MERCHANT_BINDING: "payments:review",
    Request.Kind.EXEMPTION: "payments:review",
    Request.Kind.RELEASE: "items:release-review",
}


class Page(NamedTuple):
    """A page of the queue; `next_cursor` is "" on the last."""

    rows: list[Request]
    next_cursor: str


def queue(superapp: Superapp, *, tab: str, kind: str = "", after: str = "") -> Page:
    """Requests of the superapp: tab "pending" oldest first, tab "decided" what ended last first. `after` is a `next_cursor`."""
    rows: QuerySet[Request] = Request.objects.filter(superapp=superapp).select_related(
        "team", "mini_program", "requested_by", "decided_by"
    )
    if kind in Request.Kind.values:
        rows = rows.filter(kind=kind)
    rows = _pending(rows, after) if tab == "pending" else _decided(rows, after)
    found = list(rows[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(found[:PAGE], _cursor(last, tab) if last else "")


def _pending(rows: "QuerySet[Request]", after: str) -> "QuerySet[Request]":
    rows = rows.filter(state=Request.State.IN_PROGRESS).order_by("requested_at", "pk")
    at, pk = _read(after)
    return rows.filter(Q(requested_at__gt=at) | Q(requested_at=at, pk__gt=pk)) if at else rows


def _decided(rows: "QuerySet[Request]", after: str) -> "QuerySet[Request]":
    rows = rows.exclude(state=Request.State.IN_PROGRESS).annotate(closed_at=Coalesce("ended_at", "decided_at", "requested_at"))
    rows = rows.order_by("-closed_at", "-pk")
    at, pk = _read(after)
    return rows.filter(Q(closed_at__lt=at) | Q(closed_at=at, pk__lt=pk)) if at else rows


def _cursor(row: Request, tab: str) -> str:
    at = row.requested_at if tab == "pending" else row.closed_at  # type: ignore[attr-defined]
    return f"{at.isoformat()}~{row.pk}"


def _read(cursor: str) -> tuple[datetime | None, int]:
    """A cursor that was tampered with is the first page."""
    at, _tilde, pk = cursor.partition("~")
    try:
        moment, number = datetime.fromisoformat(at), int(pk)
    except ValueError:
        return None, 0
    return (moment, number) if moment.tzinfo and 0 <= number < 2**63 else (None, 0)
