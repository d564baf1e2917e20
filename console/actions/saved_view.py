"""Columns and views that people keep of a list. What is shared leaves an audit entry, what one keeps for oneself does not."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Forbidden, Refused
from console.list_settings import known, place_of
from console.listing import Listing
from console.models import KeptColumns, MiniProgram, SavedView, Superapp, User
from console.permissions import can

MOST = 50  # views of one person in one place
LONGEST = 8000  # characters of a query: as much as an address can hold


def keep_columns(listing: type[Listing], names: Sequence[str], *, actor: User) -> list[str]:
    """Show these columns of the list to the actor from now on; none of them brings the usual ones back."""
    columns = known(names, listing)
    KeptColumns.objects.update_or_create(user=actor, listing=listing.name, defaults={"columns": columns})
    return columns


def save(
    where: MiniProgram | Superapp, listing: type[Listing], query: str, *, name: str, is_shared: bool, actor: User
) -> SavedView:
    """Keep a view under a name; the name of one's own view again replaces it. Raises Refused at `name`."""
    name = _checked(name)
    if len(query) > LONGEST:
        raise Refused(name=_("This list is too long to be kept: search for fewer numbers."))
    place = place_of(where)
    mine = SavedView.objects.filter(owner=actor, listing=listing.name, **place)
    if mine.count() >= MOST and not mine.filter(name=name).exists():
        raise Refused(name=_("You keep %(most)s views of this list already. Delete one first.") % {"most": MOST})
    with transaction.atomic():
        defaults = {"query": query, "is_shared": is_shared}
        view, _made = SavedView.objects.update_or_create(owner=actor, listing=listing.name, name=name, **place, defaults=defaults)
        if is_shared:
            record("console.saved_view.share", view, actor=actor)
    return view


def rename(view: SavedView, name: str, *, actor: User) -> SavedView:
    """Give the view another name. Raises Forbidden, or Refused at `name`."""
    _require_owner(view, actor)
    view.name = _checked(name)
    try:
        with transaction.atomic():
            view.save(update_fields=["name"])
    except IntegrityError:
        raise Refused(name=_("You have another view named “%s”. Choose another name.") % view.name) from None
    return view


def share(view: SavedView, *, actor: User) -> SavedView:
    """Let everybody who sees the list use the view. Raises Forbidden."""
    return _set_shared(view, True, "console.saved_view.share", actor)


def keep_private(view: SavedView, *, actor: User) -> SavedView:
    """Keep the view to its owner again. Raises Forbidden."""
    return _set_shared(view, False, "console.saved_view.keep_private", actor)


def delete(view: SavedView, *, actor: User) -> None:
    """Delete the view. Raises Forbidden."""
    _require_owner(view, actor)
    with transaction.atomic():
        if view.is_shared:
            record("console.saved_view.delete", view, actor=actor)
        view.delete()


def may_change(view: SavedView, *, actor: User) -> bool:
    """Whether the view is the actor's, or is shared in a place whose members the actor manages."""
    return view.owner_id == actor.pk or (view.is_shared and can(actor, "console.manage_members", view))


def _require_owner(view: SavedView, actor: User) -> None:
    if not may_change(view, actor=actor):
        raise Forbidden(_("The view belongs to %s, who can change it.") % view.owner)


def _set_shared(view: SavedView, is_shared: bool, verb: str, actor: User) -> SavedView:
    _require_owner(view, actor)
    if view.is_shared != is_shared:
        with transaction.atomic():
            view.is_shared = is_shared
            view.save(update_fields=["is_shared"])
            record(verb, view, actor=actor)
    return view


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused(name=_("Give the view a name."))
    if len(name) > 60 or not name.isprintable():
        raise Refused(name=_("A name has at most 60 characters and no control characters. Shorten it."))
    return name
