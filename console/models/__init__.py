"""Who there is: users, superapps, teams, mini programs, memberships and grants; the audit trail; jobs."""

from console.models.audit import AuditChain, AuditEntry, AuditEntryQuerySet
from console.models.exports import ExportRun, ExportSchedule
from console.models.jobs import Job
from console.models.links import OPEN_LINK, Invitation, LinkedEmailChange, MailedLink
from console.models.lists import KeptColumns, SavedView
from console.models.mail import OutgoingMail
from console.models.notices import Notice, NoticeChoice
from console.models.people import (
    OWN_ROLE,
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
    TeamRole,
    User,
    UserManager,
    choices,
    new_app_id,
    new_superapp_code,
    new_team_code,
)
from console.models.replica import ReplicaMark

__all__ = [
    "ExportRun",
    "ExportSchedule",
    "OPEN_LINK",
    "OWN_ROLE",
    "AuditChain",
    "AuditEntry",
    "AuditEntryQuerySet",
    "Invitation",
    "Job",
    "KeptColumns",
    "LinkedEmailChange",
    "MailedLink",
    "MiniProgram",
    "MiniProgramQuerySet",
    "Notice",
    "NoticeChoice",
    "OutgoingMail",
    "ReplicaMark",
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
    "TeamRole",
    "User",
    "UserManager",
    "choices",
    "new_app_id",
    "new_superapp_code",
    "new_team_code",
]
