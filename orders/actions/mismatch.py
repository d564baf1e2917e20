"""Settle cases of the mismatch desk, and take that back (docs/records.md, "Mismatches")."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from console.audit import record_many
from console.errors import Forbidden, Refused, WrongState
from console.models import MiniProgram, User
from console.permissions import require
from orders.mismatch_lines import SHOWN, lines
from orders.mismatches import TEAM_SETTLES, Case, Place, open_rows, settle_permission
from orders.models import Settlement
from payments.models import owners_of

LONGEST_NOTE = 500


def settle(case: Case, place: Place, ids: Sequence[int], *, note: str, actor: User) -> int:
    """Settle those of `ids` that are open, at most 100 of them; returns how many. `note` says what was done about it.

    Raises Invisible, Forbidden, WrongState when all of them are settled already, or Refused for a note that is missing or too
    long, or too many ids.
    """
    _require(case, place, actor)
    note = note.strip()
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise Refused(note=_("Say in 1 to %(most)d characters what was done about it.") % {"most": LONGEST_NOTE})
    if len(ids) > SHOWN:
        raise Refused(_("At most %(most)d can be settled at once.") % {"most": SHOWN})
    with transaction.atomic():
        _one_after_the_other(case, place, ids)
        found = lines(case, open_rows(case, place).filter(pk__in=ids))
        if not found and (settled := settled_sentence(case, place, ids)):
            raise WrongState(settled)
        rows = [
            Settlement(case=case.name, subject=line.pk, label=line.number, note=note, settled_by=actor, **_owners(place))
            for line in found
        ]
        Settlement.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["case", "subject"], update_fields=["note", "settled_by", "settled_at"]
        )
        changes = [{"case": [case.name, "settled"]} for _row in rows]
        record_many("orders.mismatch.settle", rows, actor=actor, changes=changes, note=note)
    return len(rows)


def _one_after_the_other(case: Case, place: Place, ids: Sequence[int]) -> None:
    """Whoever comes second waits here, and then finds settled what the first one settled."""
    rows = case.rows(place).filter(pk__in=ids).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))


def settled_sentence(case: Case, place: Place, ids: Sequence[int]) -> str:
    """Who settled the newest of these, and when; "" when nobody did."""
    rows = Settlement.objects.filter(case=case.name, subject__in=ids, **_owners(place))
    row = rows.select_related("settled_by").order_by("-settled_at").first()
    if row is None:
        return ""
    words = {"name": row.settled_by, "time": f"{row.settled_at:%Y-%m-%d %H:%M:%S}"}
    return _("This was already settled by %(name)s at %(time)s UTC.") % words


def reopen(case: Case, place: Place, ids: Sequence[int], *, actor: User) -> int:
    """Put settled cases back on the desk; returns how many. Raises Invisible, Forbidden."""
    _require(case, place, actor)
    with transaction.atomic():
        rows = Settlement.objects.filter(case=case.name, subject__in=ids[:SHOWN], **_owners(place))
        found = list(rows.select_for_update(of=("self",)).order_by("pk"))
        record_many("orders.mismatch.reopen", found, actor=actor, changes=[{"case": ["settled", case.name]} for _row in found])
        Settlement.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def _require(case: Case, place: Place, actor: User) -> None:
    permission = settle_permission(case, place)
    if not permission:
        raise Forbidden(str(TEAM_SETTLES))
    for needed in (permission, case.needs):
        require(actor, needed, place)


def _owners(place: Place) -> dict[str, Any]:
    return owners_of(place) if isinstance(place, MiniProgram) else {"superapp": place, "mini_program": None}
