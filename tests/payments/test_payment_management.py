"""Payment management of a superapp: the switch, the currencies, the list of mini programs."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from console.errors import Refused, WrongState
from console.models import AuditEntry, Superapp
from payments.actions import superapp as management
from payments.selling import selling_state
from tests.payments.conftest import follow


def url(name, orbit, **more):
    return reverse(f"payments:{name}", kwargs={"superapp": orbit.code, **more})


def test_superapp_admin_switches_off_after_reading_what_stops(as_person, orbit, starfall, approved, superapp_admin):
    client = as_person(superapp_admin)
    assert "1 mini program stops selling" in client.get(url("payment-switch-off", orbit)).content.decode()
    page = follow(client, client.post(url("payment-switch-off", orbit)))
    assert "Switched off by Sven Superapp" in page.content.decode()
    starfall.superapp.refresh_from_db()
    assert selling_state(starfall).suspended_reason == "feature_off"
    assert AuditEntry.objects.last().changes == {"payment_enabled": [True, False]}


def test_switching_on_again_resumes_selling(orbit, starfall, approved, superapp_admin):
    management.switch_off(orbit, actor=superapp_admin)
    management.switch_on(orbit, actor=superapp_admin)
    assert selling_state(starfall).enabled


def test_looking_changes_nothing_and_twice_is_said(as_person, orbit, superapp_admin):
    client = as_person(superapp_admin)
    assert client.get(url("payment-switch-off", orbit)).status_code == 200
    assert Superapp.objects.get().payment_enabled
    assert client.post(url("payment-switch-on", orbit)).status_code == 409
    assert not AuditEntry.objects.filter(verb="payments.superapp.switch_on").exists()


def test_without_a_currency_it_cannot_be_switched_on(as_person, orbit, superapp_admin):
    Superapp.objects.update(payment_enabled=False, currencies=[])
    page = as_person(superapp_admin).post(url("payment-switch-on", orbit))
    assert page.status_code == 422
    assert "Choose at least one currency first" in page.content.decode()


OTHERS = [("platform", 403), ("superapp_developer", 403), ("approver", 403), ("stranger", 404)]


@pytest.mark.parametrize(("person", "status"), OTHERS)
@pytest.mark.parametrize("name", ["payment-switch-off", "currency-add"])
def test_nobody_else_manages(as_person, orbit, person, status, name, request):
    assert as_person(request.getfixturevalue(person)).post(url(name, orbit)).status_code == status
    assert Superapp.objects.get() == orbit


def test_currencies_are_added_and_ordered(as_person, orbit, superapp_admin):
    client = as_person(superapp_admin)
    assert follow(client, client.post(url("currency-add", orbit), {"currency": "EUR"})).status_code == 200
    client.post(url("currency-raise", orbit, currency="EUR"))
    client.post(url("currency-raise", orbit, currency="USD"))
    assert Superapp.objects.get().currencies == ["USD", "JPY", "KWD", "EUR", "CNY"]
    assert [entry.verb.rpartition(".")[2] for entry in AuditEntry.objects.order_by("id").filter(actor=superapp_admin)] == [
        "add_currency",
        "raise_currency",
    ]


@pytest.mark.parametrize("code", ["USD", "DEM", "usd", "", "XXXX"])
def test_what_is_no_new_currency_is_refused_at_the_field(as_person, orbit, superapp_admin, code):
    page = as_person(superapp_admin).post(url("currency-add", orbit), {"currency": code})
    assert page.status_code == 422
    assert 'id="id_currency_error' in page.content.decode() or "aria-invalid" in page.content.decode()


def test_removing_a_currency_that_is_sold_in_says_what_it_reaches(as_person, orbit, starfall, approved, superapp_admin):
    client = as_person(superapp_admin)
    remove = url("currency-remove", orbit, currency="USD")
    assert "Starfall" in client.get(remove).content.decode()
    refused = client.post(remove)
    assert (refused.status_code, Superapp.objects.get().currencies[0]) == (422, "USD")
    assert "would stop. Confirm that this is meant." in refused.content.decode()
    follow(client, client.post(remove, {"knowing": "on"}))
    assert Superapp.objects.get().currencies == ["JPY", "KWD", "CNY"]


def test_removing_a_currency_nobody_sells_in_needs_no_tick(as_person, orbit, approved, superapp_admin):
    client = as_person(superapp_admin)
    follow(client, client.post(url("currency-remove", orbit, currency="KWD")))
    assert client.post(url("currency-remove", orbit, currency="KWD")).status_code == 409


def test_the_last_currency_stays_while_the_feature_is_on(orbit, superapp_admin):
    Superapp.objects.update(currencies=["USD"])
    with pytest.raises(Refused, match="the only currency"):
        management.remove_currency(orbit, "USD", actor=superapp_admin, knowing=True)
    management.switch_off(orbit, actor=superapp_admin)
    assert management.remove_currency(orbit, "USD", actor=superapp_admin).currencies == []


def test_the_list_shows_each_mini_program_and_leads_to_its_request(as_person, orbit, harbor_reader, approved, superapp_admin):
    page = as_person(superapp_admin).get(url("payment-management", orbit)).content.decode()
    assert url("review", orbit, pk=approved.pk) in page
    assert "Harbor Reader" in page
    approved_only = as_person(superapp_admin).get(url("payment-management", orbit), {"virtual": "approved"}).content.decode()
    assert "Harbor Reader" not in approved_only


def test_readers_see_who_may(as_person, orbit, superapp_admin, platform):
    page = as_person(platform).get(url("payment-management", orbit)).content.decode()
    assert "Sven Superapp" in page
    assert "Switch off</a>" not in page


def test_the_page_costs_the_same_for_many_mini_programs(
    as_person, orbit, starfall, harbor_reader, approved, superapp_admin, django_assert_max_num_queries
):
    client = as_person(superapp_admin)
    with django_assert_max_num_queries(14):
        client.get(url("payment-management", orbit))


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_two_people_at_once_lose_nothing(orbit, superapp_admin):
    barrier, faults = threading.Barrier(4), []

    def add(code):
        try:
            barrier.wait()
            management.add_currency(orbit, code, actor=superapp_admin)
        except (WrongState, Refused) as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=[code]) for code in ("EUR", "GBP", "CHF", "SEK")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, set(Superapp.objects.get().currencies)) == ([], {"USD", "JPY", "KWD", "CNY", "EUR", "GBP", "CHF", "SEK"})
