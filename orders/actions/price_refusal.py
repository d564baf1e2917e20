"""Count live orders that were refused because of their price, for the mismatch desk (docs/records.md, "Mismatches")."""

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from orders.models import PriceRefusal

#: Kinds of refusals that one mini program can fill the table with on a day; what comes beyond is counted in one row.
MOST_KINDS = 100
KEPT = timedelta(days=90)


def count_refusal(
    owners: dict[str, int], *, product_id: str, asked: tuple[int, str], priced: tuple[int, str], out_trade_no: str
) -> None:
    """Count one refusal; call it outside a transaction. `owners` are the ids of mini program, team and superapp.

    `asked` is what the caller said the item costs, `priced` what it does: minor units of one piece, and the currency.
    """
    now = timezone.now()
    day = {"mini_program_id": owners["mini_program_id"], "day": now.date()}
    kind = {"product_id": product_id, "asked_price": asked[0], "asked_currency": asked[1]}
    known = {"price": priced[0], "currency": priced[1], "last_number": out_trade_no, "last_at": now}
    if _count(day | kind, known):
        return
    if PriceRefusal.objects.filter(**day).count() >= MOST_KINDS:
        kind, known = {"product_id": "", "asked_price": 0, "asked_currency": ""}, {"last_number": out_trade_no, "last_at": now}
    PriceRefusal.objects.bulk_create([PriceRefusal(**owners | day | kind, first_at=now)], ignore_conflicts=True)
    _count(day | kind, known)


def _count(which: dict[str, Any], known: dict[str, Any]) -> int:
    return PriceRefusal.objects.filter(**which).update(times=F("times") + 1, **known)


def forget() -> int:
    """Delete those that the desk looks no more at; returns how many."""
    return PriceRefusal.objects.filter(day__lt=(timezone.now() - KEPT).date()).delete()[0]
