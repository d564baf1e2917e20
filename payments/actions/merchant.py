"""Merchant binding of a team: bind, change, decide, cancel, unbind (docs/domain.md, section 3)."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.lifecycle import lock, move
from console.models import Team, User
from console.permissions import System, require
from payments.actions.decisions import decide
from payments.content import content_hash
from payments.models import Merchant, MerchantBinding
from payments.notices import tell_deciders
from payments.texts import message_given


def bind(team: Team, merchant: Merchant | None, *, actor: User, message: str = "") -> MerchantBinding:
    """Ask to be paid through `merchant`; a change is a new binding that replaces the old one once it is approved.

    Raises Refused (not a merchant of the team's superapp, already bound to it, another one in progress), Invisible, Forbidden.
    """
    require(actor, "payments.bind_merchant", team)
    text = message_given(message, required=False)
    _check_merchant(team, merchant)
    row = MerchantBinding(
        team=team, superapp_id=team.superapp_id, bound_team=team, merchant=merchant, message=text, requested_by=actor
    )
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            changes = {"state": [None, row.state], "merchant": [None, row.merchant.merchant_id]}
            record("payments.merchant_binding.bind", row, actor=actor, changes=changes, note=text)
            tell_deciders(row)
    except IntegrityError:
        raise Refused(_("A binding is already in progress. Wait for its decision or cancel it first.")) from None
    return row


def _check_merchant(team: Team, merchant: Merchant | None) -> None:
    if merchant is None or merchant.superapp_id != team.superapp_id:
        raise Refused(merchant=_("Choose one of the merchants in the list."))
    if merchant.currency not in team.superapp.currencies:
        raise Refused(
            merchant=_("%(superapp)s does not offer the settlement currency %(currency)s of this merchant. Choose another one.")
            % {"superapp": team.superapp.name, "currency": merchant.currency}
        )
    if MerchantBinding.objects.filter(bound_team=team, effective=True, merchant=merchant).exists():
        raise Refused(merchant=_("This merchant is already effective. Choose another one, or leave it as it is."))


def approve(binding: MerchantBinding, *, actor: User, reason: str = "", shown: str = "") -> MerchantBinding:
    """Make it effective and unbind the previous one, in one transaction. Errors as in payments.actions.decisions.decide."""
    with transaction.atomic():
        _one_after_the_other(binding)
        lock(binding.merchant)  # its currency does not change once a team is paid through it
        previous = MerchantBinding.objects.filter(bound_team=binding.bound_team_id, effective=True).exclude(pk=binding.pk).first()
        if previous:
            move(previous, "unbind", actor=System(_("replaced by binding %(number)d") % {"number": binding.pk}))
        return decide(binding, "approve", actor=actor, shown=shown, reason=reason)


def reject(binding: MerchantBinding, *, actor: User, reason: str, shown: str = "", part: str = "") -> MerchantBinding:
    """Refuse it with a reason of 1 to 500 characters. Errors as in payments.actions.decisions.decide."""
    return decide(binding, "reject", actor=actor, shown=shown, part=part, reason=reason)


def cancel(binding: MerchantBinding, *, actor: User) -> MerchantBinding:
    """Take the request back. Raises WrongState once it is decided."""
    return move(binding, "cancel", actor=actor)


def unbind(binding: MerchantBinding, *, actor: User) -> MerchantBinding:
    """End the effective binding: selling is suspended for every mini program of the team. Raises WrongState."""
    with transaction.atomic():
        _one_after_the_other(binding)
        return move(binding, "unbind", actor=actor)


def _one_after_the_other(binding: MerchantBinding) -> None:
    """Until the transaction ends, the bindings of this team change here only: two changes would see the same predecessor."""
    lock(binding.bound_team)
