"""What a reviewer sees of a release: the difference from the live copy, and what deserves a second look (docs/items.md)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.money import format_money
from items.exemptions import granted_when, sentence
from items.models import Item, Release, ReleaseEntry
from items.timeline import told_changes

PRICE_JUMP = 50  # percent
Part = Item.Part
#: Ready-made reasons, offered while typing, each with what it is about.
REASON_TEMPLATES = (
    (Part.IMAGE, gettext_lazy("The image is not what the name says. Upload one that shows what the player gets.")),
    (Part.IMAGE, gettext_lazy("The image is that of another item. Upload one of its own.")),
    (Part.PRICE, gettext_lazy("The price changed by a lot. Say in the message to the reviewer why, and submit again.")),
    (Part.NAME, gettext_lazy("The name is misleading. Choose one that says what the player gets.")),
    (Part.DESCRIPTION, gettext_lazy("The description does not say what the player gets. Say it, and the odds of chance.")),
    (Part.PRODUCT_ID, gettext_lazy("The item ID looks like that of another item. Use one that cannot be mixed up.")),
)


def part_of(reason: str) -> str:
    """What a ready-made reason is about; "" for one that somebody wrote."""
    return next((str(part) for part, text in REASON_TEMPLATES if str(text) == reason.strip()), "")


@dataclass(frozen=True)
class Reviewed:
    """One entry as the reviewer sees it. `rows` are for components/diff.html."""

    entry: ReleaseEntry
    rows: list[dict[str, Any]]
    flags: list[str]
    why: str = ""  # why it is reviewed although there was an exemption

    @property
    def is_new(self) -> bool:
        """Whether there is no live copy to compare with."""
        return self.entry.old_price is None


def reviewed(release: Release, rows: "QuerySet[ReleaseEntry] | None" = None) -> list[Reviewed]:
    """Entries of the release, all if `rows` does not say which, with difference and flags.

    The number of queries does not depend on how many there are.
    """
    chosen = release.entries.order_by("pk") if rows is None else rows
    entries = list(chosen.select_related("item", "image", "old_image", "edited_by", "decided_by"))
    alike, shared = lookalikes(release, entries), same_image(release, entries)
    exemption = granted_when(release) if any(entry.why_reviewed for entry in entries) else None
    return [
        Reviewed(
            entry,
            _rows(entry),
            _flags(entry, alike.get(entry.pk, []), shared.get(entry.image_id, [])),
            sentence(entry.why_reviewed, exemption) if entry.why_reviewed else "",
        )
        for entry in entries
    ]


def what_changed(entry: ReleaseEntry, item: Item) -> str:
    """Why a decision about this entry comes too late: the item was taken out of the request, and what is different now."""
    fields = ("name", "price", "currency", "description", "image_id")
    if entry.state == ReleaseEntry.State.IN_PROGRESS:
        return _("“%s” is not what you were shown any more. Look at it again.") % entry
    pairs = {name: [getattr(entry, name), getattr(item, name)] for name in fields}
    changes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    words = {"item": entry, "name": item.edited_by, "changes": told_changes(changes, item.currency)}
    if changes:
        return _("“%(item)s” was taken out of this request since you opened it, and changed by %(name)s: %(changes)s.") % words
    return _("“%(item)s” was taken out of this request since you opened it. Nothing was decided.") % words


def _rows(entry: ReleaseEntry) -> list[dict[str, Any]]:
    old = "" if entry.old_price is None else format_money(entry.old_price, entry.old_currency)
    description = {"label": _("Description"), "old": entry.old_description, "new": entry.description}
    return [
        {"label": _("Name"), "old": entry.old_name, "new": entry.name},
        {"label": _("Price"), "old": old, "new": format_money(entry.price, entry.currency), "note": percent_text(percent(entry))},
        *([description] if entry.old_description or entry.description else []),
    ]


def percent(entry: ReleaseEntry) -> float | None:
    """How far the price moves from the live copy, in percent; None when there is nothing to compare with."""
    return price_move(entry.old_price, entry.old_currency, entry.price, entry.currency)


def price_move(old: int | None, old_currency: str, new: int, new_currency: str) -> float | None:
    """From `old` to `new` (minor units) in percent; None without an old price or between currencies."""
    return (new - old) * 100 / old if old and old_currency == new_currency else None


def percent_text(moved: float | None) -> str:
    """A move as people read it: "+50 %"; "" for none."""
    if not moved:
        return ""
    return f"{'+' if moved > 0 else '−'}{abs(moved):,.0f} %" if abs(moved) >= 1 else _("less than 1 %")


def _flags(entry: ReleaseEntry, alike: list[str], shared: list[str]) -> list[str]:
    found, moved = [], percent(entry)
    if moved is not None and abs(moved) >= PRICE_JUMP:
        found.append(_("Price jump: %s") % percent_text(moved))
    if entry.old_currency and entry.old_currency != entry.currency:
        found.append(_("Currency change: %(old)s → %(new)s") % {"old": entry.old_currency, "new": entry.currency})
    if alike:
        found.append(_("The ID looks like %s") % ", ".join(alike[:3]))
    if shared := [product_id for product_id in shared if product_id != entry.product_id]:
        found.append(_("Same image as %s") % ", ".join(shared[:3]))
    return found


def same_image(release: Release, entries: Iterable[ReleaseEntry]) -> dict[int | None, list[str]]:
    """For each image of the entries the ids of the existing items that have it, as draft."""
    wanted = {entry.image_id for entry in entries if entry.image_id}
    items = Item.objects.filter(mini_program_id=release.mini_program_id, image_id__in=wanted).existing()
    found: dict[int | None, list[str]] = {}
    for image_id, product_id in items.order_by("product_id").values_list("image_id", "product_id"):
        found.setdefault(image_id, []).append(product_id)
    return found


def lookalikes(release: Release, entries: Iterable[ReleaseEntry]) -> dict[int, list[str]]:
    """For each entry the ids of other existing items that differ from its id by one character at most, whatever the case.

    Two texts are one edit apart only if they share a text with one character left out, so a dictionary of those finds the
    candidates of all entries in one pass over the ids.
    """
    by_variant: dict[str, set[ReleaseEntry]] = {}
    for entry in entries:
        for variant in variants(entry.product_id):
            by_variant.setdefault(variant, set()).add(entry)
    found: dict[int, list[str]] = {}
    items = Item.objects.filter(mini_program_id=release.mini_program_id).existing()
    for product_id in items.order_by("product_id").values_list("product_id", flat=True):
        for entry in {entry for variant in variants(product_id) for entry in by_variant.get(variant, ())}:
            if product_id != entry.product_id and is_one_edit(product_id.lower(), entry.product_id.lower()):
                found.setdefault(entry.pk, []).append(product_id)
    return found


def variants(product_id: str) -> Iterator[str]:
    """The id in lower case, and with each one character left out."""
    text = product_id.lower()
    yield text
    for place in range(len(text)):
        yield text[:place] + text[place + 1 :]


def is_one_edit(one: str, other: str) -> bool:
    """Whether the texts are equal, or one character put in, left out or replaced makes them so."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[same + (len(one) == len(other)) :] == other[same + 1 :]
