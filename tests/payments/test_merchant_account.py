"""Merchant accounts of a superapp: list, add, edit."""

import pytest
from django.urls import reverse

from console.errors import Refused
from console.models import AuditEntry, Superapp
from payments.actions import merchant as bindings
from payments.actions import merchant_account as accounts
from payments.models import Merchant
from tests.payments.conftest import follow

FIELDS = {"merchant_id": "1900000009", "name": "Harbor Ltd", "currency": "JPY"}


def url(name, orbit, **more):
    return reverse(f"payments:{name}", kwargs={"superapp": orbit.code, **more})


def test_superapp_developer_adds_a_merchant(as_person, orbit, superapp_developer):
    client = as_person(superapp_developer)
    page = follow(client, client.post(url("merchant-account-add", orbit), FIELDS))
    assert "Harbor Ltd" in page.content.decode()
    assert Merchant.objects.filter(superapp=orbit, **FIELDS).exists()
    assert AuditEntry.objects.last().changes["merchant_id"] == [None, "1900000009"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("merchant_id", "19 00", "1 to 64 letters"),
        ("merchant_id", "", "by which the payment channel"),
        ("merchant_id", "x" * 65, "1 to 64 letters"),
        ("name", "n" * 101, "1 to 100 visible"),
        ("name", "a\u202eb", "1 to 100 visible"),
        ("currency", "EUR", "not offered"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(as_person, orbit, superapp_admin, field, value, sentence):
    page = as_person(superapp_admin).post(url("merchant-account-add", orbit), FIELDS | {field: value})
    assert (page.status_code, Merchant.objects.count()) == (422, 0)
    assert sentence in page.content.decode()


def test_an_id_is_used_once_in_a_superapp(orbit, merchant, superapp_admin):
    with pytest.raises(Refused, match="already a merchant with this id"):
        accounts.add(orbit, actor=superapp_admin, merchant_id=merchant.merchant_id, name="Another", currency="USD")


@pytest.mark.parametrize(("person", "status"), [("approver", 403), ("platform", 403), ("stranger", 404)])
def test_nobody_else_adds_or_edits(as_person, orbit, merchant, person, status, request):
    client = as_person(request.getfixturevalue(person))
    assert client.post(url("merchant-account-add", orbit), FIELDS).status_code == status
    assert client.post(url("merchant-account-edit", orbit, pk=merchant.pk), FIELDS).status_code == status
    assert Merchant.objects.get() == merchant


def test_everything_can_change_before_a_team_asks(as_person, orbit, merchant, superapp_admin):
    client = as_person(superapp_admin)
    page = follow(client, client.post(url("merchant-account-edit", orbit, pk=merchant.pk), FIELDS))
    assert "Harbor Ltd" in page.content.decode()
    assert AuditEntry.objects.last().changes["currency"] == ["USD", "JPY"]


def test_the_id_stays_once_a_team_asked(northlight, merchant, team_admin, superapp_admin):
    bindings.bind(northlight, merchant, actor=team_admin)
    accounts.edit(merchant, actor=superapp_admin, merchant_id=merchant.merchant_id, name="New name", currency="JPY")
    with pytest.raises(Refused, match="its id stays"):
        accounts.edit(merchant, actor=superapp_admin, merchant_id="2", name="New name", currency="JPY")
    assert Merchant.objects.get().name == "New name"


def test_the_currency_stays_while_a_team_is_paid_through_it(as_person, orbit, merchant, bound, superapp_admin):
    fields = FIELDS | {"merchant_id": merchant.merchant_id}
    client = as_person(superapp_admin)
    page = client.post(url("merchant-account-edit", orbit, pk=merchant.pk), fields)
    assert (page.status_code, Merchant.objects.get().currency) == (422, "USD")
    assert "1 team is paid through this merchant" in page.content.decode()


def test_a_stale_page_is_noticed(as_person, orbit, merchant, superapp_admin):
    shown = accounts.content_mark(merchant)
    accounts.edit(merchant, actor=superapp_admin, merchant_id="1", name="First", currency="USD")
    page = as_person(superapp_admin).post(url("merchant-account-edit", orbit, pk=merchant.pk), FIELDS | {"shown": shown})
    assert "Somebody changed this merchant" in page.content.decode()
    assert Merchant.objects.get().name == "First"


def test_saving_the_same_again_writes_nothing(merchant, superapp_admin):
    same = dict(accounts.content(merchant))
    accounts.edit(merchant, actor=superapp_admin, **same)
    assert not AuditEntry.objects.filter(verb="payments.merchant.edit").exists()


def test_a_currency_that_is_no_longer_offered_may_stay(orbit, merchant, superapp_admin):
    Superapp.objects.update(currencies=["JPY"])
    accounts.edit(merchant, actor=superapp_admin, merchant_id=merchant.merchant_id, name="Renamed", currency="USD")
    assert Merchant.objects.get().name == "Renamed"


def test_merchants_of_another_superapp_do_not_exist(as_person, orbit, superapp_admin):
    nova = Superapp.objects.create(name="Nova", currencies=["USD"])
    foreign = Merchant.objects.create(superapp=nova, merchant_id="1", name="Foreign", currency="USD")
    client = as_person(superapp_admin)
    assert client.get(url("merchant-account", orbit, pk=foreign.pk)).status_code == 404
    assert "Foreign" not in client.get(url("merchants", orbit)).content.decode()


def test_the_list_finds_and_counts(as_person, orbit, merchant, other_merchant, bound, approver, django_assert_max_num_queries):
    client = as_person(approver)
    with django_assert_max_num_queries(12):
        page = client.get(url("merchants", orbit)).content.decode()
    assert "2 merchants" in page
    found = client.get(url("merchants", orbit), {"q": "KK"}).content.decode()
    assert "Northlight KK" in found
    assert "Northlight Ltd" not in found
