"""Close single entries of releases and finish a release when none is open; used by the actions of items and releases.

Locks are always taken in the order exemption, items by id, release, entries, so that two actions never wait for each other.
"""

from console.lifecycle import lock, move
from console.models import User
from console.permissions import System
from items.models import Item, Release, ReleaseEntry

CONSOLE = System("console")
FINISHES = {
    (True, False): "finish_approved",
    (True, True): "finish_partly",
    (False, True): "finish_rejected",
}


def open_entry(item: Item) -> ReleaseEntry | None:
    """The entry under review of this item."""
    return ReleaseEntry.objects.filter(item=item, state=ReleaseEntry.State.IN_PROGRESS).select_related("release").first()


def close(item: Item, *, actor: User | System = CONSOLE) -> Release | None:
    """Withdraw the open entry of a locked item; the release ends with its last entry. Returns the release, if there was one."""
    entry = open_entry(item)
    if entry is None:
        return None
    release = lock(entry.release)
    move(entry, "withdraw", actor=actor)
    return finish(release, actor=actor)


def finish(release: Release, *, actor: User | System) -> Release:
    """End a locked release when no entry is open any more: its state follows from its entries."""
    states = set(release.entries.order_by().values_list("state", flat=True).distinct())
    if ReleaseEntry.State.IN_PROGRESS in states:
        return release
    outcome = (ReleaseEntry.State.APPROVED in states, ReleaseEntry.State.REJECTED in states)
    if outcome not in FINISHES:
        return move(release, "cancel", actor=actor)
    # What was decided stays the decision of whoever decided it, also when the last open entry is withdrawn.
    decided = release.entries.exclude(decided_by=None).order_by("decided_at", "pk").last()
    by_decider = isinstance(actor, User) and decided is not None and decided.decided_by_id == actor.pk
    return move(release, FINISHES[outcome], actor=actor if by_decider else CONSOLE)
