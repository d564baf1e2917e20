"""Who edited an item since its live copy was released; none of them decides about it (docs/domain.md, "Separation of duties").

The audit trail is the record: it names every editor, while the item itself keeps only the last one.
"""

from collections.abc import Iterable

from console import bulk
from console.models import AuditEntry
from items.models import Item

EDITS = ("items.item.add", "items.item.edit")
RELEASES = ("items.release.approve", "items.release.auto_approve")


def editors_of(items: Iterable[Item]) -> dict[int, list[int]]:
    """Ids of the editors of each item since its last release, the last editor always among them; one query for all items."""
    found = {item.pk: {item.edited_by_id} for item in items}
    keys = bulk.listed([str(pk) for pk in found], str)
    entries = AuditEntry.objects.filter(object_type=Item._meta.label_lower, object_id__in=keys, verb__in=EDITS + RELEASES)
    since: dict[int, set[int]] = {pk: set() for pk in found}
    for key, verb, editor in entries.order_by("id").values_list("object_id", "verb", "actor_id"):
        if verb in RELEASES:
            since[int(key)].clear()
        elif editor:
            since[int(key)].add(editor)
    return {pk: sorted(last | since[pk]) for pk, last in found.items()}
