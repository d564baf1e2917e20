"""What the fictitious parties remember: the superapp's payments, the developer's keys and received pushes, the mailbox.

None of this is the product's own data. The console never reads it.
"""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console import secrets
from console.models import MiniProgram, Superapp
from console.money import exponent, to_major

#: What `ReceivedPush.answered` says of an acknowledged push.
ACKNOWLEDGED = "200 · 0"


class MailboxMessage(models.Model):
    """A mail the demo sent, as it would have gone to the mail server."""

    recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=400)
    raw = models.BinaryField()
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-sent_at", "-id"]

    def __str__(self) -> str:
        return self.subject


class SuperappBehaviour(models.Model):
    """How the stand-in superapp answers create-prepay-order."""

    class Mode(models.TextChoices):
        NORMAL = "normal", _("Answers")
        SLOW = "slow", _("Answers after 3 seconds")
        ERROR = "error", _("Fails with status 500")
        NONSENSE = "nonsense", _("Answers something that is no JSON")

    superapp = models.OneToOneField(Superapp, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.NORMAL)

    def __str__(self) -> str:
        return self.get_mode_display()


class Prepay(models.Model):
    """A unified order in the stand-in superapp's payment channel."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for payment")
        PAID = "paid", _("Paid")
        CLOSED = "closed", _("Closed")
        EXPIRED = "expired", _("Expired")
        FAILED = "failed", _("Failed")

    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+")
    app_id = models.CharField(max_length=32)
    env = models.PositiveSmallIntegerField(default=0)
    out_trade_no = models.CharField(max_length=32)
    prepay_id = models.CharField(max_length=64, unique=True)
    asked = models.PositiveIntegerField(default=1, help_text="How often openServer asked for it.")
    request = models.JSONField(help_text="The body of create-prepay-order.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    last_answer = models.JSONField(default=dict, help_text="What openServer answered to the last notification.")
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app_id", "env", "out_trade_no"], name="prepay_once")]
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.out_trade_no

    @property
    def amount(self) -> int:
        """Minor units."""
        return int(self.request["totalAmount"])

    @property
    def refunded(self) -> int:
        """Minor units already given back or being given back."""
        return sum(refund.amount for refund in self.refunds.all() if refund.status in {"PROCESSING", "SUCCESS"})

    @property
    def refundable(self) -> int:
        """Minor units that can still be given back."""
        return self.amount - self.refunded

    @property
    def refundable_text(self) -> str:
        """The same in major units, as a person types it, such as "9.90"."""
        currency = self.request["currencyType"]
        return f"{to_major(self.refundable, currency):.{exponent(currency)}f}"


class PrepayRefund(models.Model):
    """A refund the player asked the superapp for."""

    prepay = models.ForeignKey(Prepay, on_delete=models.CASCADE, related_name="refunds")
    refund_no = models.CharField(max_length=64, unique=True)
    amount = models.PositiveBigIntegerField()
    status = models.CharField(max_length=12, default="PROCESSING")
    started_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.refund_no


class DeveloperBackend(models.Model):
    """The stand-in backend of a mini program's developers: the keys it installed, and how it behaves as a receiver."""

    class Mode(models.TextChoices):
        ACKNOWLEDGE = "acknowledge", _("Acknowledges")
        FAIL = "fail", _("Fails with status 500")
        REFUSE = "refuse", _("Answers, refuses with code 4001")
        SLOW = "slow", _("Takes 12 seconds, longer than the deadline")
        SOMETIMES = "sometimes", _("Fails now and then, one in four")

    mini_program = models.OneToOneField(MiniProgram, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.ACKNOWLEDGE)
    serial_no = models.CharField(max_length=40, blank=True, default="")
    certificate_pem = models.TextField(blank=True, default="")
    sealed_private_key = models.TextField(blank=True, default="")
    sealed_live_key = models.TextField(blank=True, default="")
    sealed_sandbox_key = models.TextField(blank=True, default="")
    installed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.mini_program} developers"

    def _binding(self, field: str) -> str:
        return f"simulator:{self.mini_program.app_id}:{field}"

    def sealed_binding(self, field: str) -> str:
        """What a sealed field of this row is bound to."""
        return self._binding(
            {"sealed_live_key": "live", "sealed_sandbox_key": "sandbox"}.get(field, field.removeprefix("sealed_"))
        )

    def install(self, *, serial_no: str, certificate_pem: bytes, private_key_pem: bytes, live: str, sandbox: str) -> None:
        """Keep what came out of the mail."""
        self.serial_no, self.certificate_pem = serial_no, certificate_pem.decode()
        self.sealed_private_key = secrets.seal(private_key_pem, bound_to=self._binding("private_key"))
        self.sealed_live_key = secrets.seal(live, bound_to=self._binding("live"))
        self.sealed_sandbox_key = secrets.seal(sandbox, bound_to=self._binding("sandbox"))
        self.installed_at = timezone.now()
        self.save()

    def private_key_pem(self) -> bytes:
        """The certificate's key."""
        return secrets.unseal(self.sealed_private_key, bound_to=self._binding("private_key"))

    def app_key(self, env: int) -> str:
        """The AppKey of an environment, "" before keys are installed."""
        sealed, field = (self.sealed_sandbox_key, "sandbox") if env else (self.sealed_live_key, "live")
        return secrets.unseal(sealed, bound_to=self._binding(field)).decode() if sealed else ""


class ReceivedPush(models.Model):
    """A push the stand-in developer backend received, and what it made of it."""

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.CASCADE, related_name="+")
    event = models.CharField(max_length=64, blank=True, default="")
    out_trade_no = models.CharField(max_length=64, blank=True, default="")
    is_mock = models.BooleanField(default=False)
    body = models.TextField()
    headers = models.JSONField(default=dict)
    event_signature_ok = models.BooleanField(default=False)
    webhook_signature_ok = models.BooleanField(default=False)
    duplicate = models.BooleanField(default=False)
    answered = models.CharField(max_length=60, help_text="Status and returnCode we answered.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["mini_program", "-received_at"], name="push_received")]

    def __str__(self) -> str:
        return f"{self.event} {self.out_trade_no}"

    @property
    def acknowledged(self) -> bool:
        """Whether we said that it arrived."""
        return self.answered == ACKNOWLEDGED


class Purchase(models.Model):
    """A player's purchase as the simulator played it, with every HTTP call for reading."""

    mini_program = models.ForeignKey(MiniProgram, on_delete=models.CASCADE, related_name="+")
    out_trade_no = models.CharField(max_length=32)
    env = models.PositiveSmallIntegerField(default=0)
    open_id = models.CharField(max_length=128)
    calls = models.JSONField(default=list, help_text="[{title, method, url, request, status, response}]")
    prepay_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.out_trade_no
