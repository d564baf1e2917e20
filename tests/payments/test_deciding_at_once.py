"""Races on a real database: many deciders, two confirms, two bindings."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from console.errors import Refused, WrongState
from console.models import AuditEntry, OutgoingMail, User
from payments.actions import delivery, payment
from payments.actions import merchant as merchants
from payments.models import Credential, CredentialMail, DeliveryConfig, MerchantBinding, PaymentRequest
from tests.payments.conftest import again
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls):
    """Run all calls at the same moment, each on its own connection; their results or exceptions."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        try:
            barrier.wait()
            return call()
        except Exception as error:  # the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time anyway; 50 of them would only wait for each other.")


def test_fifty_deciders_make_one_decision(postgresql, requested, orbit):
    deciders = [staff(f"Decider {number}", orbit, "approver") for number in range(50)]

    def decide(person):
        if person.pk % 2:
            return payment.approve(PaymentRequest.objects.get(pk=requested.pk), actor=person)
        return payment.reject(PaymentRequest.objects.get(pk=requested.pk), actor=person, reason="No.")

    results = at_once([lambda person=person: decide(User.objects.get(pk=person.pk)) for person in deciders])
    decided = [result for result in results if isinstance(result, PaymentRequest)]
    late = [result for result in results if isinstance(result, WrongState)]
    assert (len(decided), len(late)) == (1, 49), results
    winner = decided[0].decided_by
    assert all(f"already decided by {winner.name} at" in str(error) for error in late)
    assert (again(requested).decided_by, again(requested).state) == (winner, decided[0].state)
    entries = AuditEntry.objects.filter(object_id=str(requested.pk), verb__in=[
        "payments.payment_request.approve", "payments.payment_request.reject",
    ])  # fmt: skip
    assert entries.count() == 1
    assert OutgoingMail.objects.filter(subject__startswith="Payment permission").count() == 1


def test_two_confirms_at_once_issue_one_credential(starfall, team_admin, senior):
    people = [team_admin.pk, senior.pk]
    addresses = ["https://93.184.215.14/a", "https://93.184.215.14/b"]
    results = at_once(
        [
            lambda pk=pk, address=address: delivery.configure(starfall, actor=User.objects.get(pk=pk), url=address)
            for pk, address in zip(people, addresses, strict=True)
        ]
    )
    saved = [result for result in results if isinstance(result, delivery.Saved)]
    stale = [result for result in results if isinstance(result, delivery.Stale)]
    assert (len(saved), len(stale)) == (1, 1), results
    assert saved[0].credential and saved[0].passphrase
    assert f"URL is now “{saved[0].config.url}”" in str(stale[0])
    assert Credential.objects.count() == CredentialMail.objects.count() == DeliveryConfig.objects.count() == 1


def test_the_same_confirm_twice_at_once_is_one_save(starfall, team_admin):
    address = "https://93.184.215.14/a"
    calls = [lambda: delivery.configure(starfall, actor=User.objects.get(pk=team_admin.pk), url=address)] * 2
    results = at_once(calls)
    assert all(isinstance(result, delivery.Saved) for result in results), results
    assert len([result for result in results if result.passphrase]) == 1
    assert Credential.objects.count() == 1


def test_requests_at_once_leave_one_in_progress(postgresql, starfall, bound, team_admin):
    def ask():
        return payment.request_payment(starfall, actor=User.objects.get(pk=team_admin.pk), message="Please.")

    results = at_once([ask] * 10)
    assert len([result for result in results if isinstance(result, PaymentRequest)]) == 1
    assert all("already made a request" in str(result) for result in results if isinstance(result, Refused))
    assert PaymentRequest.objects.count() == 1


def test_approving_a_change_while_unbinding_leaves_one_or_none_effective(
    postgresql, northlight, bound, other_merchant, team_admin, approver
):
    change = merchants.bind(northlight, other_merchant, actor=team_admin)
    results = at_once(
        [
            lambda: merchants.approve(MerchantBinding.objects.get(pk=change.pk), actor=User.objects.get(pk=approver.pk)),
            lambda: merchants.unbind(MerchantBinding.objects.get(pk=bound.pk), actor=User.objects.get(pk=team_admin.pk)),
        ]
    )
    assert not [result for result in results if isinstance(result, Exception) and not isinstance(result, WrongState)], results
    assert again(bound).state == "unbound"
    assert MerchantBinding.objects.filter(effective=True).count() == (again(change).state == "effective")
