"""The history of an item as its page shows it, read from the audit entries."""

from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from console.models import AuditEntry
from console.money import format_money
from items.models import Item

LIMIT = 50


class Look(NamedTuple):
    """How one verb reads."""

    title: Any
    icon: str
    tone: str


LOOKS = {
    "items.item.add": Look(_("Added by %(name)s"), "plus", "muted"),
    "items.item.edit": Look(_("Edited by %(name)s"), "pencil-square", "muted"),
    "items.item.remove": Look(_("Removed from sale by %(name)s"), "archive-box", "muted"),
    "items.item.take_down": Look(_("Taken down by %(name)s of the superapp"), "no-symbol", "danger"),
    "items.item.look_at": Look(_("Looked at by %(name)s of the superapp"), "eye", "muted"),
    "items.item.delete": Look(_("Deleted by %(name)s"), "trash", "muted"),
    "items.release.submit": Look(_("Submitted for release by %(name)s"), "paper-airplane", "warning"),
    "items.release.auto_approve": Look(_("Released without review under the exemption, by %(name)s"), "check-circle", "success"),
    "items.release.approve": Look(_("Release approved by %(name)s"), "check-circle", "success"),
    "items.release.reject": Look(_("Release rejected by %(name)s"), "x-circle", "danger"),
    "items.release.withdraw": Look(_("Release request withdrawn by %(name)s"), "arrow-uturn-left", "muted"),
    "items.release.withdraw_changes": Look(_("Changes withdrawn from review by %(name)s"), "arrow-uturn-left", "muted"),
}


def events(item: Item) -> list[dict[str, Any]]:
    """The last 50 things that happened to the item, oldest first, for components/timeline.html."""
    rows = AuditEntry.objects.filter(object_type=Item._meta.label_lower, object_id=str(item.pk)).order_by("-id")[:LIMIT]
    told, currency = [], item.currency
    for entry in rows:
        told.append(_event(entry, currency))
        # An entry names the currency only where it changed; before that it was another one.
        currency = (entry.changes.get("currency") or [None])[0] or currency
    return told[::-1]


def _event(entry: AuditEntry, currency: str) -> dict[str, Any]:
    look = LOOKS.get(entry.verb, Look(entry.verb, "clock", "muted"))
    title = str(look.title) % {"name": entry.actor_label} if entry.verb in LOOKS else entry.verb
    body = entry.note or (told_changes(entry.changes, currency) if entry.verb == "items.item.edit" else "")
    return {"at": entry.created_at, "icon": look.icon, "tone": look.tone, "title": title, "body": body}


def told_changes(changes: dict[str, Any], currency: str) -> str:
    """What changed, by field [before, after], in words; `currency` is the one after it."""
    told = []
    if "name" in changes:
        told.append(gettext("Name: “%s” → “%s”") % tuple(changes["name"]))
    if "price" in changes:
        before, after = changes["price"]
        old_currency = changes["currency"][0] if "currency" in changes else currency
        told.append(gettext("Price: %s → %s") % (format_money(before, old_currency), format_money(after, currency)))
    elif "currency" in changes:
        told.append(gettext("Currency: %s → %s") % tuple(changes["currency"]))
    if "description" in changes:
        told.append(gettext("Description changed"))
    if "image_id" in changes:
        told.append(gettext("Image changed"))
    return " · ".join(told)
