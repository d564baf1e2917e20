"""What the home page of a mini program shows beside its figures: what needs somebody, and what people did."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.models import AuditEntry, MiniProgram, User
from console.subjects import name_of
from console.verbs import WORDS
from items.models import Item
from orders.mismatches import cases_for, open_rows

COUNT_CAP = 1_000


def attention(program: MiniProgram, *, reader: User) -> list[dict[str, Any]]:
    """What needs somebody, for components/tiles.html: a query for each case that the reader may see, and one for items."""
    desk = reverse("orders:mismatches", kwargs={"app_id": program.app_id})
    cases = cases_for(reader, program)
    tiles = [_tile(str(case.label), open_rows(case, program).values("pk"), f"{desk}?case={case.name}") for case in cases]
    items = f"{reverse('items:list', kwargs={'app_id': program.app_id})}?state={Item.State.REJECTED}"
    tiles.append(_tile(_("Items rejected"), Item.objects.filter(mini_program=program, state=Item.State.REJECTED), items))
    return [tile for tile in tiles if tile]


def _tile(label: str, rows: Any, url: str) -> dict[str, Any]:
    number = rows.order_by()[: COUNT_CAP + 1].count()
    if not number:
        return {}
    value = _("%(number)s or more") % {"number": f"{COUNT_CAP:,}"} if number > COUNT_CAP else f"{number:,}"
    hint = ngettext("Show it", "Show them", number)
    return {"label": label, "value": value, "hint": hint, "url": url, "icon": "exclamation-triangle", "tone": "danger"}


def activity(program: MiniProgram) -> list[dict[str, Any]]:
    """The last eight things people did here, newest first; one query. The system's own entries are left out."""
    rows = AuditEntry.objects.filter(mini_program=program, actor__isnull=False, verb__in=WORDS).order_by("-id")[:8]
    return [
        {
            "at": row.created_at,
            "who": row.actor_label,
            "what": WORDS[row.verb],
            "object": name_of(row.object_type, row.object_label),
        }
        for row in rows
    ]
