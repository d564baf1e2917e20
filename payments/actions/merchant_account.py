"""Merchant accounts of a superapp: add, edit (docs/superapp.md)."""

import re

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.audit import record
from console.errors import Refused
from console.lifecycle import lock
from console.models import Superapp, User
from console.permissions import require
from payments.models import Merchant, MerchantBinding

EDIT = "payments.edit_merchants"
NAME_LIMIT = 100
_MERCHANT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


def add(superapp: Superapp, *, actor: User, merchant_id: str, name: str, currency: str) -> Merchant:
    """Add a merchant account. Raises Refused (id, name, currency that is not offered, id in use), Invisible, Forbidden."""
    require(actor, EDIT, superapp)
    row = Merchant(superapp=superapp, merchant_id=merchant_id.strip(), name=name.strip(), currency=currency)
    check_content(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            record("payments.merchant.add", row, actor=actor, changes={field: [None, value] for field, value in content(row)})
    except IntegrityError:
        raise Refused(merchant_id=_("There is already a merchant with this id. Edit that one, or check the id.")) from None
    return row


def edit(merchant: Merchant, *, actor: User, merchant_id: str, name: str, currency: str, shown: str = "") -> Merchant:
    """Change a merchant account. `shown` is `content_mark()` of what the editor saw ("" where no page was read).

    The id never changes once a team asked for the merchant; the currency stays while a team is paid through it, because that
    team's items are priced in it. Raises Refused for these, for a stale page and as `add` does; Invisible, Forbidden.
    """
    require(actor, EDIT, merchant)
    try:
        with transaction.atomic():
            row = lock(merchant)
            if shown and shown != content_mark(row):
                raise Refused(_("Somebody changed this merchant while you edited it. Open it again to see the change."))
            before = dict(content(row))
            row.merchant_id, row.name, row.currency = merchant_id.strip(), name.strip(), currency
            changes = {field: [before[field], value] for field, value in content(row) if before[field] != value}
            if changes:
                _check_change(row, changes)
                row.save(update_fields=list(changes))
                record("payments.merchant.edit", row, actor=actor, changes=changes)
    except IntegrityError:
        raise Refused(merchant_id=_("There is already a merchant with this id. Edit that one, or check the id.")) from None
    return row


def content(row: Merchant) -> list[tuple[str, str]]:
    """The fields that people edit, with their values."""
    return [("merchant_id", row.merchant_id), ("name", row.name), ("currency", row.currency)]


def content_mark(row: Merchant) -> str:
    """The content as one text, so that a stale page is noticed."""
    return "|".join(value for _field, value in content(row))


def why_id_stays(row: Merchant) -> str:
    """Why the id cannot change, in a sentence, or ""."""
    if MerchantBinding.objects.filter(merchant=row).exists():
        return _("A team has asked for this merchant, so its id stays. Add another merchant for another id.")
    return ""


def why_currency_stays(row: Merchant) -> str:
    """Why the settlement currency cannot change, in a sentence, or ""."""
    teams = MerchantBinding.objects.filter(merchant=row, effective=True).count()
    if not teams:
        return ""
    return ngettext(
        "%(count)d team is paid through this merchant and its prices are in the currency, so it stays. "
        "Add a merchant in the other currency and let the team change to it.",
        "%(count)d teams are paid through this merchant and their prices are in the currency, so it stays. "
        "Add a merchant in the other currency and let the teams change to it.",
        teams,
    ) % {"count": teams}


def _check_change(row: Merchant, changes: dict[str, list[str]]) -> None:
    stays = {"merchant_id": why_id_stays, "currency": why_currency_stays}
    refused = {field: stays[field](row) for field in changes if field in stays}
    if found := {field: sentence for field, sentence in refused.items() if sentence}:
        raise Refused(**found)
    check_content(row, currency_too="currency" in changes)


def check_content(row: Merchant, *, currency_too: bool = True) -> None:
    """Raises Refused, all faults at once. A currency that is no longer offered may stay as it is (`currency_too` False)."""
    faults = {}
    if not _MERCHANT_ID.fullmatch(row.merchant_id):
        faults["merchant_id"] = _("A merchant id has 1 to 64 letters, digits, “_” or “-”. Take it from the payment channel.")
    if not 1 <= len(row.name) <= NAME_LIMIT or not row.name.isprintable():
        faults["name"] = _("Enter a name of 1 to 100 visible characters.")
    if currency_too and row.currency not in row.superapp.currencies:
        faults["currency"] = _("This currency is not offered. Choose one in the list; more are added under Payment management.")
    if faults:
        raise Refused(**faults)
