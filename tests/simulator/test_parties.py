"""The fictitious parties are careful: they believe only what is signed."""

import json
import time

import pytest

from console import secrets
from openserver.signatures import sign_superapp
from orders.payloads import GOODS_EVENT, envelope
from orders.payloads import test_payload as sandbox_payload  # pytest would collect it under its own name
from orders.webhooks import pay_event_sig, webhook_headers
from simulator import superapp
from simulator.models import Prepay, ReceivedPush

pytestmark = pytest.mark.django_db


def push(backend, *, key="", mock=False, number="ORDER-1"):
    """Body and headers of a sandbox push, signed with `key`, else with the right one."""
    key = key or backend.app_key(1)
    payload = sandbox_payload(number)
    more = {"IsMock": True} if mock else {}
    body = envelope(event=GOODS_EVENT, pay_model="x", payload=payload, signature=pay_event_sig(GOODS_EVENT, payload, key), **more)
    return body, webhook_headers(webhook_id="id-1", timestamp=1700000000, body=body.encode(), app_keys=[key])


def receive(client, backend, body, headers):
    address = f"/simulator/developer/{backend.mini_program.app_id}/receive"
    return client.post(address, body, content_type="application/json", headers=headers)


def test_a_signed_push_is_acknowledged_and_kept(client, backend):
    answer = receive(client, backend, *push(backend))
    assert (answer.status_code, answer.json()["returnCode"]) == (200, "0")
    row = ReceivedPush.objects.get()
    assert (row.event_signature_ok, row.webhook_signature_ok, row.duplicate, row.acknowledged) == (True, True, False, True)
    page = client.get(f"/simulator/developer/{backend.mini_program.app_id}/").text
    assert "ORDER-1" in page and "webhook-signature" in page


def test_the_same_push_again_is_a_duplicate_and_acknowledged(client, backend):
    for _time in range(2):
        answer = receive(client, backend, *push(backend))
    assert answer.json()["returnCode"] == "0"
    assert ReceivedPush.objects.filter(duplicate=True).count() == 1


def test_a_push_signed_with_another_key_is_not_acknowledged(client, backend):
    answer = receive(client, backend, *push(backend, key=backend.app_key(0)))
    assert answer.status_code == 401 and ReceivedPush.objects.get().event_signature_ok is False


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"Payload": "{\\"Env\\": \\"x\\"}"}', '{"Payload": 7}', '"\ud800"'])
def test_nonsense_is_refused_and_kept(client, backend, body):
    answer = receive(client, backend, body.encode("utf-8", "surrogatepass"), {})
    assert answer.status_code == 401 and ReceivedPush.objects.count() == 1


@pytest.mark.parametrize(("mode", "status", "code"), [("fail", 500, None), ("refuse", 200, "4001")])
def test_the_backend_misbehaves_when_told_to(client, backend, mode, status, code):
    backend.mode = mode
    backend.save()
    answer = receive(client, backend, *push(backend))
    assert answer.status_code == status
    assert code is None or answer.json()["returnCode"] == code


def prepay_request(orbit, *, secret_key=""):
    body = json.dumps({"appId": "mp1", "env": 0, "outTradeNo": "N1", "method": "m", "signData": "{}", "paySig": "0" * 64})
    headers = sign_superapp(
        superapp=orbit.code, secret_key=secret_key or superapp.secret_key(orbit), method="POST",
        path_and_query="/simulator/superapp/create-prepay-order", body=body.encode(), timestamp=1700000000, nonce="n" * 16,
    )  # fmt: skip
    return body, headers


def test_create_prepay_order_believes_no_other_key(client, orbit):
    orbit.sealed_secret_key = secrets.seal("k" * 44, bound_to=orbit.secret_binding)
    orbit.save()
    body, headers = prepay_request(orbit, secret_key="another key")
    answer = client.post("/simulator/superapp/create-prepay-order", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["returnCode"]) == (401, "AUTH_INVALID")
    assert not Prepay.objects.exists()


def test_one_number_is_one_prepay_id(orbit):
    order = {"appId": "mp1", "env": 0, "outTradeNo": "N1"}
    first, second = superapp.create_prepay(orbit, order), superapp.create_prepay(orbit, order)
    assert first.prepay_id == second.prepay_id and second.asked == 2


def listed(client, orbit, query, **changes):
    """The answer of the stand-in superapp's list."""
    path = f"/simulator/superapp/transactions?{query}"
    headers = sign_superapp(
        superapp=orbit.code, secret_key=superapp.secret_key(orbit), method="GET", path_and_query=path, body=b"",
        timestamp=int(time.time()), nonce="n" * 16, **changes,
    )  # fmt: skip
    return client.get(path, headers=headers)


def test_the_list_of_transactions_comes_in_pages(client, orbit, monkeypatch):
    monkeypatch.setattr(superapp, "PAGE", 2)
    orbit.sealed_secret_key = secrets.seal("k" * 44, bound_to=orbit.secret_binding)
    orbit.save()
    for number in range(3):
        order = {"appId": "mp1", "env": 0, "outTradeNo": f"N{number}", "totalAmount": 990, "currencyType": "USD"}
        superapp.create_prepay(orbit, order)
    span = "from=2026-01-01T00:00:00%2B00:00&to=2100-01-01T00:00:00%2B00:00"
    first = listed(client, orbit, span).json()["data"]
    last = listed(client, orbit, f"{span}&cursor={first['next']}").json()["data"]
    assert [row["outTradeNo"] for row in first["transactions"] + last["transactions"]] == ["N0", "N1", "N2"]
    assert (last["next"], last["transactions"][0]["state"], last["transactions"][0]["totalAmount"]) == ("", "WAIT_PAY", 990)
    assert listed(client, orbit, "from=soon&to=later").status_code == 400
    assert client.get(f"/simulator/superapp/transactions?{span}", headers={"SAS-Superapp": orbit.code}).status_code == 401
