"""Exemption from the review of item releases: request, cancel, decide, revoke (docs/domain.md, section 3)."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.lifecycle import move
from console.models import MiniProgram, User
from console.permissions import require
from payments.actions.decisions import decide
from payments.content import content_hash
from payments.models import ExemptionRequest, owners_of
from payments.texts import message_given


def request_exemption(program: MiniProgram, *, actor: User, message: str) -> ExemptionRequest:
    """Ask to release items without review. Raises Refused (message, one already open), Invisible, Forbidden."""
    require(actor, "payments.request_exemption", program)
    text = message_given(message)
    row = ExemptionRequest(**owners_of(program), program=program, message=text, requested_by=actor)
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            record("payments.exemption_request.request", row, actor=actor, changes={"state": [None, row.state]}, note=text)
    except IntegrityError:
        raise Refused(_("An exemption is already in progress or approved. There is nothing to request.")) from None
    return row


def approve(request: ExemptionRequest, *, actor: User, reason: str = "", shown: str = "") -> ExemptionRequest:
    """Grant it. Errors as in payments.actions.decisions.decide."""
    return decide(request, "approve", actor=actor, shown=shown, reason=reason)


def reject(request: ExemptionRequest, *, actor: User, reason: str, shown: str = "") -> ExemptionRequest:
    """Refuse it with a reason of 1 to 500 characters. Errors as in payments.actions.decisions.decide."""
    return decide(request, "reject", actor=actor, shown=shown, reason=reason)


def cancel(request: ExemptionRequest, *, actor: User) -> ExemptionRequest:
    """Take the request back. Raises WrongState once it is decided."""
    return move(request, "cancel", actor=actor)


def revoke(request: ExemptionRequest, *, actor: User, reason: str) -> ExemptionRequest:
    """The superapp ends an exemption, with a reason; releases submitted from now on are reviewed. Raises WrongState, Refused."""
    return decide(request, "revoke", actor=actor, reason=reason)
