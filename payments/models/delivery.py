"""Where pushes go, and the certificate and keys that sign them."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from console.lifecycle import state_check
from console.models import MiniProgram, TeamOwnedQuerySet, User
from console.permissions import System
from payments.models.requests import ProgramOwned


class DeliveryConfig(ProgramOwned):
    """Where pushes go. Created by the first save, which also issues the first credential."""

    mini_program = models.OneToOneField(MiniProgram, on_delete=models.PROTECT, related_name="delivery_config")
    url = models.CharField(_("URL"), max_length=2048)
    test_url = models.CharField(_("Test URL"), max_length=2048, blank=True, default="")
    enabled = models.BooleanField(_("delivery push"), default=False)
    enabled_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1, help_text="Counts saves, so that a stale form is noticed.")
    saved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(default=timezone.now)

    objects = TeamOwnedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.mini_program} delivery push"

    def url_for(self, *, env: int, is_test: bool = False) -> str:
        """Live orders go to URL, sandbox orders and test pushes to Test URL; a test push without one goes to URL. "" is none."""
        if env == 0 and not is_test:
            return self.url
        return self.test_url or (self.url if is_test else "")


class ClientCertificate(ProgramOwned):
    """What pushes of a mini program show to a receiver that demands a certificate (mTLS). The key is sealed (console.secrets)."""

    mini_program = models.OneToOneField(MiniProgram, on_delete=models.PROTECT, related_name="client_certificate")
    certificate_pem = models.TextField(help_text="The certificate, then its chain.")
    sealed_key = models.TextField(help_text="PKCS #8 in PEM, sealed.")
    fingerprint = models.CharField(max_length=95, help_text="SHA-256 of the certificate.")
    subject = models.CharField(max_length=300, blank=True)
    not_after = models.DateTimeField()
    reminded_days = models.PositiveSmallIntegerField(null=True, help_text="The last reminder: so many days before the end.")
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)

    objects = TeamOwnedQuerySet.as_manager()

    def __str__(self) -> str:
        return self.subject

    def sealed_binding(self, field: str) -> str:
        """What the sealed key is bound to; the fingerprint is known before the row is."""
        return f"client_certificate:{self.fingerprint}:{field.removeprefix('sealed_')}"

    @property
    def days_left(self) -> int:
        """Whole days until it expires; negative once it has."""
        return (self.not_after - timezone.now()).days


class CertificateAuthority(models.Model):
    """The platform's own CA for client certificates. One row; the key is sealed."""

    name = models.CharField(max_length=100, unique=True)
    certificate_pem = models.TextField()
    sealed_key = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to; the name is known before the row is."""
        return f"certificate_authority:{self.name}:{field.removeprefix('sealed_')}"


class Credential(ProgramOwned):
    """A certificate and two AppKeys of a mini program. Secrets are sealed (console.secrets); the private key is not kept."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        OVERLAPPING = "overlapping", _("Overlapping")
        RETIRED = "retired", _("Retired")
        REVOKED = "revoked", _("Revoked")

    state = FSMField(choices=State.choices, default=State.ACTIVE, protected=True)
    serial_no = models.CharField(max_length=40, unique=True)
    certificate_pem = models.TextField()
    fingerprint = models.CharField(max_length=95, help_text="SHA-256 of the certificate.")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    sealed_live_key = models.TextField()
    sealed_sandbox_key = models.TextField()
    live_key_fingerprint = models.CharField(max_length=32)
    sandbox_key_fingerprint = models.CharField(max_length=32)
    issued_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(default=timezone.now)
    overlaps_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    own_key = models.BooleanField(default=False, help_text="The team made the private key itself and sent a request (CSR).")
    probed_at = models.DateTimeField(null=True, help_text="When a test push signed with it alone was acknowledged last.")
    old_uses = models.PositiveBigIntegerField(default=0, help_text="Uses while overlapping: orders, notifications, calls.")
    old_used_at = models.DateTimeField(null=True)
    reminded_days = models.PositiveSmallIntegerField(null=True, help_text="The last reminder: so many days before the end.")

    objects = TeamOwnedQuerySet.as_manager()

    class Meta:
        constraints = [
            state_check("state", ["active", "overlapping", "retired", "revoked"], name="credential_state_known"),
            models.UniqueConstraint(fields=["mini_program"], condition=Q(state="active"), name="one_active_credential"),
        ]

    def __str__(self) -> str:
        return self.serial_no

    def binding(self, name: str) -> str:
        """What a secret of this row is bound to; the serial number is known before the row is."""
        return f"credential:{self.serial_no}:{name}"

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to."""
        return self.binding(field.removeprefix("sealed_"))

    @transition(
        field=state,
        source=State.ACTIVE,
        target=State.OVERLAPPING,
        permission="payments.manage_credentials",
        custom={"label": _("Rotate")},
    )
    def rotate(self, *, actor: User, until: Any) -> None:
        """A newer credential is active; this one is accepted until `until` (UTC)."""
        self.overlaps_until = until

    @transition(field=state, source=State.OVERLAPPING, target=State.RETIRED, custom={"label": _("Retire")})
    def retire(self, *, actor: User | System) -> None:
        """The overlap is over."""
        self.ended_at = timezone.now()

    @transition(
        field=state,
        source=[State.ACTIVE, State.OVERLAPPING, State.RETIRED],
        target=State.REVOKED,
        permission="payments.manage_credentials",
        custom={"label": _("Revoke")},
    )
    def revoke(self, *, actor: User) -> None:
        """Not accepted any more, at once."""
        self.ended_at = timezone.now()


class CredentialMail(models.Model):
    """The mail that carries a credential: the sealed attachments wait here until a mail server took them, then they are wiped.

    Kept so that a crash or a failing mail server sends the identical mail again (docs/credentials.md).
    """

    credential = models.OneToOneField(Credential, on_delete=models.CASCADE, related_name="mail")
    recipient = models.EmailField()
    sealed_pkcs12 = models.TextField(blank=True)
    sealed_appkeys = models.TextField(blank=True, help_text="The CMS message appkeys.p7m, sealed again.")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, null=True)
    last_error = models.CharField(max_length=200, blank=True, default="")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(sent_at=None), name="credential_mail_due")]

    def __str__(self) -> str:
        return f"{self.credential} → {self.recipient}"

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to: a secret of its credential."""
        return self.credential.sealed_binding(field)
