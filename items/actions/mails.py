"""Mails about decisions of the superapp: in the language of whoever gets them, with the reason and what to do next."""

from collections.abc import Sequence

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import bulk
from console.mail import queue_mail
from console.models import MiniProgram, Notice, User
from console.notices import News, tell
from items.models import Item, Release, ReleaseEntry

LISTED = 20  # items named one by one in a mail


def tell_requester(release: Release, entry_ids: Sequence[int]) -> None:
    """Tell the requester what was decided about these entries, in the transaction of the decision."""
    program = release.mini_program
    assert program
    told = release.entries.filter(pk__in=bulk.listed(entry_ids, int)).order_by("pk")
    entries = list(told.only("release", "product_id", "name", "state", "reason", "reason_part"))

    def write(_reader: User) -> News:
        lines = [_("Your release request for %s was reviewed.") % program, ""]
        lines += _decided(entries)
        lines += ["", *_what_next(release, entries), "", address("items:list", app_id=program.app_id)]
        return News(_("Release request for %s") % program, reverse("items:list", args=[program.app_id]), "\n".join(lines))

    tell([release.requested_by], kind=Notice.Kind.DECISION, write=write)


def queue_take_down_mail(items: Sequence[Item], *, reason: str) -> None:
    """Tell the team at its linked address, once, that items of a mini program were taken down and why."""
    first, program = items[0], items[0].mini_program
    with translation.override(language_of(first.edited_by)):
        lines = [
            *_taken_down(items, program),
            _("Reason: %s") % reason,
            "",
            _("Buyers can no longer buy it; past orders keep showing it. You can edit it and submit it again."),
            _("Its next release is reviewed even if the mini program is exempt from approval."),
            "",
            address("items:detail", app_id=program.app_id, product_id=first.product_id)
            if len(items) == 1
            else address("items:list", app_id=program.app_id) + "?state=taken_down",
        ]
        subject = _("Item taken down: %s") % first if len(items) == 1 else _("%d items taken down") % len(items)
        queue_mail(to=program.team.linked_email, subject=subject, body="\n".join(lines))


def _taken_down(items: Sequence[Item], program: MiniProgram) -> list[str]:
    if len(items) == 1:
        return [_("The superapp took the item “%(item)s” of %(program)s down.") % {"item": items[0], "program": program}]
    told = _("The superapp took %(number)d items of %(program)s down. For each of them:")
    return [told % {"number": len(items), "program": program}, *_some(items)]


def _some(rows: Sequence[Item] | Sequence[ReleaseEntry]) -> list[str]:
    """A line for each of the first, and how many more there are: a mail about a thousand items is not read."""
    lines = [f"- {row}" for row in rows[:LISTED]]
    if more := len(rows) - LISTED:
        lines += [ngettext("- and %(number)d more", "- and %(number)d more", more) % {"number": more}] if more > 0 else []
    return lines


def address(name: str, **names: str) -> str:
    """The full address of a page."""
    return settings.BASE_URL + reverse(name, kwargs=names)


def language_of(person: User) -> str:
    """The language this person reads in."""
    return person.language or settings.LANGUAGE_CODE


def _decided(entries: Sequence[ReleaseEntry]) -> list[str]:
    """What was decided: a line an item, or by outcome and reason where there are many."""
    if len(entries) <= LISTED:
        return [_line(entry) for entry in entries]
    groups: dict[str, list[ReleaseEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.reason if entry.state == ReleaseEntry.State.REJECTED else "", []).append(entry)
    lines = []
    for reason, rows in groups.items():
        told = _("%(number)d items rejected. Reason: %(reason)s") if reason else _("%(number)d items approved and on sale:")
        lines += [told % {"number": len(rows), "reason": reason}, *_some(rows)]
    return lines


def _line(entry: ReleaseEntry) -> str:
    if entry.state == ReleaseEntry.State.APPROVED:
        return _("Approved and on sale: %s") % entry
    words = {"item": entry, "reason": entry.reason, "part": entry.get_reason_part_display()}
    if entry.reason_part:
        return _("Rejected: %(item)s. Reason, about “%(part)s”: %(reason)s") % words
    return _("Rejected: %(item)s. Reason: %(reason)s") % words


def _what_next(release: Release, entries: list[ReleaseEntry]) -> list[str]:
    told = []
    if any(entry.state == ReleaseEntry.State.REJECTED for entry in entries):
        told.append(_("You can edit a rejected item and submit it again."))
    if release.state == Release.State.IN_PROGRESS:
        told.append(_("The other items of this request are still under review."))
    return told
