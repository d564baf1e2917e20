"""Mini programs as the platform makes them, each under a team."""

import re

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import Refused
from console.lifecycle import lock
from console.models import MiniProgram, Team, User, new_app_id
from console.names import checked_name
from console.permissions import THE_PLATFORM, require

MANAGE = "console.manage_teams"
_APP_ID = re.compile(r"[A-Za-z0-9_-]{4,32}")


def create(team: Team, *, name: str, kind: str, app_id: str = "", actor: User) -> MiniProgram:
    """A mini program where nothing is set up; without `app_id` it gets one. Raises Refused (app_id, name, kind), Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    app_id = app_id.strip() or new_app_id()
    if not _APP_ID.fullmatch(app_id):
        raise Refused(app_id=_("An app id has 4 to 32 letters, digits, “_” or “-”. Leave the field empty to get one."))
    if kind not in MiniProgram.Kind.values:
        raise Refused(kind=_("Choose mini program or mini game."))
    row = MiniProgram(app_id=app_id, name=checked_name(name), kind=kind, team=team, superapp_id=team.superapp_id)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            changes = {field: [None, getattr(row, field)] for field in ("app_id", "name", "kind")}
            record("console.mini_program.create", row, actor=actor, changes=changes)
    except IntegrityError:
        raise Refused(app_id=_("This app id is taken. Choose another one, or leave the field empty to get one.")) from None
    return row


def edit(program: MiniProgram, *, name: str, actor: User) -> MiniProgram:
    """Give it another name; app id and kind stay, because orders and signatures name them. Raises Refused (name), Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    name = checked_name(name)
    with transaction.atomic():
        row = lock(program)
        before, row.name = row.name, name
        if before != name:
            row.save(update_fields=["name"])
            record("console.mini_program.edit", row, actor=actor, changes={"name": [before, name]})
    return row
