"""The URL check: started by a save and by a button, shown on Basic configurations."""

import pytest
from django.urls import reverse
from pytest_httpserver import HTTPServer

from console.http_messages import OutgoingRequest
from console.jobs import run_job
from console.models import Job
from orders.models import Attempt, Delivery
from orders.url_check import KIND, start_check
from payments.models import Credential, DeliveryConfig
from tests.orders.shop import open_push

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
OK = {"returnCode": "0", "returnMessage": "", "data": "OK", "requestId": "1"}


@pytest.fixture
def receiver(settings):
    """A developer's backend on this machine."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        settings.LOCAL_DESTINATIONS |= {f"127.0.0.1:{server.port}"}
        yield server


@pytest.fixture
def program(starfall, team_admin, receiver):
    open_push(starfall, team_admin, receiver.url_for("/push"), test_url=receiver.url_for("/test"))
    return starfall


def url(name, program) -> str:
    return reverse(name, kwargs={"app_id": program.app_id})


def checked(program, actor) -> list[dict]:
    job = start_check(program, actor=actor)
    run_job(job.pk)
    job = Job.objects.get(pk=job.pk)
    assert job.state == "succeeded", job.error
    return job.result["panels"]


def test_tells_what_both_urls_did(client, program, senior, receiver):
    receiver.expect_request("/push").respond_with_json(OK)
    receiver.expect_request("/test").respond_with_data("", status=302, headers={"Location": "https://moved.test/push"})
    live, test = checked(program, senior)
    assert (live["status"], live["outcome"], live["addresses"]) == (
        200, "acknowledged", [{"address": "127.0.0.1", "kind": "loopback"}],
    )  # fmt: skip
    assert (test["status"], test["location"], test["outcome"]) == (302, "https://moved.test/push", "bad_status")
    client.force_login(senior)
    page = client.get(url("payments:delivery", program)).content.decode()
    assert "Understood, acknowledged" in page and "https://moved.test/push" in page and "Not understood" in page
    assert [request.get_json()["IsMock"] for request, _answer in receiver.log] == [True, True]


def test_what_it_sent_stands_in_the_delivery_log(program, senior, receiver):
    receiver.expect_request("/push").respond_with_json(OK)
    receiver.expect_request("/test").respond_with_json({"returnCode": "4001"})
    checked(program, senior)
    assert sorted(Attempt.objects.values_list("outcome", flat=True)) == ["acknowledged", "refused"]
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["delivered", "needs_attention"]


@pytest.mark.parametrize("address", ["http://127.0.0.1/push", "http://169.254.169.254/push", "http://[::1]/push"])
def test_an_address_that_is_not_public_gets_nothing_and_no_digits(client, program, senior, settings, monkeypatch, address):
    settings.LOCAL_DESTINATIONS = frozenset()
    monkeypatch.setattr(
        OutgoingRequest.__init__, "__kwdefaults__", {**OutgoingRequest.__init__.__kwdefaults__, "connect_deadline": 0.05}
    )
    DeliveryConfig.objects.update(url=address, test_url="")
    (panel,) = checked(program, senior)
    assert (panel["status"], panel["error"], panel["outcome"], panel["blocked"]) == (None, "unreachable", "no_answer", True)
    assert panel["durations"] == {} and [found["address"] for found in panel["addresses"]] == [""]
    client.force_login(senior)
    assert "every address of the name has to be public" in client.get(url("payments:delivery", program)).content.decode()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("expired", "The certificate has expired, so nothing was sent."),
        ("wrong_name", "It is for: shop.test, *.shop.test."),
        ("unknown_issuer", "an intermediate certificate is missing"),
        ("certificate revoked", "OpenSSL says: certificate revoked."),
        ("", "There was no TLS connection"),
    ],
)
def test_the_panel_says_why_a_certificate_is_refused_and_shows_it(client, program, senior, receiver, fault, said):
    receiver.expect_request("/push").respond_with_json(OK)
    receiver.expect_request("/test").respond_with_json(OK)
    checked(program, senior)
    job = Job.objects.get(kind=KIND)
    chain = [{"subject": "shop.test", "issuer": "R3", "names": ["shop.test", "*.shop.test"]}]
    chain[0] |= {"ends": "2026-01-31T12:00:00+00:00", "days_left": -5}
    job.result["panels"][0] |= {"error": "tls", "tls_fault": fault, "certificates": chain, "status": None}
    job.save()
    client.force_login(senior)
    page = client.get(url("payments:delivery", program)).content.decode()
    assert said in page and "issued by R3, expired" in page and "31 Jan 2026, 12:00" in page


def test_a_save_starts_it(client, starfall, team_admin):
    client.force_login(team_admin)
    form = {"url": "https://93.184.215.14/push", "test_url": "", "version": "0"}
    client.post(url("payments:delivery-configure", starfall), form)
    job = Job.objects.get(kind=KIND)
    assert (job.actor, job.params, job.team) == (team_admin, {"program": starfall.pk}, starfall.team)
    page = client.get(url("payments:delivery", starfall)).content.decode()
    assert "A test push is sent to each URL." in page and 'hx-select="#url-check"' in page


def test_the_button_starts_it_for_those_who_may(client, program, senior, developer):
    client.force_login(senior)
    answer = client.post(url("orders:check-urls", program), follow=True)
    assert "The URLs are being checked." in answer.content.decode()
    assert Job.objects.filter(kind=KIND).count() == 1
    client.force_login(developer)
    assert client.post(url("orders:check-urls", program)).status_code == 403
    assert "Check again" not in client.get(url("payments:delivery", program)).content.decode()


def test_without_a_key_it_says_so(client, program, senior):
    Credential.objects.update(state="revoked")
    job = start_check(program, actor=senior)
    run_job(job.pk)
    client.force_login(senior)
    assert "There is no AppKey to sign with." in client.get(url("payments:delivery", program)).content.decode()


def test_each_mini_program_sees_its_own(client, program, harbor_reader, stranger, senior, receiver):
    receiver.expect_request("/push").respond_with_json(OK)
    receiver.expect_request("/test").respond_with_json(OK)
    checked(program, senior)
    open_push(harbor_reader, stranger, receiver.url_for("/harbor"))
    client.force_login(stranger)
    page = client.get(url("payments:delivery", harbor_reader)).content.decode()
    assert "Check the URLs" in page and receiver.url_for("/push") not in page
