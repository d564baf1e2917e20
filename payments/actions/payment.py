"""Payment permission of a mini program: request, cancel, decide, disable (docs/domain.md, section 3)."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.lifecycle import move
from console.models import MiniProgram, User
from console.permissions import require
from payments.actions.decisions import decide
from payments.content import content_hash
from payments.models import MerchantBinding, PaymentRequest, owners_of
from payments.notices import tell_deciders
from payments.texts import message_given


def request_payment(
    program: MiniProgram,
    *,
    actor: User,
    message: str,
    type: str = PaymentRequest.Type.VIRTUAL,  # noqa: A002
) -> PaymentRequest:
    """Ask the superapp for the payment permission.

    Guards: payment feature on, merchant effective, a visible message of at most 500 characters, no request in progress or
    approved. Raises Refused, Invisible, Forbidden.
    """
    require(actor, "payments.request_payment", program)
    text = message_given(message)
    if sentence := why_not_request(program, type=type):
        raise Refused(sentence)
    row = PaymentRequest(**owners_of(program), program=program, type=type, message=text, requested_by=actor)
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            record("payments.payment_request.request", row, actor=actor, changes={"state": [None, row.state]}, note=text)
            tell_deciders(row)
    except IntegrityError:
        raise Refused(_open_sentence(program, type)) from None
    return row


def why_not_request(program: MiniProgram, *, type: str = PaymentRequest.Type.VIRTUAL) -> str:  # noqa: A002
    """Why no request can be made now, with what to do, in a sentence; "" when one can."""
    if not program.superapp.payment_enabled or not program.superapp.currencies:
        return _("%(superapp)s has not switched the payment feature on yet. Ask an admin of %(superapp)s to do it.") % {
            "superapp": program.superapp.name
        }
    if not MerchantBinding.objects.filter(bound_team=program.team_id, effective=True).exists():
        return _("The team has no effective merchant yet. Bind one under Merchant and wait until it is approved.")
    return _open_sentence(program, type)


def _open_sentence(program: MiniProgram, type: str) -> str:  # noqa: A002
    row = PaymentRequest.objects.filter(program=program, type=type, open=True).select_related("requested_by").first()
    if row is None:
        return ""
    if row.state == PaymentRequest.State.APPROVED:
        return _("Payment is already approved; no further request is needed.")
    sentence = _("%(name)s already made a request at %(time)s UTC. Wait for its decision or cancel it first.")
    return sentence % {"name": row.requested_by, "time": f"{row.requested_at:%Y-%m-%d %H:%M}"}


def approve(request: PaymentRequest, *, actor: User, reason: str = "", shown: str = "") -> PaymentRequest:
    """Grant it. `shown` and errors as in payments.actions.decisions.decide."""
    return decide(request, "approve", actor=actor, shown=shown, reason=reason)


def reject(request: PaymentRequest, *, actor: User, reason: str, shown: str = "", part: str = "") -> PaymentRequest:
    """Refuse it with a reason of 1 to 500 characters. `shown` and errors as in payments.actions.decisions.decide."""
    return decide(request, "reject", actor=actor, shown=shown, part=part, reason=reason)


def cancel(request: PaymentRequest, *, actor: User) -> PaymentRequest:
    """Take the request back. Raises WrongState once it is decided."""
    return move(request, "cancel", actor=actor)


def disable(request: PaymentRequest, *, actor: User, reason: str) -> PaymentRequest:
    """The superapp ends an approved permission, with a reason; no orders from now on. Raises WrongState, Refused."""
    return decide(request, "disable", actor=actor, reason=reason)
