"""Payment management of a superapp: the feature's switch and its currencies (docs/superapp.md).

Each verb is one change to the row as it is under the lock, so that two people at once lose nothing of each other's.
"""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock
from console.models import Superapp, User
from console.money import is_currency
from console.permissions import require
from payments.selling import sellers

MANAGE = "payments.manage_payment"


def switch_on(superapp: Superapp, *, actor: User) -> Superapp:
    """Switch the payment feature on. Raises Refused without a currency, WrongState when it is on, Invisible, Forbidden."""
    require(actor, MANAGE, superapp)
    with transaction.atomic():
        row = lock(superapp)
        if row.payment_enabled:
            raise WrongState(_("The payment feature is already on."))
        if not row.currencies:
            raise Refused(_("Choose at least one currency first; without one, nothing can be sold."))
        return _switch(row, True, "payments.superapp.switch_on", actor)


def switch_off(superapp: Superapp, *, actor: User) -> Superapp:
    """Switch the payment feature off: selling is suspended at once. Raises WrongState when it is off, Invisible, Forbidden."""
    require(actor, MANAGE, superapp)
    with transaction.atomic():
        row = lock(superapp)
        if not row.payment_enabled:
            raise WrongState(_("The payment feature is already off."))
        return _switch(row, False, "payments.superapp.switch_off", actor)


def _switch(row: Superapp, enabled: bool, verb: str, actor: User) -> Superapp:
    row.payment_enabled = enabled
    row.save(update_fields=["payment_enabled"])
    record(verb, row, actor=actor, changes={"payment_enabled": [not enabled, enabled]})
    return row


def add_currency(superapp: Superapp, currency: str, *, actor: User) -> Superapp:
    """Offer a currency (ISO 4217 code), last in the order. Raises Refused at `currency`, Invisible, Forbidden."""
    require(actor, MANAGE, superapp)
    with transaction.atomic():
        row = lock(superapp)
        if not is_currency(currency):
            raise Refused(currency=_("This is no currency in use. Choose one in the list."))
        if currency in row.currencies:
            raise Refused(currency=_("%(currency)s is offered already. Choose another one.") % {"currency": currency})
        return _order(row, [*row.currencies, currency], "payments.superapp.add_currency", actor)


def raise_currency(superapp: Superapp, currency: str, *, actor: User) -> Superapp:
    """Move a currency one place up; the first stays. Raises WrongState when it is not offered, Invisible, Forbidden."""
    require(actor, MANAGE, superapp)
    with transaction.atomic():
        row = lock(superapp)
        codes = _offered(row, currency)
        place = codes.index(currency)
        if not place:
            return row
        codes[place - 1], codes[place] = codes[place], codes[place - 1]
        return _order(row, codes, "payments.superapp.raise_currency", actor)


def remove_currency(superapp: Superapp, currency: str, *, actor: User, knowing: bool = False) -> Superapp:
    """No longer offer a currency. `knowing`: the actor has read which mini programs stop selling.

    Raises Refused (mini programs sell in it and `knowing` is False; the last one while the feature is on), WrongState when it is
    not offered, Invisible, Forbidden.
    """
    require(actor, MANAGE, superapp)
    with transaction.atomic():
        row = lock(superapp)
        codes = _offered(row, currency)
        if row.payment_enabled and codes == [currency]:
            raise Refused(_("This is the only currency. Add another one first, or switch the payment feature off."))
        reached = sellers(row, currency=currency).count()
        if reached and not knowing:
            raise Refused(knowing=_reach_sentence(reached, currency))
        codes.remove(currency)
        return _order(row, codes, "payments.superapp.remove_currency", actor)


def _reach_sentence(reached: int, currency: str) -> str:
    return ngettext(
        "%(count)d mini program sells in %(currency)s and would stop. Confirm that this is meant.",
        "%(count)d mini programs sell in %(currency)s and would stop. Confirm that this is meant.",
        reached,
    ) % {"count": reached, "currency": currency}


def _offered(row: Superapp, currency: str) -> list[str]:
    if currency not in row.currencies:
        raise WrongState(_("%(currency)s is not offered any more; somebody removed it.") % {"currency": currency[:20]})
    return list(row.currencies)


def _order(row: Superapp, codes: list[str], verb: str, actor: User) -> Superapp:
    before, row.currencies = row.currencies, codes
    row.save(update_fields=["currencies"])
    record(verb, row, actor=actor, changes={"currencies": [before, codes]})
    return row
