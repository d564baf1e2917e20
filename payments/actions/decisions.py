"""What deciding a request means for every kind: the content that was shown, the move, the mail to the requester."""

from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from console.errors import WrongState
from console.lifecycle import lock, move
from console.models import User
from payments.content import content_hash
from payments.models import Request
from payments.notices import tell_requester

R = TypeVar("R", bound=Request)


def decide(request: R, name: str, *, actor: User, shown: str = "", part: str = "", **data: Any) -> R:
    """Make the move `name` and queue the mail to the requester, in one transaction; store the hash of what was decided.

    `shown` is the hash of the content the decider read ("" where no page was read), `part` the field that the reason is about.
    Raises WrongState when the content changed since, or when somebody else was faster; Refused for one's own request and for a
    missing reason; Invisible, Forbidden.
    """
    with transaction.atomic():
        current = content_hash(lock(request))
        decided = move(request, name, actor=actor, **data)
        # Checked after the move, so that "already decided by …" is said first; raising undoes the move.
        if shown and shown != current:
            raise WrongState(_("This request has changed since you opened it. Open it again and read it before you decide."))
        Request.objects.filter(pk=decided.pk).update(content_hash=current, reason_part=part)
        decided.content_hash, decided.reason_part = current, part
        tell_requester(decided)
    return decided
