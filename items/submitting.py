"""Which items one submission takes: those ticked in the list, or all that match its filter (docs/items.md, "Release")."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy

from console.filters import id_in
from items.models import Item

LIMIT = 1_000  # items in one submission
LEFT_OUT = {
    "under_review": gettext_lazy("under review already"),
    "unchanged": gettext_lazy("on sale as they are: nothing new to release"),
    "currency": gettext_lazy("priced in another currency than the merchant settles in: edit the price first"),
}


class Matching(NamedTuple):
    """What one submission takes of all that match: at most LIMIT items, how many `more` there are, why others are left out."""

    items: list[Item]
    more: int
    left_out: list[tuple[str, int]]


def matching(rows: QuerySet[Item], *, currency: str) -> Matching:
    """Split the rows by whether they can be submitted now; two queries. `currency` is the settlement currency, "" for any."""
    reviewed, unchanged = Q(state=Item.State.UNDER_REVIEW), Q(state=Item.State.RELEASED, draft_hash=F("live_hash"))
    other = ~Q(currency=currency) & ~reviewed & ~unchanged if currency else Q(pk=None)
    numbers = rows.order_by().aggregate(
        all=Count("pk"),
        under_review=Count("pk", filter=reviewed),
        unchanged=Count("pk", filter=unchanged),
        currency=Count("pk", filter=other),
    )
    left_out = [(str(why), numbers[name]) for name, why in LEFT_OUT.items() if numbers[name]]
    fit = rows.exclude(reviewed | unchanged | other).select_related("image", "edited_by", "mini_program")
    items = list(fit.order_by("name", "product_id")[:LIMIT])
    return Matching(items, numbers["all"] - sum(number for _why, number in left_out) - len(items), left_out)


def manifest(shown: Iterable[tuple[int, str]]) -> str:
    """What was shown, in one form field: ids with the hash of each content. A field for each would be too many for a form."""
    return " ".join(f"{pk}:{content_hash}" for pk, content_hash in shown)


def read_manifest(text: str) -> dict[int, str]:
    """Hashes by id; what is no manifest is nothing. At most LIMIT of them."""
    found = {}
    for part in text.split()[:LIMIT]:
        pk, colon, draft = part.partition(":")
        if colon and id_in(pk):
            found[id_in(pk)] = draft
    return found
