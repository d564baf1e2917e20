"""Who there is: users, superapps, teams, mini programs, memberships and grants; the audit trail; jobs."""

from console.models.audit import AuditChain, AuditEntry, AuditEntryQuerySet
from console.models.jobs import Job
from console.models.lists import KeptColumns, SavedView
from console.models.mail import OutgoingMail
from console.models.people import (
    MiniProgram,
    MiniProgramQuerySet,
    Superapp,
    SuperappGrant,
    SuperappMembership,
    SuperappQuerySet,
    Team,
    TeamGrant,
    TeamMembership,
    TeamOwned,
    TeamOwnedQuerySet,
    TeamQuerySet,
    User,
    UserManager,
    choices,
    new_app_id,
    new_superapp_code,
    new_team_code,
)

__all__ = [
    "AuditChain",
    "AuditEntry",
    "AuditEntryQuerySet",
    "Job",
    "KeptColumns",
    "MiniProgram",
    "MiniProgramQuerySet",
    "OutgoingMail",
    "SavedView",
    "Superapp",
    "SuperappGrant",
    "SuperappMembership",
    "SuperappQuerySet",
    "Team",
    "TeamGrant",
    "TeamMembership",
    "TeamOwned",
    "TeamOwnedQuerySet",
    "TeamQuerySet",
    "User",
    "UserManager",
    "choices",
    "new_app_id",
    "new_superapp_code",
    "new_team_code",
]
