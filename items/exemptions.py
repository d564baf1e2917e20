"""What an exemption from review covers, and what was released under it (docs/items.md, "Exemption")."""

from collections.abc import Iterable
from datetime import UTC
from typing import NamedTuple

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import MiniProgram
from console.money import format_money
from items.models import Item, ItemQuerySet, ReleaseEntry
from payments.models import ExemptionRequest


def in_force(program: MiniProgram, *, lock_row: bool = False) -> ExemptionRequest | None:
    """The exemption under which items of the program are released without review now; with `lock_row` it stays so.

    The lock lasts until the transaction ends.
    """
    rows = ExemptionRequest.objects.filter(program=program, open=True, state=ExemptionRequest.State.APPROVED)
    rows = rows.exclude(last_day__lt=timezone.now().date())
    if lock_row:
        # Both tables of the request, as a revoke in between has to be waited for and then seen.
        rows = rows.select_for_update(of=("self", "request_ptr"))
    return next(iter(rows), None)


class Split(NamedTuple):
    """What is released at once, what goes into review, and how many of those for which reason (a sentence each)."""

    at_once: list[Item]
    reviewed: list[Item]
    beyond: dict[str, int]


def split(items: Iterable[Item], exemption: ExemptionRequest | None) -> Split:
    """Which of the items the exemption covers, in their order. What is counted a day holds while the exemption is locked."""
    found = Split([], [], {})
    left = room(exemption) if exemption else 0
    for item in items:
        why = why_reviewed(item, exemption, left) if exemption else ""
        if exemption and not why:
            found.at_once.append(item)
            left = left if left is None else left - 1
        else:
            found.reviewed.append(item)
            if why:
                found.beyond[why] = found.beyond.get(why, 0) + 1
    return found


def room(exemption: ExemptionRequest) -> int | None:
    """How many more items may be released under it today (UTC); None without a limit."""
    if exemption.items_per_day is None:
        return None
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    used = ReleaseEntry.objects.filter(release__exemption=exemption, release__requested_at__gte=today).count()
    return max(exemption.items_per_day - used, 0)


def why_reviewed(item: Item, exemption: ExemptionRequest, left: int | None) -> str:
    """Why the item is reviewed although there is an exemption, in a sentence, or "". `left` is what `room` has left."""
    if item.needs_review:
        return _("The superapp took it down, so its next release is reviewed.")
    ceiling = exemption.price_ceiling
    if ceiling is not None and (item.currency != exemption.ceiling_currency or item.price > ceiling):
        return _("The exemption covers prices of at most %s.") % format_money(ceiling, exemption.ceiling_currency)
    if left == 0:
        limit = exemption.items_per_day or 0
        sentence = ngettext("The exemption covers %(number)d item a day.", "The exemption covers %(number)d items a day.", limit)
        return sentence % {"number": limit}
    return ""


def unreviewed_under(exemption: ExemptionRequest) -> ItemQuerySet:
    """Items on sale whose live copy was released under this exemption, so that nobody reviewed it."""
    entries = ReleaseEntry.objects.filter(item=OuterRef("pk"), release__exemption=exemption, content_hash=OuterRef("live_hash"))
    rows = Item.objects.filter(mini_program_id=exemption.program_id).on_sale()
    return rows.filter(Exists(entries.filter(state=ReleaseEntry.State.APPROVED)), unreviewed=True)
