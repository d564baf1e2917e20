"""The audit trail and the heads of its chains."""

from django.db import models
from django.db.models import Q

from console.models.people import MiniProgram, Superapp, Team, User
from console.permissions import Scope, visible_filter


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, actor: User) -> "AuditEntryQuerySet":
        """Entries of the containers whose activity `actor` may view; the platform's own for platform roles."""
        visible = visible_filter(actor, "console.view_activity") | visible_filter(actor, "console.view_activity", team="")
        return self.filter(visible)

    def of_tenant(self, tenant: str) -> "AuditEntryQuerySet":
        """Entries of one chain: "team:5", "superapp:1" or "platform"."""
        kind, _colon, pk = tenant.partition(":")
        if kind == "team":
            return self.filter(team_id=pk)
        if kind == "superapp":
            return self.filter(team=None, superapp_id=pk)
        return self.filter(team=None, superapp=None)


class AuditEntry(models.Model):
    """What happened, by whom, to what. Append-only: a database trigger refuses changes (console/migrations)."""

    created_at = models.DateTimeField()
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    superapp = models.ForeignKey(Superapp, null=True, on_delete=models.PROTECT, related_name="+")
    mini_program = models.ForeignKey(MiniProgram, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=150)
    by_platform = models.BooleanField(db_default=False, help_text="Whether the actor had a role of the platform at the time.")
    verb = models.CharField(max_length=100)
    object_type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=64)
    object_label = models.CharField(max_length=200)
    changes = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    address = models.CharField(max_length=45, blank=True, default="")
    mac = models.CharField(max_length=64)
    chain_number = models.BigIntegerField(null=True)
    chain_mac = models.CharField(max_length=64, blank=True, default="")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="audit_team"),
            models.Index(fields=["superapp", "-created_at", "-id"], name="audit_superapp"),
            models.Index(fields=["object_type", "object_id", "id"], name="audit_object"),
            models.Index(fields=["id"], condition=Q(chain_number=None), name="audit_unsealed"),
            # What people did in a mini program; without it the home page would wade through the entries of its orders.
            models.Index(fields=["mini_program", "-id"], condition=Q(actor__isnull=False), name="audit_program_people"),
            models.Index(fields=["team", "-created_at", "-id"], condition=Q(actor__isnull=False), name="audit_team_people"),
            models.Index(
                fields=["superapp", "-created_at", "-id"], condition=Q(actor__isnull=False), name="audit_superapp_people"
            ),
            models.Index(fields=["-created_at", "-id"], condition=Q(by_platform=True), name="audit_platform_people"),
            # For a search; the names of objects have one too, `audit_people_name` of migration 0016.
            models.Index(fields=["request_id"], condition=Q(actor__isnull=False), name="audit_people_request"),
            models.Index(fields=["address"], condition=Q(actor__isnull=False), name="audit_people_address"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_label}"

    @property
    def scope(self) -> Scope:
        """Where it happened."""
        return Scope(self.team_id, self.superapp_id)

    @property
    def tenant(self) -> str:
        """The chain this entry belongs to."""
        if self.team_id:
            return f"team:{self.team_id}"
        return f"superapp:{self.superapp_id}" if self.superapp_id else "platform"


class AuditChain(models.Model):
    """The head of a tenant's chain: number and MAC of its last link, so that a cut-off tail is noticed."""

    tenant = models.CharField(max_length=40, unique=True)
    number = models.BigIntegerField(default=0)
    mac = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return self.tenant
