"""What readers keep of a list: the columns they want, and views with a name (docs/architecture.md, "Listing")."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from console.filters import words_searched
from console.listing import Listing
from console.models import KeptColumns, MiniProgram, SavedView, Superapp, User

MOST_SHOWN = 50


def kept_columns(name: str, *, reader: User) -> list[str]:
    """The names of the columns that the reader keeps for the list of this name; none for the usual ones. One query."""
    row = KeptColumns.objects.filter(user=reader, listing=name).first()
    return list(row.columns) if row else []


def place_of(where: MiniProgram | Superapp) -> dict[str, Any]:
    """The fields that say whose lists a view is for: mini programs of a team share theirs."""
    if isinstance(where, MiniProgram):
        return {"team_id": where.team_id, "superapp_id": where.superapp_id}
    return {"team": None, "superapp_id": where.pk}


def views_of(name: str, where: MiniProgram | Superapp, *, reader: User) -> "QuerySet[SavedView]":
    """The reader's own views of the list and those that others share, by name."""
    mine = Q(owner=reader) | Q(is_shared=True)
    return SavedView.objects.filter(mine, listing=name, **place_of(where)).select_related("owner").order_by("name", "pk")


def views_shown(listing: Listing, where: MiniProgram | Superapp, *, reader: User) -> list[dict[str, Any]]:
    """The views as links beside the list, the one being looked at marked; where there are very many, a link to all of them."""
    now, found = listing.view_query, list(views_of(listing.name, where, reader=reader)[: MOST_SHOWN + 1])
    shown = [
        {"label": view.name, "url": f"?{view.query}", "current": same(view.query, now), "is_shared": view.is_shared}
        for view in without_people(found[:MOST_SHOWN], listing, reader=reader)
    ]
    if len(found) > MOST_SHOWN:
        shown.append({"label": _("All saved views"), "url": f"settings{listing.url()}", "current": False, "is_shared": False})
    return shown


def without_people(views: Iterable[SavedView], listing: Listing, *, reader: User) -> list[SavedView]:
    """The views but for those of others that name a person whom the reader sees masked; at most one query for all of them.

    None is shared that does, but an order of that person may have come later, and older versions allowed it.
    """
    found = list(views)
    theirs = [] if listing.sees_people else [view for view in found if view.owner_id != reader.pk]
    words = {view.pk: words_searched(QueryDict(view.query)) for view in theirs}
    people = listing.people_among(set().union(*words.values()))
    return [view for view in found if not people & words.get(view.pk, set())]


def same(query: str, other: str) -> bool:
    """Whether two queries ask for the same, in whatever order."""
    return sorted(QueryDict(query).lists()) == sorted(QueryDict(other).lists())


def known(names: Sequence[str], listing: type[Listing]) -> list[str]:
    """Those of the names that are columns of the list, in its order."""
    return [column.name for column in listing.columns if column.name in names]
