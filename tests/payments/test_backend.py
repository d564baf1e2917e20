"""The superapp's backend: address, compatibility, secret key with its rotation; the page."""

import datetime

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from console import secrets
from console.errors import Refused, WrongState
from console.models import AuditEntry, Superapp
from payments.actions import backend
from tests.payments.conftest import follow


def url(name, orbit):
    return reverse(f"payments:{name}", kwargs={"superapp": orbit.code})


def text_of(orbit, sealed):
    return secrets.unseal(sealed, bound_to=orbit.secret_binding).decode()


def test_superapp_developer_configures_the_address(as_person, orbit, settings, superapp_developer):
    settings.LOCAL_DESTINATIONS = frozenset({"127.0.0.1:9000"})
    client = as_person(superapp_developer)
    fields = {"address": "http://127.0.0.1:9000/pay", "tc_compatible": "on"}
    assert "http://127.0.0.1:9000/pay" in follow(client, client.post(url("backend-configure", orbit), fields)).content.decode()
    assert Superapp.objects.get().tc_compatible
    assert AuditEntry.objects.last().changes["backend_url"] == ["", "http://127.0.0.1:9000/pay"]


BAD = ["", "x", "ftp://pay.example/", "http://10.0.0.1/", "http://127.0.0.1/", "https://pay.example:8443/"]


@pytest.mark.parametrize("address", BAD)
def test_an_address_that_may_not_be_called_is_refused(as_person, orbit, superapp_admin, address):
    page = as_person(superapp_admin).post(url("backend-configure", orbit), {"address": address})
    assert (page.status_code, Superapp.objects.get().backend_url) == (422, "")


def test_an_address_with_a_query_is_refused(orbit, superapp_admin):
    with pytest.raises(Refused, match="no “\\?”"):
        backend.configure(orbit, actor=superapp_admin, address="https://pay.example/?a=1", tc_compatible=False)


def test_a_stale_page_is_noticed(orbit, superapp_admin):
    shown = backend.content_mark(orbit)
    backend.configure(orbit, actor=superapp_admin, address="https://one.example", tc_compatible=False, shown=shown)
    with pytest.raises(Refused, match="Somebody changed the backend"):
        backend.configure(orbit, actor=superapp_admin, address="https://two.example", tc_compatible=False, shown=shown)


def test_the_first_key_is_shown_once_and_then_as_a_fingerprint(as_person, orbit, superapp_admin):
    client = as_person(superapp_admin)
    page = follow(client, client.post(url("backend-key-create", orbit))).content.decode()
    key = text_of(orbit, Superapp.objects.get().sealed_secret_key)
    assert key in page
    again = client.get(url("backend", orbit)).content.decode()
    assert key not in again
    assert secrets.fingerprint(key) in again
    assert "Sven Superapp" in again
    assert key not in str(AuditEntry.objects.last().changes)


def test_a_new_key_waits_until_the_switch_and_the_old_one_overlaps(orbit, superapp_admin):
    first = backend.create_key(orbit, actor=superapp_admin)
    second = backend.create_key(orbit, actor=superapp_admin)
    assert (first.signs, second.signs) == (True, False)
    row = Superapp.objects.get()
    assert [text_of(row, sealed) for sealed in row.accepted_secrets()] == [first.text, second.text]
    row = backend.switch_key(orbit, actor=superapp_admin, overlap_hours=2)
    assert [text_of(row, sealed) for sealed in row.accepted_secrets()] == [second.text, first.text]
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=2, seconds=1), tick=False):
        assert [text_of(row, sealed) for sealed in row.accepted_secrets()] == [second.text]


def test_without_an_overlap_and_after_its_end_the_old_key_is_gone(orbit, superapp_admin):
    for _number in range(2):
        backend.create_key(orbit, actor=superapp_admin)
    assert len(backend.switch_key(orbit, actor=superapp_admin, overlap_hours=0).accepted_secrets()) == 1
    backend.create_key(orbit, actor=superapp_admin)
    backend.switch_key(orbit, actor=superapp_admin)
    row = backend.end_overlap(orbit, actor=superapp_admin)
    assert (len(row.accepted_secrets()), row.sealed_previous_secret_key) == (1, "")


def test_a_discarded_key_is_not_accepted(orbit, superapp_admin):
    first = backend.create_key(orbit, actor=superapp_admin)
    backend.create_key(orbit, actor=superapp_admin)
    row = backend.discard_key(orbit, actor=superapp_admin)
    assert [text_of(row, sealed) for sealed in row.accepted_secrets()] == [first.text]


def test_what_is_out_of_turn_answers_409_and_changes_nothing(as_person, orbit, superapp_admin):
    client = as_person(superapp_admin)
    assert client.post(url("backend-key-switch", orbit), {"overlap_hours": 1}).status_code == 409
    assert client.post(url("backend-key-discard", orbit)).status_code == 409
    assert client.post(url("backend-overlap-end", orbit)).status_code == 409
    for _number in range(2):
        backend.create_key(orbit, actor=superapp_admin)
    with pytest.raises(WrongState, match="waiting already"):
        backend.create_key(orbit, actor=superapp_admin)


@pytest.mark.parametrize("hours", ["-1", "169", "x", ""])
def test_an_overlap_out_of_range_is_refused(as_person, orbit, superapp_admin, hours):
    for _number in range(2):
        backend.create_key(orbit, actor=superapp_admin)
    page = as_person(superapp_admin).post(url("backend-key-switch", orbit), {"overlap_hours": hours})
    assert page.status_code == 422
    assert Superapp.objects.get().sealed_next_secret_key


OTHERS = [("platform", 200), ("approver", 403), ("superapp_operator", 403), ("stranger", 404)]


@pytest.mark.parametrize(("person", "sees"), OTHERS)
def test_nobody_else_edits(as_person, orbit, person, sees, request):
    client = as_person(request.getfixturevalue(person))
    assert client.get(url("backend", orbit)).status_code == sees
    assert client.post(url("backend-key-create", orbit)).status_code == (404 if sees == 404 else 403)
    assert Superapp.objects.get().sealed_secret_key == ""


def test_the_page_asks_the_database_little(as_person, orbit, superapp_admin, django_assert_max_num_queries):
    for _number in range(2):
        backend.create_key(orbit, actor=superapp_admin)
    client = as_person(superapp_admin)
    with django_assert_max_num_queries(10):
        client.get(url("backend", orbit))


def test_a_key_that_nobody_made_here_is_shown_without_a_maker(as_person, orbit, superapp_admin):
    orbit.sealed_secret_key = secrets.seal("loaded by the demo", bound_to=orbit.secret_binding)
    orbit.save()
    page = as_person(superapp_admin).get(url("backend", orbit))
    assert page.status_code == 200
    assert secrets.fingerprint("loaded by the demo") in page.content.decode()
