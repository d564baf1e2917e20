"""Users, superapps, teams, mini programs, memberships and the guardian grants."""

import secrets
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from guardian.models import UserObjectPermissionBase

from console.matrix import PLATFORM_ROLES, ROLES, SUPERAPP, SUPERAPP_ROLES, TEAM, TEAM_ROLES, model_permissions
from console.permissions import Scope, visible_filter

#: The role of a membership whose permissions a role of the team's own says.
OWN_ROLE = "own"
OWN_ROLE_FITS = Q(role=OWN_ROLE, own_role__isnull=False) | (~Q(role=OWN_ROLE) & Q(own_role__isnull=True))


def choices(roles: tuple[str, ...]) -> list[tuple[str, str]]:
    """Model choices of some roles."""
    return [(role, ROLES[role]) for role in roles]  # type: ignore[misc]


class UserManager(BaseUserManager["User"]):
    """Users are found by e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Create a person; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this e-mail address."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. `is_superuser` stays False in normal use: it would skip every check (docs/roles.md)."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    platform_role = models.CharField(
        _("role on the platform"), max_length=20, choices=choices(PLATFORM_ROLES), blank=True, default=""
    )
    is_active = models.BooleanField(_("can sign in"), default=True)
    created_at = models.DateTimeField(default=timezone.now)
    language = models.CharField(max_length=10, blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="")
    theme = models.CharField(max_length=10, default="system")
    session_epoch = models.PositiveIntegerField(default=0, db_default=0, help_text="Raising it ends all sessions of this person.")

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform_role"], condition=Q(platform_role="super_admin"), name="one_super_admin"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session is checked against at each request: the password's hash, and how often sessions were ended."""
        salt = "console.models.User.session"
        value = f"{self.password}:{self.session_epoch}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    @property
    def is_staff(self) -> bool:
        """Django's admin site is not part of this product."""
        return False


def new_app_id() -> str:
    """An id of a mini program: "mp" and 16 hex digits, hard to guess and easy to read out."""
    return "mp" + secrets.token_hex(8)


def new_superapp_code() -> str:
    """The id by which a superapp's backend names itself to openServer."""
    return "sa" + secrets.token_hex(6)


def new_team_code() -> str:
    """The id of a team in addresses of the console."""
    return "tm" + secrets.token_hex(6)


class SuperappQuerySet(models.QuerySet["Superapp"]):
    def visible_to(self, actor: User, permission: str = "console.view_superapp") -> "SuperappQuerySet":
        """Superapps on which `actor` holds `permission`."""
        return self.filter(visible_filter(actor, permission, team="", superapp="id"))


class Superapp(models.Model):
    """A phone app that hosts mini programs; it has a payment channel and a backend of its own."""

    code = models.CharField(max_length=32, unique=True, default=new_superapp_code)
    name = models.CharField(_("name"), max_length=100)
    payment_enabled = models.BooleanField(_("payment feature"), default=False)
    currencies = models.JSONField(_("currencies"), default=list, help_text=_("ISO 4217 codes, in the order they are offered."))
    backend_url = models.URLField(_("backend address"), max_length=2048, blank=True, default="")
    sealed_secret_key = models.TextField(blank=True, default="", help_text="Sealed by console.secrets; bound to secret_binding.")
    sealed_next_secret_key = models.TextField(blank=True, default="", help_text="Accepted already; signs after the switch.")
    sealed_previous_secret_key = models.TextField(blank=True, default="", help_text="Accepted until previous_key_until.")
    previous_key_until = models.DateTimeField(null=True)
    tc_compatible = models.BooleanField(_("send TC-* headers too"), default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = SuperappQuerySet.as_manager()

    class Meta:
        permissions = model_permissions(SUPERAPP)

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """A superapp is its own container."""
        return Scope(None, self.pk)

    @property
    def secret_binding(self) -> str:
        """What the sealed secret key is bound to, so that it cannot be moved to another row."""
        return f"superapp:{self.code}:secret_key"

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to: its keys change places, so all to the same."""
        return self.secret_binding

    def accepted_secrets(self) -> list[str]:
        """The sealed secret keys whose signatures are accepted now, the one that signs first; bound to `secret_binding`."""
        previous = self.sealed_previous_secret_key if self.overlaps else ""
        return [sealed for sealed in (self.sealed_secret_key, self.sealed_next_secret_key, previous) if sealed]

    @property
    def overlaps(self) -> bool:
        """Whether the previous secret key is still accepted."""
        return bool(self.previous_key_until and self.previous_key_until > timezone.now())


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, actor: User, permission: str = "console.view_mini_program") -> "TeamQuerySet":
        """Teams on which `actor` holds `permission`, by a grant on the team or on its superapp."""
        return self.filter(visible_filter(actor, permission, team="id"))


class Team(models.Model):
    """A mini program team of one superapp."""

    code = models.CharField(max_length=32, unique=True, default=new_team_code)
    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(_("name"), max_length=100)
    linked_email = models.EmailField(
        _("linked e-mail"), blank=True, help_text=_("Certificates, keys and alerts are sent here; empty until it is confirmed.")
    )
    linked_email_changed_at = models.DateTimeField(null=True, help_text="When one address last replaced another.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = TeamQuerySet.as_manager()

    class Meta:
        permissions = model_permissions(TEAM)

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """A team is its own container, inside its superapp."""
        return Scope(self.pk, self.superapp_id)


class TeamGrant(UserObjectPermissionBase):
    """A guardian grant on a team: direct foreign keys, one row a permission."""

    content_object = models.ForeignKey(Team, on_delete=models.CASCADE)


class SuperappGrant(UserObjectPermissionBase):
    """A guardian grant on a superapp."""

    content_object = models.ForeignKey(Superapp, on_delete=models.CASCADE)


class TeamRole(models.Model):
    """A role that a team made for itself: a name for some permissions of the team part of the matrix."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(_("name"), max_length=60)
    permissions = models.JSONField(default=list, help_text="Names of rows of the matrix (console.matrix.complete).")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_team_role_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """Belongs to its team."""
        return self.team.scope


class TeamMembership(models.Model):
    """The role a person has in a team; console.actions.membership keeps the grants in step with it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="team_memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=30, choices=[*choices(TEAM_ROLES), (OWN_ROLE, _("Role of the team's own"))])
    own_role = models.ForeignKey(TeamRole, null=True, on_delete=models.PROTECT, related_name="memberships")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="one_role_in_a_team"),
            models.CheckConstraint(condition=OWN_ROLE_FITS, name="own_role_where_role_says_so"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.role_name}"

    @property
    def role_name(self) -> str:
        """The role in words."""
        return str(self.own_role or self.get_role_display())

    @property
    def scope(self) -> Scope:
        """Belongs to its team."""
        return self.team.scope


class SuperappMembership(models.Model):
    """The role a person has in a superapp."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="superapp_memberships")
    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=30, choices=choices(SUPERAPP_ROLES))
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "superapp"], name="one_role_in_a_superapp")]

    def __str__(self) -> str:
        return f"{self.user} · {self.role_name}"

    @property
    def role_name(self) -> str:
        """The role in words."""
        return str(self.get_role_display())

    @property
    def scope(self) -> Scope:
        """Belongs to its superapp."""
        return self.superapp.scope


class TeamOwnedQuerySet(models.QuerySet):
    def visible_to(self, actor: User, permission: str) -> "TeamOwnedQuerySet":
        """Rows on whose team or superapp `actor` holds `permission`."""
        return self.filter(visible_filter(actor, permission))


class TeamOwned(models.Model):
    """A row that belongs to a team and so to its superapp; both ids stand in the row so that lists need no join."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True

    @property
    def scope(self) -> Scope:
        """The containers of this row."""
        return Scope(self.team_id, self.superapp_id)


class MiniProgramQuerySet(models.QuerySet["MiniProgram"]):
    def visible_to(self, actor: User, permission: str = "console.view_mini_program") -> "MiniProgramQuerySet":
        """Mini programs on whose team or superapp `actor` holds `permission`."""
        return self.filter(visible_filter(actor, permission))


class MiniProgram(models.Model):
    """A mini program or a mini game of a team."""

    class Kind(models.TextChoices):
        MINI_PROGRAM = "mini_program", _("Mini program")
        MINI_GAME = "mini_game", _("Mini game")

    app_id = models.CharField(max_length=32, unique=True, default=new_app_id)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="mini_programs")
    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="mini_programs")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    created_at = models.DateTimeField(default=timezone.now)

    objects = MiniProgramQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """The team and the superapp of the mini program."""
        return Scope(self.team_id, self.superapp_id)
