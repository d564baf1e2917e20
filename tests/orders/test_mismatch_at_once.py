"""Two people settle the same case of the mismatch desk in the same instant, each on a connection of their own."""

import pytest
from django.db import connection

from console.errors import WrongState
from console.models import AuditEntry, MiniProgram, User
from orders.actions import mismatch
from orders.mismatches import CASES
from orders.models import Settlement
from tests.orders.records import place
from tests.payments.test_deciding_at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time anyway"),
]
UNDELIVERED = next(case for case in CASES if case.name == "undelivered")


def settle(ids, *, pk, program):
    actor, place = User.objects.get(pk=pk), MiniProgram.objects.get(pk=program)
    return mismatch.settle(UNDELIVERED, place, ids, note=f"By {actor}.", actor=actor)


def entries() -> int:
    return AuditEntry.objects.filter(verb="orders.mismatch.settle").count()


def test_one_settles_and_the_other_reads_who_was_first(starfall, senior, team_admin):
    states = {"payment_state": "paid", "paid_amount": 990, "delivery_state": "needs_attention"}
    for turn in range(5):
        ids = [place(starfall, f"ORDER-{turn}-{number}", **states).pk for number in range(2)]
        calls = [
            lambda pk=person.pk, ids=ids: settle(ids, pk=pk, program=starfall.pk)
            for person in (senior, team_admin, senior, team_admin)
        ]
        results = at_once(calls)
        late = [result for result in results if isinstance(result, WrongState)]
        assert (results.count(2), len(late)) == (1, 3), results
        first = Settlement.objects.filter(subject__in=ids).first().settled_by
        assert all(f"already settled by {first} at" in str(error) for error in late)
        assert entries() == 2 * (turn + 1)
