"""Exports on a schedule: made, changed, paused and deleted by whoever may export the list."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from console.audit import record
from console.columns import mask
from console.errors import Refused
from console.exports import FILES, exportable
from console.lifecycle import lock
from console.middleware import known_zone
from console.models import ExportSchedule, MiniProgram, Superapp, User
from console.permissions import can, require
from console.schedules import plan_from_now
from console.sentences import joined

MOST = 50  # schedules of one place
#: What of a list's address a schedule does not keep: the days are those of the period, the rest belongs to one look.
DROPPED = ("since", "until", "zone", "after", "before", "columns", "ids", "scope")


def create(
    place: MiniProgram | Superapp, what: str, *, query: str, recipients: Sequence[User], actor: User, **fields: Any
) -> ExportSchedule:
    """Export the list `what` (console.exports) of the place from the present period on. `fields` as in edit().

    Raises Invisible, Forbidden, or Refused.
    """
    require(actor, exportable(what).permission, place)
    program = place if isinstance(place, MiniProgram) else None
    superapp = place.superapp if isinstance(place, MiniProgram) else place
    schedule = ExportSchedule(
        record=what, mini_program=program, team=program.team if program else None, superapp=superapp, owner=actor,
        query=kept_query(what, place, query), **fields,
    )  # fmt: skip
    _check(schedule, recipients)
    if ExportSchedule.objects.filter(mini_program=program, superapp=superapp).count() >= MOST:
        raise Refused(_("There are %(most)s schedules here already. Delete one first.") % {"most": MOST})
    plan_from_now(schedule)
    with transaction.atomic():
        schedule.save()
        schedule.recipients.set(recipients)
        record("console.export_schedule.create", schedule, actor=actor, changes=_told(schedule, recipients))
    return schedule


def edit(schedule: ExportSchedule, *, recipients: Sequence[User], actor: User, **fields: Any) -> ExportSchedule:
    """Change name, columns, file, every or zone, and the recipients. Another rhythm or zone begins with the present period."""
    with _held(schedule, actor) as row:
        rhythm = (row.every, row.zone)
        for name, value in fields.items():
            setattr(row, name, value)
        _check(row, recipients)
        if (row.every, row.zone) != rhythm:
            plan_from_now(row)
        row.save()
        row.recipients.set(recipients)
        record("console.export_schedule.edit", row, actor=actor, changes=_told(row, recipients))
    return row


def pause(schedule: ExportSchedule, *, actor: User) -> ExportSchedule:
    """Start no more exports until it is resumed."""
    with _held(schedule, actor) as row:
        row.is_paused = True
        row.note()
        row.save()
        record("console.export_schedule.pause", row, actor=actor)
    return row


def resume(schedule: ExportSchedule, *, actor: User) -> ExportSchedule:
    """Go on with the period that is under way, in the name of whoever resumes it. Raises Refused for filters with faults."""
    with _held(schedule, actor) as row:
        kept_query(row.record, row.place, row.query)
        row.owner, row.is_paused = actor, False
        row.note()
        plan_from_now(row)
        row.save()
        record("console.export_schedule.resume", row, actor=actor)
    return row


def delete(schedule: ExportSchedule, *, actor: User) -> None:
    """Delete it; files that it made stay for their 7 days."""
    with _held(schedule, actor) as row:
        record("console.export_schedule.delete", row, actor=actor)
        row.delete()


def kept_query(what: str, place: MiniProgram | Superapp, query: str) -> str:
    """The filters and the sort of a list's address. Raises Refused when they cannot be understood."""
    kept = QueryDict(query, mutable=True)
    for name in DROPPED:
        kept.pop(name, None)
    listing = exportable(what).listing(place, kept)
    if not listing.is_valid:
        told = _("The filters of the list cannot be understood, so nothing is scheduled with them. Mend them on the list first.")
        raise Refused(joined([told, *listing.filterset.faults]))
    return kept.urlencode()


@contextmanager
def _held(schedule: ExportSchedule, actor: User) -> Iterator[ExportSchedule]:
    """The row as it is now, locked until the block's transaction ends: a period may have been started since it was read.

    Raises Invisible or Forbidden.
    """
    require(actor, exportable(schedule.record).permission, schedule.place)
    with transaction.atomic():
        yield lock(schedule)


def _check(schedule: ExportSchedule, recipients: Sequence[User]) -> None:
    """Raises Refused: unknown zone or file, no recipient, or one who may not see the list."""
    if known_zone(schedule.zone) is None:
        raise Refused(zone=_("“%s” is no time zone we know. Choose one such as Asia/Shanghai.") % schedule.zone[:64])
    if schedule.file not in FILES or not schedule.columns:
        raise Refused(columns=_("Choose at least one column."))
    what = exportable(schedule.record)
    if strangers := [str(user) for user in recipients if not can(user, what.permission, schedule.place)]:
        raise Refused(recipients=_("Not allowed to see this list: %(names)s.") % {"names": ", ".join(strangers)})
    if not recipients:
        raise Refused(recipients=_("Choose at least one recipient."))


def _told(schedule: ExportSchedule, recipients: Sequence[User]) -> dict[str, Any]:
    return {
        "every": schedule.every, "zone": schedule.zone, "record": schedule.record, "query": _query_told(schedule),
        "recipients": [str(user) for user in recipients],
    }  # fmt: skip


def _query_told(schedule: ExportSchedule) -> str:
    """The filters as the activity keeps them for ever: an id of a person is masked."""
    query = QueryDict(schedule.query, mutable=True)
    if exportable(schedule.record).listing(schedule.place, query.copy()).is_personal:
        query["q"] = mask(str(query["q"]).strip())
    return query.urlencode()
