"""Mails about decisions of the superapp: in the language of whoever gets them, with the reason and what to do next."""

from collections.abc import Sequence

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from console.mail import queue_mail
from console.models import User
from items.models import Item, Release, ReleaseEntry


def queue_decision_mail(release: Release, entry_ids: Sequence[int]) -> None:
    """Tell the requester what was decided about these entries, in the transaction of the decision."""
    person, program = release.requested_by, release.mini_program
    assert program
    entries = list(release.entries.filter(pk__in=entry_ids).order_by("pk"))
    with translation.override(language_of(person)):
        lines = [_("Your release request for %s was reviewed.") % program, ""]
        lines += [_line(entry) for entry in entries]
        lines += ["", *_what_next(release, entries), "", address("items:list", app_id=program.app_id)]
        queue_mail(to=person.email, subject=_("Release request for %s") % program, body="\n".join(lines))


def queue_take_down_mail(item: Item, *, reason: str) -> None:
    """Tell the team at its linked address that an item was taken down and why."""
    team = item.mini_program.team
    with translation.override(language_of(item.edited_by)):
        lines = [
            _("The superapp took the item “%(item)s” of %(program)s down.") % {"item": item, "program": item.mini_program},
            _("Reason: %s") % reason,
            "",
            _("Buyers can no longer buy it; past orders keep showing it. You can edit it and submit it again."),
            _("Its next release is reviewed even if the mini program is exempt from approval."),
            "",
            address("items:detail", app_id=item.mini_program.app_id, product_id=item.product_id),
        ]
        queue_mail(to=team.linked_email, subject=_("Item taken down: %s") % item, body="\n".join(lines))


def address(name: str, **names: str) -> str:
    """The full address of a page."""
    return settings.BASE_URL + reverse(name, kwargs=names)


def language_of(person: User) -> str:
    """The language this person reads in."""
    return person.language or settings.LANGUAGE_CODE


def _line(entry: ReleaseEntry) -> str:
    if entry.state == ReleaseEntry.State.APPROVED:
        return _("Approved and on sale: %s") % entry
    return _("Rejected: %(item)s. Reason: %(reason)s") % {"item": entry, "reason": entry.reason}


def _what_next(release: Release, entries: list[ReleaseEntry]) -> list[str]:
    told = []
    if any(entry.state == ReleaseEntry.State.REJECTED for entry in entries):
        told.append(_("You can edit a rejected item and submit it again."))
    if release.state == Release.State.IN_PROGRESS:
        told.append(_("The other items of this request are still under review."))
    return told
