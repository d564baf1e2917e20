"""The ways in which the console says no; they are never mixed (docs/architecture.md, "Saying no")."""

from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.sentences import joined


class Forbidden(PermissionDenied):
    """The object is visible to the actor, who may not do this to it: HTTP 403.

    `permission` names what was missing, so that the page can say who in the team could do it.
    """

    def __init__(self, message: str = "", *, permission: str = "", obj: object = None) -> None:
        super().__init__(message)
        self.permission = permission
        self.obj = obj


class Invisible(Http404):
    """The object does not exist, or not for this actor; both answer the same: HTTP 404."""


class WrongState(Exception):
    """The object is visible and the actor may, but its state does not allow this now: HTTP 409."""


class Refused(Exception):
    """What was typed breaks a rule; `errors` maps a field name (or "" for the whole) to a sentence. HTTP 422, or the form."""

    def __init__(self, message: str = "", /, **errors: str) -> None:
        self.errors: dict[str, str] = {"": message} if message else {}
        self.errors.update(errors)
        super().__init__(joined(self.errors.values()))
