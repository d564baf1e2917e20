"""What an exemption from review covers, and what was released under it (docs/items.md, "Exemption")."""

from django.db.models import Exists, OuterRef

from console.models import MiniProgram
from items.models import Item, ItemQuerySet, ReleaseEntry
from payments.models import ExemptionRequest


def in_force(program: MiniProgram, *, lock_row: bool = False) -> ExemptionRequest | None:
    """The exemption under which items of the program are released without review now; with `lock_row` it stays so.

    The lock lasts until the transaction ends.
    """
    rows = ExemptionRequest.objects.filter(program=program, open=True, state=ExemptionRequest.State.APPROVED)
    if lock_row:
        # Both tables of the request, as a revoke in between has to be waited for and then seen.
        rows = rows.select_for_update(of=("self", "request_ptr"))
    return next(iter(rows), None)


def unreviewed_under(exemption: ExemptionRequest) -> ItemQuerySet:
    """Items on sale whose live copy was released under this exemption, so that nobody reviewed it."""
    entries = ReleaseEntry.objects.filter(item=OuterRef("pk"), release__exemption=exemption, content_hash=OuterRef("live_hash"))
    rows = Item.objects.filter(mini_program_id=exemption.program_id).on_sale()
    return rows.filter(Exists(entries.filter(state=ReleaseEntry.State.APPROVED)), unreviewed=True)


