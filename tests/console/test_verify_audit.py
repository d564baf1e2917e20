"""`manage.py verify_audit`: says that the trail is whole, or names the row that is not."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from console.audit import record
from console.models import AuditEntry
from console.tasks import seal_audit


@pytest.fixture
def three_entries(starfall, team_admin):
    return [record(f"test.entry_{number}", starfall, actor=team_admin) for number in range(3)]


def tamper(statement: str, *values: object) -> None:
    """Change rows as somebody with the database password could: without the trigger that refuses it."""
    triggers = ("audit_append_only",) if connection.vendor == "postgresql" else ("audit_no_update", "audit_no_delete")
    with connection.cursor() as cursor:
        for trigger in triggers:
            table = " ON console_auditentry" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER {trigger}{table}")  # undone with the test's transaction
        cursor.execute(statement, values)


def test_a_whole_trail_is_sealed_and_verified(three_entries, capsys):
    call_command("verify_audit")
    assert f"{AuditEntry.objects.count()} entries" in capsys.readouterr().out
    assert not AuditEntry.objects.filter(chain_number=None).exists()


#: Column → what to put there, in SQL.
CHANGES = {
    "created_at": "'2020-01-01 00:00:00+00:00'",
    "mini_program_id": "(SELECT max(id) FROM console_miniprogram)",
    "actor_id": "NULL",
    "actor_label": "'Nobody'",
    "verb": "'test.other'",
    "object_type": "'console.team'",
    "object_id": "'0'",
    "object_label": "'Moonlit Cards'",
    "changes": """'{"state": [1, 2]}'""",
    "note": "'nothing happened'",
    "request_id": "'another'",
    "address": "'192.0.2.1'",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_entry_is_named_whatever_was_changed(column, three_entries):
    seal_audit()
    tamper(f"UPDATE console_auditentry SET {column} = {CHANGES[column]} WHERE id = %s", three_entries[1].pk)
    with pytest.raises(CommandError, match=f"row id {three_entries[1].pk}, "):
        call_command("verify_audit")


def test_an_entry_changed_before_it_was_sealed_is_named(three_entries):
    tamper("UPDATE console_auditentry SET actor_label = 'Nobody' WHERE id = %s", three_entries[0].pk)
    with pytest.raises(CommandError, match=f"row id {three_entries[0].pk}"):
        call_command("verify_audit")


def test_a_deleted_entry_is_missed(three_entries):
    seal_audit()
    tamper("DELETE FROM console_auditentry WHERE id = %s", three_entries[1].pk)
    with pytest.raises(CommandError, match="it is missing; the next row is id"):
        call_command("verify_audit")


def test_a_cut_off_tail_is_missed(three_entries):
    seal_audit()
    tamper("DELETE FROM console_auditentry WHERE id = %s", three_entries[2].pk)
    with pytest.raises(CommandError, match="the chain once was longer"):
        call_command("verify_audit")


def test_another_key_fits_no_entry(three_entries, settings):
    seal_audit()
    settings.AUDIT_KEY = b"k" * 32
    with pytest.raises(CommandError, match="entry 1"):
        call_command("verify_audit")
