"""Merchant accounts of a superapp."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.models import Superapp
from console.permissions import Scope


class Merchant(models.Model):
    """A merchant account of the superapp's payment channel, with one settlement currency (ISO 4217)."""

    superapp = models.ForeignKey(Superapp, on_delete=models.PROTECT, related_name="merchants")
    merchant_id = models.CharField(_("merchant id"), max_length=64)
    name = models.CharField(_("name"), max_length=100)
    currency = models.CharField(_("settlement currency"), max_length=3)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["superapp", "merchant_id"], name="merchant_id_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.merchant_id})"

    @property
    def scope(self) -> Scope:
        """Belongs to the superapp."""
        return Scope(None, self.superapp_id)
