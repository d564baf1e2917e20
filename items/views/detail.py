"""What the page of one item shows beside its fields: the difference from the live copy, and what can be done."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from console.models import User
from console.money import format_money
from console.permissions import can, resting
from items.actions.release import why_not_submit
from items.models import Item
from items.review import percent_text, price_move

DANGEROUS = {"items:remove", "items:delete", "items:take-down"}


def differences(item: Item) -> list[dict[str, Any]]:
    """Rows for components/diff.html: the live copy on the left, the draft on the right. The images are shown beside them."""
    description = {"label": _("Description"), "old": item.live_description, "new": item.description}
    return [
        {"label": _("Name"), "old": item.live_name, "new": item.name},
        {
            "label": _("Price"),
            "old": format_money(item.live_price or 0, item.live_currency),
            "new": format_money(item.price, item.currency),
            "note": percent_text(price_move(item.live_price, item.live_currency, item.price, item.currency)),
        },
        *([description] if item.live_description or item.description else []),
    ]


def buttons(item: Item, *, actor: User, url: Callable[[str], str]) -> dict[str, Any]:
    """What can be done with the item: acts with their address, and those that rest grouped by why not and who can."""
    acts = [act for act in _acts(item) if act.permission != "payments.intervene" or can(actor, act.permission, item)]
    labels: dict[str, list[str]] = {}
    for act in acts:
        labels.setdefault(act.permission, []).append(act.label)
    rest = resting(actor, item, labels, not_now={act.label: act.why_not for act in acts})
    resting_labels = {label for found in rest.values() for label in found}
    return {"ready": [act.button(url) for act in acts if act.label not in resting_labels], "resting": rest}


class Act(NamedTuple):
    """What can be done with an item: its page, the permission, and why its state forbids it, "" if it does not."""

    label: str
    page: str
    permission: str
    icon: str
    why_not: str

    def button(self, url: Callable[[str], str]) -> dict[str, Any]:
        """What the template needs."""
        return {"label": self.label, "icon": self.icon, "url": url(self.page), "danger": self.page in DANGEROUS}


def _acts(item: Item) -> list[Act]:
    """Every act that makes sense for the item now."""
    state = item.state
    if state == Item.State.DELETED:
        return []
    frozen = _("It is under review. Withdraw the release request first.") if state == Item.State.UNDER_REVIEW else ""
    acts = [Act(_("Edit"), "items:edit", "items.edit_item", "pencil-square", frozen)]
    if state == Item.State.UNDER_REVIEW:
        acts.append(Act(_("Withdraw"), "items:release-withdraw", "items.submit_release", "arrow-uturn-left", ""))
    else:
        why = why_not_submit(item, currency="")
        acts.append(Act(_("Submit for release"), "items:release-submit", "items.submit_release", "paper-airplane", why))
    if item.on_sale:
        acts.append(Act(_("Remove from sale"), "items:remove", "items.remove_item", "archive-box", frozen))
        acts.append(Act(_("Take down"), "items:take-down", "payments.intervene", "no-symbol", ""))
    acts.append(Act(_("Test purchase"), "openserver-desk:test-purchase", "items.edit_item", "shopping-cart", ""))
    on_sale = _("It is on sale. Remove it from sale first.") if item.on_sale else ""
    acts.append(Act(_("Delete"), "items:delete", "items.remove_item", "trash", frozen or on_sale))
    return acts


def reason_anchor(item: Item) -> str:
    """The id of the form's field that the last rejection was about; "" for none, and for the item ID, which never changes."""
    if item.state != Item.State.REJECTED or item.reason_part in ("", Item.Part.PRODUCT_ID):
        return ""
    return f"id_{item.reason_part}"


def verdict(item: Item) -> str:
    """Where the item stands, in one sentence."""
    if item.state == Item.State.REJECTED:
        return _("The last release request was rejected: %s") % item.last_reason
    if item.state == Item.State.TAKEN_DOWN:
        return _("The superapp took this item down: %s") % item.last_reason
    if item.state == Item.State.RELEASED and item.has_unreleased_changes:
        return _("On sale. Its changes wait for a release.")
    sentences = {
        Item.State.UNRELEASED: _("A draft. Submit it for release to sell it."),
        Item.State.UNDER_REVIEW: _("The superapp reviews it. It cannot be edited meanwhile."),
        Item.State.RELEASED: _("On sale as it is here."),
        Item.State.REMOVED: _("Removed from sale. Submit it for release to sell it again."),
        Item.State.DELETED: _("Deleted. Its id is not free again; past orders keep showing it."),
    }
    return sentences[Item.State(item.state)]
