"""Check the audit trail against the key that lives outside the database (docs/operations.md, "Audit trail")."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.audit import first_broken_entry
from console.models import AuditChain, AuditEntry
from console.tasks import seal_audit


def name_of(tenant: str, number: int) -> str:
    """The row that stands at this place of the chain, in words a person can look for."""
    entry = AuditEntry.objects.of_tenant(tenant).filter(chain_number__gte=number).order_by("chain_number", "id").first()
    if entry is None:
        return f"{tenant}, entry {number}: it is missing, the chain once was longer."
    if entry.chain_number != number:
        return f"{tenant}, entry {number}: it is missing; the next row is id {entry.pk}."
    at = f"{entry.created_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{tenant}, entry {number}: row id {entry.pk}, {entry.verb} {entry.object_label}, {at}."


class Command(BaseCommand):
    help = "Verify the audit trail; names the first row that does not fit and exits 1."

    def handle(self, **options: Any) -> None:
        sealed = seal_audit()
        broken = first_broken_entry()
        if broken:
            raise CommandError(f"The audit trail is broken. {name_of(*broken)}")
        chains = AuditChain.objects.exclude(tenant="lock").count()
        entries = AuditEntry.objects.exclude(chain_number=None).count()
        self.stdout.write(f"The audit trail is whole: {entries} entries in {chains} chains ({sealed} linked just now).")
