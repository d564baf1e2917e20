"""Exemption from the review of item releases: request, cancel, decide, revoke (docs/domain.md, section 3)."""

from datetime import date
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.lifecycle import move
from console.models import MiniProgram, User
from console.money import MoneyError, check_price
from console.permissions import require
from payments.actions.decisions import decide
from payments.content import content_hash
from payments.models import ExemptionRequest, owners_of
from payments.notices import tell_deciders
from payments.texts import message_given

MOST_PER_DAY = 10_000


def request_exemption(program: MiniProgram, *, actor: User, message: str) -> ExemptionRequest:
    """Ask to release items without review. Raises Refused (message, one already open), Invisible, Forbidden."""
    require(actor, "payments.request_exemption", program)
    text = message_given(message)
    row = ExemptionRequest(**owners_of(program), program=program, message=text, requested_by=actor)
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    try:
        with transaction.atomic():
            _close_what_is_over(program, actor=actor)
            row.save(force_insert=True)
            record("payments.exemption_request.request", row, actor=actor, changes={"state": [None, row.state]}, note=text)
            tell_deciders(row)
    except IntegrityError:
        raise Refused(_("An exemption is already in progress or approved. There is nothing to request.")) from None
    return row


class Limits(NamedTuple):
    """What an exemption covers. `price_ceiling` in minor units of `ceiling_currency`; days are those of UTC."""

    price_ceiling: int | None = None
    ceiling_currency: str = ""
    items_per_day: int | None = None
    last_day: date | None = None


def approve(
    request: ExemptionRequest, *, actor: User, reason: str = "", shown: str = "", limits: Limits | None = None
) -> ExemptionRequest:
    """Grant it, within limits if any. Raises Refused for limits that mean nothing; else as payments.actions.decisions.decide."""
    granted = limits or Limits()
    refuse_odd(granted)
    with transaction.atomic():
        row = decide(request, "approve", actor=actor, shown=shown, reason=reason, **granted._asdict())
        given = {name: [None, str(value)] for name, value in granted._asdict().items() if value}
        if given:
            record("payments.exemption_request.limit", row, actor=actor, changes=given)
    return row


def refuse_odd(limits: Limits) -> None:
    """Raise Refused, with a sentence per field, for limits that cannot be meant."""
    faults = {}
    if limits.price_ceiling is not None:
        try:
            check_price(limits.price_ceiling, limits.ceiling_currency)
        except MoneyError as error:
            faults["price_ceiling"] = str(error)
    if limits.items_per_day is not None and not 1 <= limits.items_per_day <= MOST_PER_DAY:
        faults["items_per_day"] = _("Enter a number from 1 to 10,000, or leave it empty for no limit.")
    if limits.last_day is not None and limits.last_day < timezone.now().date():
        faults["last_day"] = _("%(day)s is past. Enter a day from today on, or leave it empty.") % {"day": limits.last_day}
    if faults:
        raise Refused(**faults)


def reject(request: ExemptionRequest, *, actor: User, reason: str, shown: str = "", part: str = "") -> ExemptionRequest:
    """Refuse it with a reason of 1 to 500 characters. Errors as in payments.actions.decisions.decide."""
    return decide(request, "reject", actor=actor, shown=shown, part=part, reason=reason)


def _close_what_is_over(program: MiniProgram, *, actor: User) -> None:
    """An exemption past its last day covers nothing any more; it makes room for a new request."""
    rows = ExemptionRequest.objects.filter(program=program, open=True, state=ExemptionRequest.State.APPROVED)
    for old in rows.filter(last_day__lt=timezone.now().date()).select_for_update(of=("self", "request_ptr")):
        old.open, old.ended_at = None, timezone.now()
        old.save(update_fields=["open", "ended_at"])
        record("payments.exemption_request.end", old, actor=actor, changes={"open": [True, None]})


def cancel(request: ExemptionRequest, *, actor: User) -> ExemptionRequest:
    """Take the request back. Raises WrongState once it is decided."""
    return move(request, "cancel", actor=actor)


def revoke(request: ExemptionRequest, *, actor: User, reason: str) -> ExemptionRequest:
    """The superapp ends an exemption, with a reason; releases submitted from now on are reviewed. Raises WrongState, Refused."""
    return decide(request, "revoke", actor=actor, reason=reason)
