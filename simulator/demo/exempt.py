"""The exemption of Harbor Reader, what it put on sale without review, and what is reviewed in spite of it."""

from datetime import datetime
from typing import Any

from items.actions import image
from items.models import Item, Release, ReleaseEntry
from payments.content import content_hash
from payments.models import ExemptionRequest, owners_of
from simulator.demo.catalogue import Line, entry_of, store_item
from simulator.demo.past import Past
from simulator.demo.pictures import draw
from simulator.demo.world import World

CEILING = 1000  # JPY
RELEASED = (
    Line("lighthouse_2", "The Lighthouse Keeper, volume 2", 480, "book", "dusk", "The keeper gets a visitor.", exempt=True),
    Line("lighthouse_3", "The Lighthouse Keeper, volume 3", 480, "book", "aurora", "The lamp goes out.", exempt=True),
    Line("evening_talk", "An evening with the author", 900, "ticket", "sea", "One hour, online.", exempt=True),
)
DEARER = Line(
    "collector_box", "Collector's box", 4800, "chest", "sea", "All volumes, signed.", Item.State.UNDER_REVIEW,
)  # fmt: skip


def build(world: World, past: Past) -> None:
    """Store them; the catalogue is there already."""
    exemption = _exemption(world, past)
    _release(world, past, past.ago(days=12), RELEASED, state="approved", exempt=True, exemption=exemption)
    _release(world, past, past.ago(hours=3), (DEARER,), state="in_progress")


def _exemption(world: World, past: Past) -> ExemptionRequest:
    program, sender, approver = world.programs["reader"], world.people["stranger"], world.people["approver"]
    asked, decided = past.ago(days=45), past.ago(days=44)
    row = ExemptionRequest(
        **owners_of(program), program=program, requested_by=sender, requested_at=asked, state="approved", decided_by=approver,
        decided_at=decided, message="A new volume comes out every week, always at the same hour.", price_ceiling=CEILING,
        ceiling_currency="JPY", items_per_day=5,
    )  # fmt: skip
    row.kind = row.KIND
    row.content_hash = content_hash(row)
    row.save(force_insert=True)
    verb = "payments.exemption_request"
    past.note(f"{verb}.request", row, asked, actor=sender, changes={"state": [None, "in_progress"]}, note=row.message)
    past.note(f"{verb}.approve", row, decided, actor=approver, changes={"state": ["in_progress", "approved"]})
    return row


def _release(world: World, past: Past, at: datetime, lines: tuple[Line, ...], **fields: Any) -> None:
    """One submission of these items; without review, or into review because they cost more than the exemption covers."""
    program, sender = world.programs["reader"], world.people["stranger"]
    release = Release(**owners_of(program), requested_by=sender, requested_at=at, message="For this week.", **fields)
    release.ended_at = at if release.exempt else None
    release.save(force_insert=True)
    past.note("items.release.request", release, at, actor=sender, changes={"items": [None, len(lines)]}, note=release.message)
    for line in lines:
        picture = image.keep(program, draw(line.motif, line.palette), actor=sender)
        item = store_item(program, line, "JPY", at, author=sender, picture=picture)
        past.note("items.item.add", item, at, actor=sender, changes={"price": [None, line.price]})
        entry = entry_of(release, line, item, live=release.exempt, decided_at=at if release.exempt else None)
        entry.why_reviewed = "" if release.exempt else ReleaseEntry.Why.PRICE
        entry.save(force_insert=True)
        verb, after = ("auto_approve", "released") if release.exempt else ("submit", "under_review")
        past.note(f"items.release.{verb}", item, at, actor=sender, changes={"state": ["unreleased", after]})
