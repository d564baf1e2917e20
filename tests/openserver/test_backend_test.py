"""The superapp's keys while one is replaced, and the test of the connection from the console."""

import pytest
from django.urls import reverse
from werkzeug import Response

from console.models import AuditEntry
from openserver import signatures
from orders.models import Order
from payments.actions import backend as keys
from tests.openserver.conftest import SECRET, text_of


@pytest.fixture
def url(orbit):
    return reverse("openserver-desk:backend-test", kwargs={"superapp": orbit.code})


def opens(shop, key: str) -> int:
    body = {"appId": shop.program.app_id, "openId": "player-9"}
    raw = text_of(body).encode()
    path = "/openserver/v1/sessions"
    headers = shop.superapp_headers("POST", path, raw, secret_key=key)
    return shop.client.post(path, raw, content_type="application/json", headers=headers).status_code


def test_both_keys_are_accepted_while_one_replaces_the_other(shop, orbit, superapp_admin):
    new = keys.create_key(orbit, actor=superapp_admin).text
    assert (opens(shop, SECRET), opens(shop, new), opens(shop, "another")) == (200, 200, 401)
    keys.switch_key(orbit, actor=superapp_admin, overlap_hours=1)
    assert (opens(shop, SECRET), opens(shop, new)) == (200, 200)
    keys.end_overlap(orbit, actor=superapp_admin)
    assert (opens(shop, SECRET), opens(shop, new)) == (401, 200)


def test_orders_are_signed_with_the_old_key_until_the_switch(shop, orbit, backend, superapp_admin):
    new = keys.create_key(orbit, actor=superapp_admin).text
    assert shop.place().status == 200
    assert fits(backend.headers[-1], SECRET, backend)
    keys.switch_key(orbit, actor=superapp_admin)
    assert shop.place().status == 200
    assert fits(backend.headers[-1], new, backend)


def fits(headers, key, backend) -> bool:
    body = text_of(backend.asked[-1]).encode()
    signed = signatures.sign_superapp(
        superapp=headers["Sas-Superapp"], secret_key=key, method="POST", path_and_query="/backend/create-prepay-order", body=body,
        timestamp=int(headers["Sas-Timestamp"]), nonce=headers["Sas-Nonce"],
    )  # fmt: skip
    return signed["SAS-Signature"] == headers["Sas-Signature"]


def test_superapp_admin_tests_the_connection(client, url, shop, orbit, backend, superapp_admin):
    client.force_login(superapp_admin)
    page = client.post(url, {"program": shop.program.pk}).content.decode()
    assert "The connection and the secret key work." in page
    order = backend.asked[-1]
    assert (order["env"], order["outTradeNo"][:4], order["appId"]) == (1, "TEST", shop.program.app_id)
    assert order["paySig"] == signatures.pay_sig(order["method"], order["signData"], shop.sandbox_key)
    assert fits(backend.headers[-1], SECRET, backend)
    assert not Order.objects.filter(out_trade_no=order["outTradeNo"]).exists()
    assert AuditEntry.objects.last().verb == "openserver.backend.test"


def test_the_key_that_waits_can_be_tested_before_the_switch(client, url, shop, orbit, backend, superapp_admin):
    new = keys.create_key(orbit, actor=superapp_admin).text
    client.force_login(superapp_admin)
    client.post(url, {"with_new_key": "on"})
    assert fits(backend.headers[-1], new, backend)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Response("no", status=401), "status 401"),
        (Response("<html>"), "not with JSON"),
        (Response("[]"), "without returnCode"),
        (Response('{"returnCode": "4001"}'), "refused the test order with returnCode “4001”"),
        (Response('{"returnCode": "0", "data": {"prepayId": 7}}'), "no usable prepayId"),
        (Response("", status=302, headers={"Location": "http://10.0.0.1/"}), "status 302"),
    ],
)
def test_what_is_wrong_is_said(client, url, shop, backend, superapp_admin, answer, sentence):
    backend.answer = lambda _order: answer
    client.force_login(superapp_admin)
    page = client.post(url, {}).content.decode()
    assert "It does not work yet" in page
    assert sentence in page


def test_looking_sends_nothing(client, url, shop, backend, superapp_admin):
    client.force_login(superapp_admin)
    assert client.get(url).status_code == 200
    assert backend.asked == []


def test_without_a_key_there_is_nothing_to_test(client, url, orbit, superapp_admin):
    client.force_login(superapp_admin)
    assert client.post(url, {}).status_code == 409


@pytest.mark.parametrize(("person", "status"), [("platform", 403), ("approver", 403), ("stranger", 404)])
def test_nobody_else_tests(client, url, shop, backend, person, status, request):
    client.force_login(request.getfixturevalue(person))
    assert client.post(url, {}).status_code == status
    assert backend.asked == []


def test_the_secret_is_nowhere_on_the_page(client, url, shop, backend, superapp_admin):
    client.force_login(superapp_admin)
    page = client.post(url, {}).content.decode()
    assert SECRET not in page
