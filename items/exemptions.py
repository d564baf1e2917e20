"""What an exemption from review covers, and what was released under it (docs/items.md, "Exemption")."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import MiniProgram
from console.money import format_money
from console.templatetags.moments import day_text
from items.models import Item, ItemQuerySet, Release, ReleaseEntry
from payments.models import ExemptionRequest

Why = ReleaseEntry.Why


def granted(program: MiniProgram, *, lock_row: bool = False) -> ExemptionRequest | None:
    """The approved exemption of the program, also past its last day; with `lock_row` it stays so.

    The lock lasts until the transaction ends.
    """
    rows = ExemptionRequest.objects.filter(program=program, open=True, state=ExemptionRequest.State.APPROVED)
    if lock_row:
        # Both tables of the request, as a revoke in between has to be waited for and then seen.
        rows = rows.select_for_update(of=("self", "request_ptr"))
    return next(iter(rows), None)


class Split(NamedTuple):
    """What is released at once, what goes into review, and why of each item that is reviewed in spite of an exemption."""

    at_once: list[Item]
    reviewed: list[Item]
    why: dict[int, str]
    exemption: ExemptionRequest | None

    @property
    def beyond(self) -> dict[str, int]:
        """How many items are reviewed for which reason, a sentence each."""
        found = Counter(sentence(why, self.exemption) for why in self.why.values())
        return dict(found)


def split(items: Iterable[Item], exemption: ExemptionRequest | None) -> Split:
    """Which of the items the exemption covers, in their order. What is counted a day holds while the exemption is locked."""
    found = Split([], [], {}, exemption)
    left = room(exemption) if exemption else 0
    for item in items:
        why = why_reviewed(item, exemption, left) if exemption else ""
        if exemption and not why:
            found.at_once.append(item)
            left = left if left is None else left - 1
        else:
            found.reviewed.append(item)
            if why:
                found.why[item.pk] = why
    return found


def room(exemption: ExemptionRequest) -> int | None:
    """How many more items may be released under it today (UTC); None without a limit."""
    if exemption.items_per_day is None:
        return None
    today = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    used = ReleaseEntry.objects.filter(release__exemption=exemption, release__requested_at__gte=today).count()
    return max(exemption.items_per_day - used, 0)


def why_reviewed(item: Item, exemption: ExemptionRequest, left: int | None) -> str:
    """Why the item is reviewed although there is an exemption, or "". `left` is what `room` has left."""
    if exemption.is_over:
        return Why.OVER
    if item.needs_review:
        return Why.TAKEN_DOWN
    ceiling = exemption.price_ceiling
    if ceiling is not None and (item.currency != exemption.ceiling_currency or item.price > ceiling):
        return Why.PRICE
    return Why.NUMBER if left == 0 else ""


def sentence(why: str, exemption: ExemptionRequest | None) -> str:
    """`why_reviewed` in a sentence, with the limits of the exemption that was granted then."""
    if why == Why.PRICE and exemption and exemption.price_ceiling:
        return _("The exemption covers prices of at most %s.") % format_money(exemption.price_ceiling, exemption.ceiling_currency)
    if why == Why.NUMBER and exemption and exemption.items_per_day:
        limit = exemption.items_per_day
        told = ngettext("The exemption covers %(number)d item a day.", "The exemption covers %(number)d items a day.", limit)
        return told % {"number": limit}
    if why == Why.OVER and exemption and exemption.last_day:
        return _("The exemption ended after %s.") % day_text(exemption.last_day)
    return _("The superapp took it down, so its next release is reviewed.")


def granted_when(release: Release) -> ExemptionRequest | None:
    """The exemption that was granted when the release was requested, whatever became of it since."""
    rows = ExemptionRequest.objects.filter(program_id=release.mini_program_id, decided_at__lte=release.requested_at)
    rows = rows.filter(Q(ended_at=None) | Q(ended_at__gt=release.requested_at)).exclude(state=ExemptionRequest.State.REJECTED)
    return rows.order_by("decided_at").last()


def unreviewed_under(exemption: ExemptionRequest) -> ItemQuerySet:
    """Items on sale whose live copy was released under this exemption, so that nobody reviewed it."""
    entries = ReleaseEntry.objects.filter(item=OuterRef("pk"), release__exemption=exemption, content_hash=OuterRef("live_hash"))
    rows = Item.objects.filter(mini_program_id=exemption.program_id).on_sale()
    return rows.filter(Exists(entries.filter(state=ReleaseEntry.State.APPROVED)), unreviewed=True)
