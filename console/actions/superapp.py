"""Superapps as the platform makes them. What a superapp sets up for itself stands in payments.actions.superapp."""

from django.db import transaction

from console.audit import record
from console.lifecycle import lock
from console.models import Superapp, User
from console.names import checked_name
from console.permissions import THE_PLATFORM, require

MANAGE = "console.manage_superapps"


def create(*, name: str, actor: User) -> Superapp:
    """A superapp with nothing set up. Raises Refused (name), Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    with transaction.atomic():
        row = Superapp.objects.create(name=checked_name(name))
        record("console.superapp.create", row, actor=actor, changes={"name": [None, row.name]})
    return row


def edit(superapp: Superapp, *, name: str, actor: User) -> Superapp:
    """Give it another name. Raises Refused (name), Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    name = checked_name(name)
    with transaction.atomic():
        row = lock(superapp)
        before, row.name = row.name, name
        if before != name:
            row.save(update_fields=["name"])
            record("console.superapp.edit", row, actor=actor, changes={"name": [before, name]})
    return row
