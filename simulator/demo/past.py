"""What the demo's past has in common: one seed, the present moment, audit entries with times of their own."""

import hashlib
import random
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from console.audit import build_entry, entry_mac
from console.models import AuditEntry, User
from console.permissions import Scoped, System

SEED = "orbit"


class Past:
    """Collects audit entries of the past and stores them in the order of their times."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.chance = random.Random(SEED)
        self.entries: list[AuditEntry] = []

    def ago(self, **span: float) -> datetime:
        """The moment `days=…, hours=…, minutes=…` before now."""
        return self.now - timedelta(**span)

    def note(
        self, verb: str, obj: models.Model, at: datetime, *, actor: User | System, changes: dict[str, Any] | None = None,
        note: str = "", scope: Scoped | None = None,
    ) -> None:  # fmt: skip
        """Remember that `actor` did this at that time."""
        entry = build_entry(verb, obj, actor=actor, changes=changes, note=note, scope=scope)
        entry.created_at = at
        entry.mac = entry_mac(entry)
        self.entries.append(entry)

    def store(self) -> None:
        """Write them, oldest first, as they would have been written."""
        self.entries.sort(key=lambda entry: entry.created_at)
        AuditEntry.objects.bulk_create(self.entries, batch_size=500)
        self.entries.clear()


def fixed_id(prefix: str, name: str, digits: int) -> str:
    """An id of the usual form that is the same in every demo."""
    return prefix + hashlib.sha256(f"{SEED}:{name}".encode()).hexdigest()[:digits]
