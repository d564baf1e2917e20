"""move(): permission, lock, source state, body, save, audit entry; and the chain that audit entries form."""

import pytest
from django.db import DatabaseError, transaction

from console.audit import first_broken_entry, record, seal_entries
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import available, move
from console.models import AuditEntry
from payments.models import PaymentRequest, owners_of


@pytest.fixture
def request_of_starfall(starfall, team_admin):
    return PaymentRequest.objects.create(**owners_of(starfall), program=starfall, type="virtual", requested_by=team_admin)


def test_approver_approves_and_one_entry_is_left(request_of_starfall, approver):
    approved = move(request_of_starfall, "approve", actor=approver)
    assert (approved.state, approved.decided_by) == ("approved", approver)
    entry = AuditEntry.objects.get(verb="payments.payment_request.approve")
    assert (entry.changes, entry.actor) == ({"state": ["in_progress", "approved"]}, approver)


def test_the_same_team_may_look_but_not_decide(request_of_starfall, senior):
    with pytest.raises(Forbidden):
        move(request_of_starfall, "approve", actor=senior)


def test_a_stranger_does_not_see_it(request_of_starfall, stranger):
    with pytest.raises(Invisible):
        move(request_of_starfall, "approve", actor=stranger)


def test_second_decision_says_who_was_first(request_of_starfall, approver, superapp_admin):
    move(request_of_starfall, "approve", actor=approver)
    with pytest.raises(WrongState, match="already decided by Ada Approver"):
        move(request_of_starfall, "reject", actor=superapp_admin, reason="Too late")


def test_a_rejection_needs_a_reason(request_of_starfall, approver):
    with pytest.raises(Refused, match="Enter a reason"):
        move(request_of_starfall, "reject", actor=approver, reason="  ")
    request_of_starfall = PaymentRequest.objects.get()
    assert (request_of_starfall.state, AuditEntry.objects.filter(verb__contains="reject").count()) == ("in_progress", 0)


def test_nobody_decides_their_own_request_whatever_their_role(request_of_starfall, team_admin, orbit):
    from console.actions.membership import set_superapp_role
    from tests.people import SETUP

    set_superapp_role(team_admin, orbit, "approver", actor=SETUP)
    with pytest.raises(Refused, match="made this request yourself"):
        move(request_of_starfall, "approve", actor=team_admin)


def test_the_database_refuses_a_self_decision(request_of_starfall, team_admin):
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentRequest.objects.update(decided_by=team_admin)


def test_buttons_are_the_moves_one_may_make(request_of_starfall, approver, team_admin, operator):
    assert {m.name for m in available(request_of_starfall, actor=approver)} == {"approve", "reject"}
    assert {m.name for m in available(request_of_starfall, actor=team_admin)} == {"cancel"}
    assert available(request_of_starfall, actor=operator) == []


def test_the_audit_trail_cannot_be_changed(request_of_starfall, team_admin):
    entry = record("test.entry", request_of_starfall, actor=team_admin)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(verb="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).delete()


def test_a_sealed_chain_verifies_and_a_forged_entry_is_named(request_of_starfall, team_admin, approver):
    move(request_of_starfall, "approve", actor=approver)
    assert seal_entries() == AuditEntry.objects.count()
    assert first_broken_entry() is None
    forged = record("test.forged", request_of_starfall, actor=team_admin)
    seal_entries()
    AuditEntry.objects.bulk_create([AuditEntry(**{**row(forged), "mac": "0" * 64, "chain_number": 10**6})])
    assert first_broken_entry()[0] == f"team:{request_of_starfall.team_id}"


def row(entry: AuditEntry) -> dict:
    return {field.attname: getattr(entry, field.attname) for field in entry._meta.concrete_fields if not field.primary_key}
