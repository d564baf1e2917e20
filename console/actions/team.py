"""Teams as the platform makes them, and their linked e-mail, to which certificates and keys go (docs/roles.md)."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from console.audit import record
from console.errors import Invisible, Refused, WrongState
from console.lifecycle import lock
from console.links import LANGUAGE, find, send
from console.mail import queue_mail
from console.models import OPEN_LINK, LinkedEmailChange, Superapp, Team, User
from console.names import checked_name
from console.permissions import THE_PLATFORM, System, require

MANAGE = "console.manage_teams"
#: After a change nothing is issued for so long: whoever reads the old address has the time to object.
HOLD = timedelta(hours=24)
READER = System("reader of the linked e-mail")


def create(superapp: Superapp, *, name: str, linked_email: str, actor: User) -> Team:
    """A team; its linked e-mail counts once its reader confirms it. Raises Refused (name, linked_email), Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    email, name = _checked_email(linked_email), checked_name(name)
    with transaction.atomic():
        row = Team.objects.create(superapp=superapp, name=name, linked_email="")
        record("console.team.create", row, actor=actor, changes={"name": [None, name]})
        _ask(row, email, actor)
    return row


def edit(team: Team, *, name: str, actor: User) -> Team:
    """Give it another name; its superapp stays: all it owns belongs there. Raises Refused (name), Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    name = checked_name(name)
    with transaction.atomic():
        row = lock(team)
        before, row.name = row.name, name
        if before != name:
            row.save(update_fields=["name"])
            record("console.team.edit", row, actor=actor, changes={"name": [before, name]})
    return row


def change_email(team: Team, *, linked_email: str, actor: User) -> LinkedEmailChange:
    """Ask the reader of a new address to confirm it, and tell the old one; until then the old one stays in force.

    A change that waits already is replaced. Raises Refused (linked_email), Invisible, Forbidden.
    """
    require(actor, MANAGE, THE_PLATFORM)
    email = _checked_email(linked_email)
    with transaction.atomic():
        row = lock(team)
        if email == row.linked_email:
            raise Refused(linked_email=_("This is the linked e-mail already. Enter another address."))
        _end_open(row)
        return _ask(row, email, actor)


def resend(team: Team, *, actor: User) -> LinkedEmailChange:
    """Mail a new link to the address that waits. Raises WrongState when none does, Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    with transaction.atomic():
        row = waiting(lock(team))
        if row is None:
            raise WrongState(_("No address waits to be confirmed."))
        send(row)
        record("console.team.resend_email", row, actor=actor)
    return row


def withdraw_email(team: Team, *, actor: User) -> None:
    """The address that waits is no longer asked. Raises WrongState when none does, Invisible, Forbidden."""
    require(actor, MANAGE, THE_PLATFORM)
    with transaction.atomic():
        row = waiting(lock(team))
        if row is None:
            raise WrongState(_("No address waits to be confirmed."))
        _end_open(row.team)
        record("console.team.withdraw_email", row, actor=actor)


def confirm_email(token: str) -> Team:
    """The reader of a new address confirms it; it is in force from now on. Raises Invisible, WrongState."""
    found = find(LinkedEmailChange, token)
    if found is None:
        raise Invisible
    with transaction.atomic():
        team = lock(found.team)
        row = lock(found)
        if not row.is_open or row.token_hash != found.token_hash:
            raise WrongState(_("This link does not work any more. Ask the platform to send it again."))
        row.used_at, row.next_attempt_at = timezone.now(), None
        row.save(update_fields=["used_at", "next_attempt_at"])
        before, team.linked_email = team.linked_email, row.email
        if before:
            team.linked_email_changed_at = timezone.now()
            _tell(before, team, row.email, done=True)
        team.save(update_fields=["linked_email", "linked_email_changed_at"])
        record("console.team.confirm_email", team, actor=READER, changes={"linked_email": [before, row.email]})
    return team


def waiting(team: Team) -> LinkedEmailChange | None:
    """The change that waits to be confirmed; its link may have expired."""
    return LinkedEmailChange.objects.filter(OPEN_LINK, team=team).select_related("team", "asked_by").first()


def held_until(team: Team) -> datetime | None:
    """Until when nothing is issued to the linked e-mail because it is new, None if it is not."""
    until = team.linked_email_changed_at + HOLD if team.linked_email_changed_at else None
    return until if until and until > timezone.now() else None


def require_settled_email(team: Team) -> None:
    """Raises Refused while certificates and keys would go to an address that nobody confirmed, or that is new."""
    if not team.linked_email:
        raise Refused(_("The linked e-mail of the team is not confirmed yet: its reader has to open the link that was mailed."))
    if until := held_until(team):
        sentence = _(
            "The linked e-mail was changed. Until %(until)s UTC no certificate or key is issued, so that its old reader"
            " can object."
        )
        raise Refused(sentence % {"until": f"{until:%Y-%m-%d %H:%M}"})


def _checked_email(email: str) -> str:
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise Refused(linked_email=_("This is no e-mail address. Enter one such as name@company.example.")) from None
    return email


def _ask(team: Team, email: str, actor: User) -> LinkedEmailChange:
    row = LinkedEmailChange(team=team, email=email, asked_by=actor)
    send(row)
    record("console.team.change_email", row, actor=actor, changes={"linked_email": [team.linked_email, email]})
    if team.linked_email:
        _tell(team.linked_email, team, email, done=False)
    return row


def _end_open(team: Team) -> None:
    LinkedEmailChange.objects.filter(OPEN_LINK, team=team).update(revoked_at=timezone.now(), next_attempt_at=None)


def _tell(old: str, team: Team, new: str, *, done: bool) -> None:
    """The old address learns of every step, so that nobody takes it away unnoticed."""
    words = {"team": team.name, "new": new}
    with override(LANGUAGE):
        subject = _("The linked e-mail of %(team)s") % words
        if done:
            body = _(
                "The linked e-mail of the team %(team)s is now %(new)s. Certificates, keys and alerts go there. For 24 hours no "
                "certificate or key is issued. If this is wrong, tell the platform now."
            )
        else:
            body = _(
                "Somebody asked that the linked e-mail of the team %(team)s becomes %(new)s. It changes when the reader of the "
                "new address confirms it. If this is wrong, tell the platform now."
            )
        queue_mail(to=old, subject=subject, body=body % words + "\n")
