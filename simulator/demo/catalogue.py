"""The items of the demo in every state, and the releases that brought them there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.models import MiniProgram, User
from items.actions import image
from items.models import Item, ItemImage, Release, ReleaseEntry
from payments.models import owners_of
from simulator.demo.past import Past
from simulator.demo.pictures import draw
from simulator.demo.world import World

State = Item.State


@dataclass(frozen=True)
class Line:
    """One item: its price in minor units; `draft_price` where the draft differs from what is on sale."""

    product_id: str
    name: str
    price: int
    motif: str
    palette: str
    description: str = ""
    state: str = State.RELEASED
    draft_price: int = 0
    reason: str = ""
    popularity: int = 1
    exempt: bool = False

    @property
    def was_released(self) -> bool:
        """Whether a live copy exists or existed."""
        return self.state in {State.RELEASED, State.REMOVED, State.TAKEN_DOWN} or bool(self.draft_price)


MOONLIT = (
    Line("gems_60", "60 moon gems", 99, "gems", "night", "A handful of gems to begin with.", popularity=9),
    Line("gems_330", "330 moon gems", 499, "gems", "aurora", "Ten percent more for the same light.", popularity=8),
    Line("gems_720", "720 moon gems", 990, "gems", "dusk", "For a long evening of duels.", popularity=6),
    Line("gems_1500", "1,500 moon gems", 1999, "gems", "gold", "A chest full of moonlight.", popularity=3),
    Line("pass_season_7", "Season 7 pass", 990, "ticket", "night", "All rewards of the season “Low Tide”.", popularity=7),
    Line("deck_lunar", "Lunar deck", 650, "card", "night", "Forty cards, ready to play.", popularity=4),
    Line("back_aurora", "Aurora card back", 299, "card", "aurora", "Your cards under northern lights.", popularity=3),
    Line("booster_3", "Booster pack × 3", 349, "card", "rose", "Fifteen cards, one of them rare.", draft_price=399, popularity=6),
    Line("board_harvest", "Harvest moon board", 450, "moon", "gold", "A board for autumn nights.", popularity=2),
    Line(
        "avatar_fox", "Fox avatar", 199, "fox", "fox", "It knows where the rabbits sleep.", State.UNDER_REVIEW,
        draft_price=399, popularity=4,
    ),
    Line("deck_solar", "Solar deck", 650, "card", "gold", "The day's answer to the Lunar deck.", State.UNDER_REVIEW),
    Line(
        "chest_mystery", "Mystery chest", 790, "chest", "dusk", "Something rare is inside.", State.REJECTED,
        reason="Players pay for a random reward here. State the odds in the description, then submit it again.",
    ),
    Line("deck_pumpkin", "Pumpkin deck", 550, "moon", "fox", "Only for Halloween.", State.REMOVED, popularity=1),
    Line(
        "chest_lucky", "Lucky chest", 790, "chest", "gold", "Maybe a rare card, maybe not.", State.TAKEN_DOWN,
        reason="Players paid for a reward that almost nobody got. State the odds, then submit it again.",
    ),
    Line("deck_trial", "Trial deck", 150, "card", "stone", "Only to try the page.", State.DELETED),
    Line("board_marble", "Marble board", 450, "board", "stone", "Cold, heavy and beautiful.", State.UNRELEASED),
)  # fmt: skip
READER = (
    Line("lighthouse_1", "The Lighthouse Keeper, volume 1", 480, "book", "sea", "The first hundred pages.", popularity=3),
    Line("month_pass", "All books for a month", 980, "moon", "sea", "Read as much as you like.", popularity=2),
)


def build(world: World, past: Past) -> None:
    """Store the items of both mini programs."""
    team = world.people
    _catalogue(world.programs["moonlit"], MOONLIT, "USD", past, author=team["developer"], sender=team["senior"], world=world)
    _catalogue(world.programs["reader"], READER, "JPY", past, author=team["stranger"], sender=team["stranger"], world=world)


def _catalogue(
    program: MiniProgram, lines: tuple[Line, ...], currency: str, past: Past, *, author: User, sender: User, world: World
) -> None:
    approver, items = world.people["approver"], []
    for number, line in enumerate(lines):
        picture = image.keep(program, draw(line.motif, line.palette), actor=author)
        items.append(store_item(program, line, currency, past.ago(days=96, minutes=-11 * number), author=author, picture=picture))
        past.note("items.item.add", items[-1], items[-1].created_at, actor=author, changes={"price": [None, line.price]})
    pairs = list(zip(lines, items, strict=True))
    first = [pair for pair in pairs if pair[0].was_released]
    _release(program, first, past, past.ago(days=95), sender=sender, approver=approver, live=True)
    _later(program, pairs, past, sender=sender, approver=approver)
    for line, item in pairs:
        _end(line, item, past, admin=world.people["team-admin"], approver=approver)


def _end(line: Line, item: Item, past: Past, *, admin: User, approver: User) -> None:
    """How what is not sold any more came to its end."""
    ends: dict[str, tuple[str, datetime, User, str]] = {
        State.REMOVED: ("items.item.remove", past.ago(days=19), admin, "released"),
        State.TAKEN_DOWN: ("items.item.take_down", past.ago(days=3, hours=5), approver, "released"),
        State.DELETED: ("items.item.delete", past.ago(days=90), admin, "unreleased"),
    }
    if line.state in ends:
        verb, at, actor, before = ends[line.state]
        past.note(verb, item, at, actor=actor, changes={"state": [before, line.state]}, note=line.reason)


def _later(program: MiniProgram, pairs: list[tuple[Line, Item]], past: Past, *, sender: User, approver: User) -> None:
    """The release that was rejected, and the one that waits for review."""
    for state, at in ((State.REJECTED, past.ago(days=6, hours=2)), (State.UNDER_REVIEW, past.ago(hours=7, minutes=20))):
        chosen = [pair for pair in pairs if pair[0].state == state]
        if chosen:
            _release(program, chosen, past, at, sender=sender, approver=approver, live=False)


def store_item(
    program: MiniProgram, line: Line, currency: str, at: datetime, *, author: User, picture: ItemImage
) -> Item:
    content = {"name": line.name, "description": line.description, "currency": currency, "image": picture}
    item = Item(
        **owners_of(program), product_id=line.product_id, price=line.price, **content, state=line.state, created_at=at,
        edited_at=at, edited_by=author, last_reason=line.reason,
    )  # fmt: skip
    if line.was_released:
        item.draft_hash = item.content_hash()
        item.go_live(unreviewed=line.exempt)
        item.on_sale, item.released_at, item.last_reason = line.state not in {State.REMOVED, State.TAKEN_DOWN}, at, line.reason
        item.needs_review = line.state == State.TAKEN_DOWN
    item.price = line.draft_price or line.price
    item.version = 2 if line.draft_price else 1
    item.save(force_insert=True)
    return item


def _release(
    program: MiniProgram, pairs: list[tuple[Line, Item]], past: Past, at: datetime, *, sender: User, approver: User, live: bool
) -> None:
    """One submission: the first one is approved, later ones are rejected or wait, as their items say."""
    rejected = not live and pairs[0][0].state == State.REJECTED
    state = "approved" if live else "rejected" if rejected else "in_progress"
    decided: dict[str, Any] = {"decided_by": approver, "decided_at": at + (past.now - past.ago(hours=4))}
    release = Release(
        **owners_of(program), requested_by=sender, requested_at=at, state=state, **(decided if live or rejected else {}),
        message="The launch catalogue." if live else "Two small things for the weekend.",
    )  # fmt: skip
    release.save(force_insert=True)
    past.note("items.release.request", release, at, actor=sender, changes={"items": [None, len(pairs)]}, note=release.message)
    for line, item in pairs:
        entry = entry_of(release, line, item, live=live, **(decided if live or rejected else {}))
        entry.save(force_insert=True)
        past.note("items.release.submit", item, at, actor=sender, changes={"state": ["unreleased", "under_review"]})
        if live or rejected:
            verb, end = ("approve", "released") if live else ("reject", "rejected")
            changes = {"state": ["under_review", end]}
            past.note(f"items.release.{verb}", item, decided["decided_at"], actor=approver, changes=changes, note=entry.reason)


def entry_of(release: Release, line: Line, item: Item, *, live: bool, **decided: Any) -> ReleaseEntry:
    """The snapshot of an item; for a change of something on sale also what it replaces."""
    entry = ReleaseEntry(
        release=release, item=item, product_id=item.product_id, name=item.name, currency=item.currency, image=item.image,
        description=item.description, price=line.price if live else item.price, edited_by=item.edited_by,
        content_hash=item.live_hash if live else item.draft_hash, reason="" if live else line.reason,
        state=release.state, requested_by=release.requested_by, editors=[item.edited_by_id], **decided,
    )  # fmt: skip
    if item.on_sale and not live:
        entry.old_name, entry.old_price, entry.old_currency = item.live_name, item.live_price, item.live_currency
        entry.old_image, entry.old_description = item.live_image, item.live_description
    return entry
