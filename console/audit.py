"""What happened, by whom, to what: the one door for audit entries (docs/architecture.md, "Audit entry").

`record()` runs inside the caller's transaction. Every entry carries a MAC over its own content; `seal_entries()` then links the
entries of one tenant into a chain. The linking is a step of its own because a chain head locked by every order of a team
would make its orders wait for each other. `manage.py verify_audit` names the first row that does not fit.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from console import bulk
from console.models import AuditChain, AuditEntry, User
from console.permissions import Scoped, System


class Subject(NamedTuple):
    """What an entry is about, for callers that read no model instance; `object_type` is "app.model" in lower case."""

    team_id: int | None
    superapp_id: int | None
    mini_program_id: int | None
    object_type: str
    object_id: str
    object_label: str


class Origin(NamedTuple):
    """Where the present request comes from; set by console.middleware."""

    request_id: str = ""
    address: str = ""


origin: ContextVar[Origin] = ContextVar("origin", default=Origin())


def record(
    verb: str,
    obj: models.Model,
    *,
    actor: User | System,
    changes: dict[str, Any] | None = None,
    note: str = "",
    scope: Scoped | None = None,
) -> AuditEntry:
    """Write one entry about `obj`. `changes` maps a field to [before, after]; `scope` is given when `obj` has none of its own."""
    entry = build_entry(verb, obj, actor=actor, changes=changes, note=note, scope=scope)
    entry.save(force_insert=True)
    return entry


def record_many(
    verb: str, rows: Sequence[models.Model], *, actor: User | System, changes: Sequence[dict[str, Any]], note: str = ""
) -> None:
    """One entry for each row, `changes` in the same order; inserted together."""
    record_subjects(verb, [subject_of(row) for row in rows], actor=actor, changes=changes, note=note)


def subject_of(row: models.Model, scope: Scoped | None = None) -> Subject:
    """What an entry says of a row; `scope` is given when it has none of its own."""
    team_id, superapp_id = (scope or row).scope  # type: ignore[union-attr]
    program_id = getattr(row, "mini_program_id", None)
    return Subject(team_id, superapp_id, program_id, row._meta.label_lower, str(row.pk), str(row))


def record_subjects(
    verb: str, subjects: Sequence[Subject], *, actor: User | System, changes: Sequence[dict[str, Any]], note: str = ""
) -> None:
    """As `record_many`, for hot paths without model instances; `changes` in the same order."""
    bulk.insert(AuditEntry, ENTRY_COLUMNS, entry_rows(verb, subjects, actor=actor, changes=changes, note=note))


def entry_rows(
    verb: str, subjects: Sequence[Subject], *, actor: User | System, changes: Sequence[dict[str, Any]], note: str = ""
) -> list[tuple[Any, ...]]:
    """Unsaved entries as the values of ENTRY_COLUMNS, for SQL that inserts them; the other columns have their defaults."""
    where, now = origin.get(), timezone.now()
    at = now.isoformat()
    who = (None if isinstance(actor, System) else actor.pk, str(actor), verb)
    by_platform = _is_of_the_platform(actor)
    rows = []
    for subject, change in zip(subjects, changes, strict=True):
        said = (*subject[:3], *who, *subject[3:5], subject.object_label[:200], change, note, *where)
        rows.append((now, *said, _mac([at, *said, *_marks(by_platform)]), by_platform))
    return rows


#: The columns of an entry that its MAC covers, in its order, and the MAC.
_SAID = (
    "created_at", "team_id", "superapp_id", "mini_program_id", "actor_id", "actor_label", "verb", "object_type", "object_id",
    "object_label", "changes", "note", "request_id", "address", "mac",
)  # fmt: skip
ENTRY_COLUMNS = (*_SAID, "by_platform")


def build_entry(
    verb: str,
    obj: models.Model,
    *,
    actor: User | System,
    changes: dict[str, Any] | None = None,
    note: str = "",
    scope: Scoped | None = None,
) -> AuditEntry:
    """An unsaved entry, for callers that insert many in one statement (`bulk_create`)."""
    (row,) = entry_rows(verb, [subject_of(obj, scope)], actor=actor, changes=[changes or {}], note=note)
    return AuditEntry(**dict(zip(ENTRY_COLUMNS, row, strict=True)))


def _is_of_the_platform(actor: User | System) -> bool:
    return not isinstance(actor, System) and bool(actor.platform_role)


def _marks(by_platform: bool) -> list[str]:
    """What the MAC covers besides _SAID. Nothing where there is no mark, so that older entries keep their MAC."""
    return ["by_platform"] if by_platform else []


def _key() -> bytes:
    return settings.AUDIT_KEY


def entry_mac(entry: "AuditEntry") -> str:
    """HMAC-SHA256 (hex) over everything the entry says, with the key that lives outside the database."""
    said = [getattr(entry, name) for name in _SAID[1:-1]]
    return _mac([entry.created_at.isoformat(), *said, *_marks(entry.by_platform)])


# Made once: json.dumps() with options makes an encoder for each call.
_encoded = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str).encode


def _mac(content: list[Any]) -> str:
    return hmac.digest(_key(), _encoded(content).encode(), "sha256").hex()


def link_mac(previous: str, number: int, mac: str) -> str:
    """The chain value of link `number`, which follows the link whose chain value is `previous`."""
    return hmac.new(_key(), f"{previous}|{number}|{mac}".encode(), hashlib.sha256).hexdigest()


def seal_entries(limit: int = 5000) -> int:
    """Link entries not yet linked, oldest first, at most `limit`; returns how many. Safe to run twice at once."""
    with transaction.atomic():
        # One lock for all chains: sealing is quick, and a second sealer has nothing to do anyway.
        AuditChain.objects.get_or_create(tenant="lock")
        AuditChain.objects.select_for_update().get(tenant="lock")
        entries = list(AuditEntry.objects.filter(chain_number=None).order_by("id")[:limit])
        heads = AuditChain.objects.in_bulk({entry.tenant for entry in entries}, field_name="tenant")
        for entry in entries:
            head = heads.setdefault(entry.tenant, AuditChain(tenant=entry.tenant))
            head.number, entry.chain_number = head.number + 1, head.number + 1
            head.mac = entry.chain_mac = link_mac(head.mac, head.number, entry.mac)
        AuditEntry.objects.bulk_update(entries, ["chain_number", "chain_mac"], batch_size=500)
        AuditChain.objects.bulk_create(
            heads.values(), update_conflicts=True, unique_fields=["tenant"], update_fields=["number", "mac"]
        )
    return len(entries)


def first_broken_entry() -> tuple[str, int] | None:
    """The tenant and the chain number of the first link that does not fit its content or its predecessor, or None."""
    for chain in AuditChain.objects.exclude(tenant="lock").order_by("tenant"):
        previous, number = "", 0
        for entry in AuditEntry.objects.of_tenant(chain.tenant).exclude(chain_number=None).order_by("chain_number").iterator():
            number += 1
            expected = link_mac(previous, number, entry_mac(entry))
            if entry.chain_number != number or entry.mac != entry_mac(entry) or entry.chain_mac != expected:
                return chain.tenant, number
            previous = expected
        if (number, previous) != (chain.number, chain.mac):
            return chain.tenant, number + 1
    return None
