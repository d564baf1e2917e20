"""Submit items for release, withdraw them, decide about them (docs/items.md, "Release").

Locks are always taken in the same order: exemption, items by id, release, entries. So two actions wait, but never for each other.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from console import bulk
from console.audit import record
from console.errors import Refused, WrongState
from console.lifecycle import lock, move, move_many
from console.models import MiniProgram, User
from console.permissions import require
from console.sentences import joined
from items import exemptions
from items.actions import entries
from items.actions.mails import tell_requester
from items.editors import editors_of
from items.models import Item, ItemQuerySet, Release, ReleaseEntry
from items.review import part_of, what_changed
from items.settlement import settlement_currency
from payments.models import REASON_LIMIT, ExemptionRequest, owners_of
from payments.notices import tell_deciders

NAMED = 5  # items named in one sentence of refusal


class Submission(NamedTuple):
    """What became of a submission: the release that waits for review, the one released at once, what was left out and why.

    `beyond` says why items are reviewed although there is an exemption: sentences with how many items each is about.
    """

    release: Release | None
    exempt: Release | None
    skipped: list[tuple[Item, str]]
    beyond: dict[str, int]


class Decision(NamedTuple):
    """About one entry; `content_hash` is of the content that the decider was shown, `reason` is needed to reject.

    `part` (Item.Part) is what the reason is about; "" for the whole, or for a ready-made reason, which knows it.
    """

    entry_id: int
    approve: bool
    reason: str
    content_hash: str
    part: str = ""


def submit(items: Iterable[Item], *, actor: User, message: str = "", shown: Mapping[int, str] | None = None) -> Submission:
    """Submit items of one mini program: into review, or on sale at once where an exemption covers them.

    `shown` maps item ids to the draft hash that the submitter saw; an item changed since is left out. Raises Invisible,
    Forbidden, Refused for a message over 500 characters, WrongState when no item is left to submit; then nothing has changed.
    """
    chosen = list(items)
    if not chosen:
        raise Refused(_("No item is selected. Select at least one."))
    program = chosen[0].mini_program
    require(actor, "items.submit_release", program)
    if len(message) > REASON_LIMIT:
        raise Refused(message=_("The message has %(count)d characters; the limit is 500. Shorten it.") % {"count": len(message)})
    with transaction.atomic():
        exempt = exemptions.granted(program, lock_row=True)
        fit, skipped = sort_out(_locked(chosen, program), currency=settlement_currency(program), shown=shown)
        if not fit:
            raise WrongState(joined(why for _item, why in skipped[:NAMED]))
        split = exemptions.split(fit, exempt)
        return Submission(
            _into_review(program, split, actor=actor, message=message) if split.reviewed else None,
            _release_at_once(program, split.at_once, exempt, actor=actor, message=message) if exempt and split.at_once else None,
            skipped,
            split.beyond,
        )


def withdraw(item: Item, *, actor: User) -> Item:
    """Take an item out of review; what is on sale stays on sale. Raises Invisible, Forbidden, WrongState."""
    require(actor, "items.submit_release", item)
    with transaction.atomic():
        locked = lock(item)
        moved = move(locked, "withdraw_changes" if locked.on_sale else "withdraw", actor=actor)
        entries.close(moved, actor=actor)
    return moved


def decide(release: Release, *, actor: User, decisions: Sequence[Decision]) -> Release:
    """Decide about some or all open entries, all of them or none; mails the requester what was decided.

    Raises Invisible, Forbidden, Refused (own request, no reason), or WrongState when an entry was decided before or its content
    is not what was shown.
    """
    require(actor, "payments.decide", release)
    if not decisions:
        raise Refused(_("Nothing is decided yet. Choose approve or reject for at least one item."))
    with transaction.atomic():
        found = release.entries.filter(pk__in=bulk.listed([decision.entry_id for decision in decisions], int))
        # Only what the comparison needs: the moves read the rows again.
        rows_of_items = Item.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=found.values("item_id"))
        items = {item.pk: item for item in rows_of_items.order_by("pk").only("draft_hash")}
        locked = lock(release)
        rows = {entry.pk: entry for entry in found.only("release", "item", "state", "content_hash", "decided_by")}
        for decision in decisions:
            _refuse_other_content(rows.get(decision.entry_id), items, decision)
        for (approve, reason, part), group in _alike(decisions).items():
            _decide_alike([rows[pk] for pk in group], approve=approve, reason=reason, part=part, actor=actor)
        finished = entries.finish(locked, actor=actor)
        tell_requester(finished, [decision.entry_id for decision in decisions])
    return finished


def decide_all(
    release: Release, *, actor: User, approve: bool, shown: Mapping[int, str], reason: str = "", part: str = ""
) -> Release:
    """Decide in the same way about everything that was open; `shown` maps its entry ids to the hash that the decider saw.

    Raises WrongState, saying what changed, when one of them was withdrawn, decided or changed since; errors as in `decide`.
    """
    decisions = [Decision(pk, approve, reason, content_hash, part) for pk, content_hash in shown.items()]
    return decide(release, actor=actor, decisions=decisions)


def sort_out(
    items: Iterable[Item], *, currency: str, shown: Mapping[int, str] | None = None
) -> tuple[list[Item], list[tuple[Item, str]]]:
    """The items that can be submitted now, and the others each with the reason why not. `currency` is the settlement currency."""
    fit, skipped = [], []
    for item in items:
        why = why_not_submit(item, currency=currency)
        if not why and shown is not None and shown.get(item.pk) != item.draft_hash:
            why = _("“%(item)s” was changed by %(name)s since this page was shown. Look at it and submit it again.")
            why = why % {"item": item, "name": item.edited_by}
        if why:
            skipped.append((item, why))
        else:
            fit.append(item)
    return fit, skipped


def why_not_submit(item: Item, *, currency: str) -> str:
    """Why this item cannot be submitted for release now, in a sentence, or ""."""
    if item.state == Item.State.UNDER_REVIEW:
        return _("“%s” is under review already.") % item
    if item.state == Item.State.DELETED:
        return _("“%s” was deleted.") % item
    if item.state == Item.State.RELEASED and not item.has_unreleased_changes:
        return _("“%s” is on sale as it is: there is nothing new to release.") % item
    if currency and item.currency != currency:
        values = {"item": item, "old": item.currency, "new": currency}
        return _("The price of “%(item)s” is in %(old)s, but the merchant settles in %(new)s now. Edit the price first.") % values
    return ""


def _locked(items: list[Item], program: MiniProgram) -> list[Item]:
    rows = _rows_of(items).filter(mini_program=program).prefetch_related("edited_by")
    return list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _rows_of(items: Iterable[Item]) -> ItemQuerySet:
    return Item.objects.filter(pk__in=bulk.listed([item.pk for item in items], int))


def _into_review(program: MiniProgram, split: exemptions.Split, *, actor: User, message: str) -> Release:
    items = split.reviewed
    release = _snapshot(program, items, actor=actor, message=message, why=split.why)
    move_many(_rows_of(items), "submit", actor=actor, message=message)
    tell_deciders(release)
    return release


def _release_at_once(
    program: MiniProgram, items: list[Item], exemption: ExemptionRequest, *, actor: User, message: str
) -> Release:
    release = _snapshot(program, items, actor=actor, message=message)
    move_many(release.entries.prefetch_related("release"), "auto_approve", actor=actor)
    move_many(_rows_of(items), "release_exempt", actor=actor, message=message)
    return move(release, "release_exempt", actor=actor, exemption=exemption)


def _snapshot(
    program: MiniProgram, items: list[Item], *, actor: User, message: str, why: Mapping[int, str] | None = None
) -> Release:
    """A release with one entry an item: its draft and the live copy it would replace. `why` as in `exemptions.Split`."""
    content = hashlib.sha256("".join(item.draft_hash for item in items).encode()).hexdigest()
    release = Release.objects.create(**owners_of(program), requested_by=actor, message=message, content_hash=content)
    editors = editors_of(items)
    made = [_entry(release, item, editors[item.pk], actor=actor, why=(why or {}).get(item.pk, "")) for item in items]
    bulk.insert(ReleaseEntry, list(made[0]), [list(entry.values()) for entry in made])
    record("items.release.request", release, actor=actor, changes={"items": [None, len(items)]}, note=message)
    return release


def _entry(release: Release, item: Item, editors: list[int], *, actor: User, why: str) -> dict[str, Any]:
    """The columns of an entry that do not have their defaults."""
    sold = item.on_sale
    return {
        "release_id": release.pk,
        "item_id": item.pk,
        "product_id": item.product_id,
        "name": item.name,
        "price": item.price,
        "currency": item.currency,
        "image_id": item.image_id,
        "description": item.description,
        "content_hash": item.draft_hash,
        "edited_by_id": item.edited_by_id,
        "editors": editors,
        "requested_by_id": actor.pk,
        "why_reviewed": why,
        "old_name": item.live_name if sold else "",
        "old_price": item.live_price if sold else None,
        "old_currency": item.live_currency if sold else "",
        "old_image_id": item.live_image_id if sold else None,
        "old_description": item.live_description if sold else "",
    }


def _refuse_other_content(entry: ReleaseEntry | None, items: Mapping[int, Item], decision: Decision) -> None:
    """Raise WrongState, saying what changed, when the decision is not about what the entry and the item hold now."""
    if entry is None:
        raise WrongState(_("One of the items is not part of this release request. Open the page again."))
    if entry.decided_by_id:
        return  # the move says by whom and when
    item = items[entry.item_id]
    if entry.state != ReleaseEntry.State.IN_PROGRESS or not decision.content_hash == entry.content_hash == item.draft_hash:
        raise WrongState(what_changed(entry, item))


def _alike(decisions: Sequence[Decision]) -> dict[tuple[bool, str, str], list[int]]:
    """Entry ids by what is decided about them: each group is one bulk move."""
    groups: dict[tuple[bool, str, str], list[int]] = {}
    for decision in decisions:
        key = (True, "", "") if decision.approve else (False, decision.reason, decision.part or part_of(decision.reason))
        groups.setdefault(key, []).append(decision.entry_id)
    return groups


def _decide_alike(chosen: Sequence[ReleaseEntry], *, approve: bool, reason: str, part: str, actor: User) -> None:
    name, data = ("approve", {}) if approve else ("reject", {"reason": reason, "part": part})
    entry_ids, item_ids = [entry.pk for entry in chosen], [entry.item_id for entry in chosen]
    rows = ReleaseEntry.objects.filter(pk__in=bulk.listed(entry_ids, int)).prefetch_related("release")
    move_many(rows, name, actor=actor, **data)
    move_many(Item.objects.filter(pk__in=bulk.listed(item_ids, int)), name, actor=actor, **data)
