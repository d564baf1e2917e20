"""Revoke an exemption, and take down in the same step what was released under it (docs/items.md, "Exemption")."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import User
from items.actions.item import take_down_many
from items.exemptions import unreviewed_under
from items.models import Item
from payments.actions import exemption
from payments.models import ExemptionRequest


def revoke(
    request: ExemptionRequest, *, actor: User, reason: str, take_down: Iterable[Item] = (), every: int | None = None
) -> list[Item]:
    """End the exemption and take these items down, both or neither; returns what was taken down.

    `every` takes down all items on sale that were released under it, and is how many of them were shown: another number is
    Refused. The exemption is locked first, so none is released meanwhile. Raises Invisible, Forbidden, WrongState, Refused.
    """
    with transaction.atomic():
        exemption.revoke(request, actor=actor, reason=reason)
        chosen = list(take_down)
        if every is not None:
            chosen = list(unreviewed_under(request).select_related("mini_program__team", "edited_by"))
            if len(chosen) != every:
                message = _("%(number)d items are on sale without review now; you were shown %(shown)d. Look again and confirm.")
                raise Refused(items=message % {"number": len(chosen), "shown": every})
        return take_down_many(chosen, actor=actor, reason=reason)
