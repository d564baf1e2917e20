"""Links that are mailed to somebody and work once: invitations, and the confirmation of a team's linked e-mail."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.matrix import ROLES
from console.models.people import Superapp, Team, TeamRole, User
from console.permissions import Scope

#: Neither used nor revoked; they may have expired.
OPEN_LINK = Q(used_at=None, revoked_at=None)


class MailedLink(models.Model):
    """A row is the link and its mail. The token follows from the row and a key outside the database; only its hash is stored."""

    VALID: ClassVar[timedelta] = timedelta(days=7)

    email = models.EmailField(_("e-mail"))
    token_hash = models.CharField(max_length=64, db_index=True)
    serial = models.PositiveIntegerField(default=0, help_text="Sending again makes a new token; the one before stops working.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, null=True, help_text="NULL once sent or given up.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        """Whether the link works now."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()

    @property
    def what_became_of_it(self) -> str:
        """In a word or two."""
        if self.used_at:
            return str(_("Accepted"))
        if self.revoked_at:
            return str(_("Revoked"))
        return str(_("Open")) if self.is_open else str(_("Expired"))


class Invitation(MailedLink):
    """Somebody without an account is asked to make one. The role waits in the row; a plain account has none."""

    name = models.CharField(_("name"), max_length=100, blank=True)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="invitations")
    superapp = models.ForeignKey(Superapp, null=True, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=30, blank=True)
    own_role = models.ForeignKey(TeamRole, null=True, on_delete=models.PROTECT, related_name="invitations")
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="invitations", help_text="Who accepted.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(team=None) | Q(superapp=None), name="invitation_to_one_place"),
            models.UniqueConstraint(
                fields=["email", "team"], condition=OPEN_LINK & Q(team__isnull=False), name="one_open_invitation_to_a_team"
            ),
            models.UniqueConstraint(
                fields=["email", "superapp"],
                condition=OPEN_LINK & Q(superapp__isnull=False),
                name="one_open_invitation_to_a_superapp",
            ),
            models.UniqueConstraint(
                fields=["email"], condition=OPEN_LINK & Q(team=None, superapp=None), name="one_open_invitation_to_the_platform"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def scope(self) -> Scope:
        """Of the team or the superapp it leads to, else of the platform."""
        if self.team:
            return self.team.scope
        return Scope(None, self.superapp_id)

    @property
    def place(self) -> Team | Superapp | None:
        """Where the role is, None for the platform or none."""
        return self.team or self.superapp

    @property
    def role_name(self) -> str:
        """The role in words, "" for a plain account."""
        return str(self.own_role) if self.own_role else str(ROLES.get(self.role, ""))


class LinkedEmailChange(MailedLink):
    """A new linked e-mail of a team that its reader has to confirm before anything is sent there."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="email_changes")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team"], condition=OPEN_LINK, name="one_open_email_change_of_a_team"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def scope(self) -> Scope:
        """Of its team."""
        return self.team.scope
