"""Decide many requests at once: all that were shown, or none (docs/superapp.md)."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from console.errors import Refused, WrongState
from console.models import Superapp, User
from console.permissions import require
from console.sentences import joined
from payments.actions import exemption, merchant, payment
from payments.content import content_hash
from payments.models import Request, why_not_decide

ACTIONS: dict[str, Any] = {
    Request.Kind.PAYMENT: payment,
    Request.Kind.MERCHANT_BINDING: merchant,
    Request.Kind.EXEMPTION: exemption,
}
AT_ONCE = 100  # requests of one decision


class Asked(NamedTuple):
    """A request of a selection with the hash of its content; `why_not` says why it is left out, "" when it is decided."""

    request: Request
    shown: str
    why_not: str


def selection(superapp: Superapp, numbers: Iterable[int], *, actor: User) -> list[Asked]:
    """The selected requests of `superapp`, oldest first, at most AT_ONCE. A superapp's other numbers are not there."""
    rows = Request.objects.filter(superapp=superapp, pk__in=list(numbers)).order_by("requested_at", "pk")
    found = rows.select_related("team", "mini_program", "requested_by", "decided_by")[:AT_ONCE]
    return [Asked(row, content_hash(row), _why_left_out(row, actor)) for row in (row.as_kind() for row in found)]


def _why_left_out(row: Request, actor: User) -> str:
    if row.state != Request.State.IN_PROGRESS:
        return _("It was decided or cancelled meanwhile.")
    if row.kind not in ACTIONS:
        return _("A release of items is decided on its own page, item by item or all at once.")
    return why_not_decide(row, actor)


def decide_many(
    superapp: Superapp, shown: dict[int, str], *, actor: User, approve: bool, reason: str = "", part: str = ""
) -> list[Request]:
    """Approve or reject these requests: `shown` maps their numbers to the hashes of the content that was shown.

    An exemption is approved without limits. All or none: raises Refused when one of them is not open any more, changed, or is not
    to be decided by `actor`; Refused for a rejection without a reason; Invisible, Forbidden.
    """
    require(actor, "payments.decide", superapp)
    asked = selection(superapp, shown, actor=actor)
    if not asked or len(asked) != len(shown):
        raise Refused(_("None of these requests is open here. Go back to the list and select again."))
    with transaction.atomic():
        return [_decide(row, shown[row.request.pk], actor=actor, approve=approve, reason=reason, part=part) for row in asked]


def _decide(row: Asked, shown: str, *, actor: User, approve: bool, reason: str, part: str) -> Request:
    action = ACTIONS.get(row.request.kind)
    try:
        if row.why_not or action is None:
            raise Refused(row.why_not)
        if approve:
            return action.approve(row.request, actor=actor, reason=reason, shown=shown)
        return action.reject(row.request, actor=actor, reason=reason, shown=shown, part=part)
    except WrongState as error:
        raise Refused(_named(row.request, str(error))) from None
    except Refused as error:
        if "reason" in error.errors:
            raise
        raise Refused(_named(row.request, joined(error.errors.values()))) from None


def _named(request: Request, sentence: str) -> str:
    return _("%(request)s: %(sentence)s") % {"request": request, "sentence": sentence}
