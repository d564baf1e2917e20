"""Merchant of a team: bind, change, approve, cancel, unbind; the page."""

import pytest
from django.urls import reverse

from console.errors import Refused
from console.models import AuditEntry, Superapp
from payments.actions import merchant as merchants
from payments.models import Merchant, MerchantBinding
from payments.selling import selling_state
from tests.payments.conftest import again, follow

pytestmark = pytest.mark.sqlite


def url(name, team, **more):
    return reverse(f"payments:{name}", kwargs={"team": team.code, **more})


def test_team_admin_binds_a_merchant(as_person, northlight, merchant, team_admin):
    client = as_person(team_admin)
    page = follow(client, client.post(url("merchant-bind", northlight), {"merchant": merchant.pk, "message": "Our company."}))
    row = MerchantBinding.objects.get()
    assert (row.state, row.merchant, row.bound_team, row.message) == ("in_progress", merchant, northlight, "Our company.")
    assert "In review" in page.content.decode()


def test_approval_makes_it_effective(bound):
    assert (bound.state, bound.effective, bound.pending) == ("effective", True, None)


def test_a_change_replaces_the_old_binding_when_it_is_approved(northlight, bound, other_merchant, team_admin, approver):
    change = merchants.bind(northlight, other_merchant, actor=team_admin)
    assert again(bound).state == "effective"
    merchants.approve(change, actor=approver)
    assert again(bound).state == "unbound"
    assert list(MerchantBinding.objects.filter(effective=True)) == [MerchantBinding.objects.get(pk=change.pk)]
    assert AuditEntry.objects.get(verb="payments.merchant_binding.unbind").actor is None


def test_a_rejected_change_leaves_the_old_one(northlight, bound, other_merchant, team_admin, approver):
    merchants.reject(merchants.bind(northlight, other_merchant, actor=team_admin), actor=approver, reason="No contract.")
    assert again(bound).state == "effective"


def test_an_approval_that_fails_leaves_the_old_one(northlight, bound, other_merchant, team_admin):
    change = merchants.bind(northlight, other_merchant, actor=team_admin)
    with pytest.raises(Exception, match="role does not allow"):
        merchants.approve(change, actor=team_admin)
    assert again(bound).state == "effective"


def test_one_binding_in_progress_at_a_time(northlight, merchant, other_merchant, team_admin):
    merchants.bind(northlight, merchant, actor=team_admin)
    with pytest.raises(Refused, match="already in progress"):
        merchants.bind(northlight, other_merchant, actor=team_admin)


def test_merchants_of_other_superapps_and_other_currencies_are_refused(northlight, bound, merchant, team_admin, orbit):
    elsewhere = Superapp.objects.create(name="Nova")
    foreign = Merchant.objects.create(superapp=elsewhere, merchant_id="1", name="Foreign", currency="USD")
    euro = Merchant.objects.create(superapp=orbit, merchant_id="2", name="Euro", currency="EUR")
    cases = [(foreign, "in the list"), (None, "in the list"), (euro, "currency EUR"), (merchant, "already effective")]
    for choice, sentence in cases:
        with pytest.raises(Refused, match=sentence):
            merchants.bind(northlight, choice, actor=team_admin)


def test_a_made_up_merchant_is_an_error_at_the_field(as_person, northlight, merchant, team_admin):
    page = as_person(team_admin).post(url("merchant-bind", northlight), {"merchant": "999999", "message": ""})
    assert page.status_code == 422
    assert "none of the superapp" in page.content.decode()


def test_a_merchant_can_be_typed_by_its_id(as_person, northlight, merchant, team_admin):
    as_person(team_admin).post(url("merchant-bind", northlight), {"merchant": "", "merchant_id": f" {merchant.merchant_id} "})
    assert MerchantBinding.objects.get().merchant == merchant


def test_what_is_typed_must_name_one_merchant_of_this_superapp(as_person, northlight, merchant, other_merchant, team_admin):
    Merchant.objects.create(
        superapp=Superapp.objects.create(name="Nova"), merchant_id="elsewhere", name="Foreign", currency="USD"
    )
    cases = [
        ({}, "Choose a merchant or type its id."),
        ({"merchant_id": "elsewhere"}, "no merchant with this id"),
        ({"merchant": merchant.pk, "merchant_id": other_merchant.merchant_id}, "name two merchants"),
    ]
    for typed, sentence in cases:
        page = as_person(team_admin).post(url("merchant-bind", northlight), typed)
        assert (page.status_code, sentence in page.content.decode()) == (422, True)
    assert not MerchantBinding.objects.exists()


def test_unbinding_shows_what_it_reaches_and_suspends_selling(as_person, northlight, starfall, bound, approved, team_admin):
    client = as_person(team_admin)
    address = url("merchant-unbind", northlight, pk=bound.pk)
    assert "Starfall" in client.get(address).content.decode()
    assert selling_state(starfall).enabled
    follow(client, client.post(address))
    assert (selling_state(starfall).code, selling_state(starfall).suspended_reason) == ("PAYMENT_SUSPENDED", "merchant_unbound")
    assert client.post(address).status_code == 409


def test_cancel_takes_the_request_back(as_person, northlight, merchant, team_admin):
    row = merchants.bind(northlight, merchant, actor=team_admin)
    client = as_person(team_admin)
    follow(client, client.post(url("merchant-cancel", northlight, pk=row.pk)))
    assert client.post(url("merchant-cancel", northlight, pk=row.pk)).status_code == 409
    assert merchants.bind(northlight, merchant, actor=team_admin).pk != row.pk


def test_developers_look_and_do_not_bind(as_person, northlight, bound, merchant, developer):
    client = as_person(developer)
    page = client.get(url("merchant", northlight))
    assert "Northlight Ltd" in page.content.decode()
    assert url("merchant-bind", northlight) not in page.content.decode()
    for address in (url("merchant-bind", northlight), url("merchant-unbind", northlight, pk=bound.pk)):
        assert client.post(address, {"merchant": merchant.pk}).status_code == 403


def test_strangers_find_nothing(as_person, northlight, harbor, bound, stranger):
    client = as_person(stranger)
    assert client.get(url("merchant", northlight)).status_code == 404
    assert client.post(url("merchant-unbind", harbor, pk=bound.pk)).status_code == 404


def test_the_page_costs_few_queries(as_person, northlight, bound, team_admin, django_assert_max_num_queries):
    client = as_person(team_admin)
    with django_assert_max_num_queries(14):
        assert client.get(url("merchant", northlight)).status_code == 200
