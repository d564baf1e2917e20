"""What openServer remembers of its callers: player sessions and nonces, in the database so that a lost cache loses nothing."""

from django.db import models
from django.utils import timezone

from payments.models import ProgramOwned


class PlayerSession(ProgramOwned):
    """A player signed in to one mini program. Code and token are kept as SHA-256 hex; the session key is sealed."""

    open_id = models.CharField(max_length=128)
    code_hash = models.CharField(max_length=64, unique=True)
    token_hash = models.CharField(max_length=64, unique=True)
    sealed_session_key = models.TextField()
    code_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="session_expires")]

    def __str__(self) -> str:
        return f"{self.mini_program_id} {self.open_id}"

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to; the hash of the token is known before the row is."""
        return f"player_session:{self.token_hash}:{field.removeprefix('sealed_')}"


class Nonce(models.Model):
    """A nonce of a signed call; each is accepted once within the time window."""

    caller = models.CharField(max_length=64)
    value = models.CharField(max_length=64)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "value"], name="nonce_once")]
        indexes = [models.Index(fields=["seen_at"], name="nonce_seen")]

    def __str__(self) -> str:
        return f"{self.caller} {self.value}"
