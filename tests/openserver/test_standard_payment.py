"""Standard payment, placed and found: 5.8 of docs/domain.md."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection
from django.test import Client
from werkzeug import Response

from console.models import AuditEntry
from openserver.errors import ERRORS
from orders.models import Order
from payments.models import Credential, MerchantBinding, PaymentRequest
from tests.openserver.conftest import BASE, text_of
from tests.openserver.standard import JSAPI, NOTIFY_URL, content, place, query, tell, transaction

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_a_standard_payment_is_stored_and_forwarded(seller, backend, settings):
    settings.BASE_URL = "https://console.example"
    answered = place(seller)
    assert (answered.code, answered.data) == ("0", {"prepay_id": "pp-S-1"})
    order = Order.objects.get()
    assert (order.kind, order.env, order.payment_state, order.prepay_id) == ("standard", 0, "unpaid", "pp-S-1")
    assert (order.amount, order.currency, order.notify_url, order.attach) == (2500, "USD", NOTIFY_URL, "seat 7")
    # The superapp tells us first: it gets our address instead of the developer's.
    told = backend.asked[-1]
    assert told == content(seller) | {"notify_url": "https://console.example/openserver/v1/pay/notifications"}
    verbs = AuditEntry.objects.filter(object_type="orders.order").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["orders.order.place", "orders.order.hold_prepay"]


def test_the_call_to_the_superapp_is_signed(seller, backend, orbit):
    orbit.tc_compatible = True
    orbit.save()
    place(seller)
    headers = backend.headers[-1]
    assert headers["Sas-Superapp"] == orbit.code
    assert len(headers["Sas-Signature"]) == 64
    assert headers["Tc-Merchantid"] == "M-1"


def test_the_same_content_again_asks_nobody_and_gets_the_same_answer(seller, backend):
    place(seller)
    again = dict(reversed(content(seller).items()))  # the order of the fields does not matter
    assert place(seller, again).data == {"prepay_id": "pp-S-1"}
    assert (Order.objects.count(), len(backend.asked)) == (1, 1)


@pytest.mark.parametrize(
    "changes", [{"amount": {"total": 2501, "currency": "USD"}}, {"payer": {"openid": "other"}}, {"attach": ...}]
)
def test_another_content_with_a_used_number_is_refused(seller, backend, changes):
    place(seller)
    answered = place(seller, **changes)
    assert (answered.code, answered.status) == ("ORDER_NO_REUSED", 409)
    assert len(backend.asked) == 1


def test_a_number_of_a_virtual_order_is_used(seller, backend):
    seller.place(data=seller.sign_data(outTradeNo="S-1"))
    assert place(seller).code == "ORDER_NO_REUSED"


@pytest.mark.parametrize("event", ["TRANSACTION.SUCCESS", "TRANSACTION.CLOSED"])
def test_the_same_content_is_refused_once_it_is_paid_or_closed(seller, event):
    place(seller)
    tell(seller, transaction(seller, event))
    assert place(seller).code == "ORDER_NO_REUSED"


@pytest.mark.parametrize(
    "answer",
    ['{"prepay_id": "pp-9"}', '{"returnCode": "0", "data": {"prepay_id": "pp-9"}}', '{"returnCode": 0, "prepay_id": "pp-9"}'],
)
def test_the_superapp_may_answer_plainly_or_in_the_envelope(seller, backend, answer):
    backend.answer = lambda order: Response(answer)
    assert place(seller).data == {"prepay_id": "pp-9"}


FAULTS = {
    "status 500": Response("", status=500),
    "status 201": Response('{"prepay_id": "pp-9"}', status=201),
    "no JSON": Response("<html>It works!</html>"),
    "refusal": Response('{"returnCode": "7", "data": {"prepay_id": "pp-9"}}'),
    "a list": Response("[]"),
    "data a list": Response('{"data": []}'),
    "no id": Response("{}"),
    "number as id": Response('{"prepay_id": 7}'),
    "endless id": Response('{"prepay_id": "' + "x" * 129 + '"}'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_superapp_leaves_it_created_and_the_same_content_goes_on(seller, backend, fault):
    backend.answer = lambda order: FAULTS[fault]
    failed = place(seller)
    assert (failed.code, failed.status) == ("SUPERAPP_UNAVAILABLE", 502)
    order = Order.objects.get()
    assert (order.payment_state, order.prepay_id, order.prepay_lease_until) == ("created", "", None)
    backend.answer = None
    assert place(seller).data == {"prepay_id": "pp-S-1"}
    assert [asked["out_trade_no"] for asked in backend.asked] == ["S-1", "S-1"]


def test_an_answer_that_is_lost_is_asked_for_with_the_same_number(seller, backend, monkeypatch):
    monkeypatch.setattr("openserver.superapp.DEADLINE", 0.2)
    answered = threading.Event()
    backend.answer = lambda order: answered.wait(5) and Response('{"prepay_id": "pp-1"}')
    assert "in time" in place(seller).message
    answered.set()
    assert place(seller).data == {"prepay_id": "pp-1"}
    assert [asked["out_trade_no"] for asked in backend.asked] == ["S-1", "S-1"]
    assert Order.objects.count() == 1


BODIES = {
    "no number": ({"out_trade_no": ...}, "MISSING_FIELD"),
    "no payer": ({"payer": ...}, "MISSING_FIELD"),
    "payer a string": ({"payer": "player-1"}, "BAD_JSON"),
    "payer empty": ({"payer": {}}, "MISSING_FIELD"),
    "openid empty": ({"payer": {"openid": ""}}, "BAD_JSON"),
    "openid of 129": ({"payer": {"openid": "x" * 129}}, "BAD_JSON"),
    "more in payer": ({"payer": {"openid": "p", "name": "P"}}, "UNKNOWN_FIELD"),
    "more": ({"detail": {}}, "UNKNOWN_FIELD"),
    "amount a number": ({"amount": 2500}, "BAD_JSON"),
    "no currency": ({"amount": {"total": 1}}, "MISSING_FIELD"),
    "total zero": ({"amount": {"total": 0, "currency": "USD"}}, "PRICE_FORMAT"),
    "total negative": ({"amount": {"total": -1, "currency": "USD"}}, "PRICE_FORMAT"),
    "total true": ({"amount": {"total": True, "currency": "USD"}}, "PRICE_FORMAT"),
    "total a string": ({"amount": {"total": "2500", "currency": "USD"}}, "PRICE_FORMAT"),
    "total with fraction": ({"amount": {"total": 25.5, "currency": "USD"}}, "BAD_JSON"),
    "total too much": ({"amount": {"total": 10_000_000_000, "currency": "USD"}}, "AMOUNT_LIMIT"),
    "currency unknown": ({"amount": {"total": 1, "currency": "EUR"}}, "CURRENCY_NOT_ENABLED"),
    "currency of no merchant": ({"amount": {"total": 1, "currency": "JPY"}}, "CURRENCY_NOT_ENABLED"),
    "other merchant": ({"mchid": "M-9"}, "MERCHANT_NOT_BOUND"),
    "other program": ({"appid": "mp0000000000000000"}, "AUTH_INVALID"),
    "number with _ first": ({"out_trade_no": "_a"}, "OUT_TRADE_NO_FORMAT"),
    "number of 33": ({"out_trade_no": "x" * 33}, "OUT_TRADE_NO_FORMAT"),
    "number a number": ({"out_trade_no": 7}, "OUT_TRADE_NO_FORMAT"),
    "description empty": ({"description": ""}, "BAD_JSON"),
    "description of 129": ({"description": "x" * 129}, "BAD_JSON"),
    "description with a line feed": ({"description": "a\nb"}, "BAD_JSON"),
    "attach of 1,025 bytes": ({"attach": "é" * 512 + "x"}, "ATTACH_FORMAT"),
    "attach null": ({"attach": None}, "ATTACH_FORMAT"),
    "notify_url a port": ({"notify_url": "https://shop.example:8443/"}, "NOTIFY_URL_REFUSED"),
    "notify_url ftp": ({"notify_url": "ftp://shop.example/"}, "NOTIFY_URL_REFUSED"),
    "notify_url of this machine": ({"notify_url": "http://127.0.0.1/"}, "NOTIFY_URL_REFUSED"),
    "notify_url with a user": ({"notify_url": "https://a@shop.example/"}, "NOTIFY_URL_REFUSED"),
    "notify_url empty": ({"notify_url": ""}, "NOTIFY_URL_REFUSED"),
    "notify_url null": ({"notify_url": None}, "NOTIFY_URL_REFUSED"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body(seller, backend, name):
    changes, code = BODIES[name]
    answered = place(seller, **changes)
    assert (answered.code, answered.status) == (code, ERRORS[code]), answered.message
    assert not Order.objects.exists()
    assert not backend.asked


@pytest.mark.parametrize("number", ["a", "0123456789" * 3 + "ab", "A|b*c@d-e_f"])
def test_numbers_that_are_allowed_can_be_found_again(seller, number):
    assert place(seller, out_trade_no=number).code == "0"
    assert query(seller, number.replace("|", "%7C")).data["out_trade_no"] == number


def test_it_needs_its_own_approval(shop, backend):
    assert place(shop).code == "PAYMENT_NOT_ENABLED"  # virtual payment is approved, standard is not
    assert not backend.asked


def test_a_superapp_that_switched_payment_off(seller, orbit):
    orbit.payment_enabled = False
    orbit.save()
    assert place(seller).code == "PAYMENT_SUSPENDED"


def test_a_team_without_a_merchant(seller):
    MerchantBinding.objects.update(state="unbound", effective=None)
    assert place(seller).code == "PAYMENT_SUSPENDED"
    MerchantBinding.objects.all().delete()
    assert place(seller).code == "PAYMENT_SUSPENDED"


def test_disabled_again(seller):
    PaymentRequest.objects.filter(type="standard").update(state="disabled", open=None)
    assert place(seller).code == "PAYMENT_NOT_ENABLED"


SIGNERS = {
    "unknown serial number": {"serial_no": "FF"},
    "another program's serial number": {"serial_no": "B2"},
    "another key": {"private_key": rsa.generate_private_key(public_exponent=65537, key_size=2048)},
    "too old": {"timestamp": int(time.time()) - 3600},
}


@pytest.mark.parametrize("fault", SIGNERS)
def test_a_developer_that_cannot_prove_itself(seller, reader, backend, fault):
    answered = seller.by_developer("POST", JSAPI, content(seller), **SIGNERS[fault])
    assert (answered.code, answered.status) == ("AUTH_INVALID", 401)
    assert query(seller, **SIGNERS[fault]).code == "AUTH_INVALID"
    assert not Order.objects.exists()
    assert not backend.asked


def test_a_body_that_was_changed_on_the_way(seller):
    raw = text_of(content(seller)).encode()
    header = seller.authorization("POST", BASE + JSAPI, raw)
    changed = raw.replace(b"2500", b"1")
    answer = seller.client.post(BASE + JSAPI, changed, content_type="application/json", headers={"Authorization": header})
    assert answer.json()["returnCode"] == "AUTH_INVALID"


def test_a_certificate_that_was_revoked(seller):
    Credential.objects.update(state="revoked")
    assert place(seller).code == "AUTH_INVALID"


# --- Query ------------------------------------------------------------------------------------------------------------


def test_the_developer_reads_how_it_stands(seller):
    place(seller)
    data = query(seller).data
    assert (data["trade_state"], data["prepay_id"], data["transaction_id"]) == ("WAIT_PAY", "pp-S-1", "")
    assert (data["amount"], data["payer"]) == ({"total": 2500, "currency": "USD"}, {"openid": "player-1"})
    assert (data["trade_type"], data["success_time"]) == ("JSAPI", None)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"payment_state": "created"}, "WAIT_PAY"), ({"payment_state": "paid"}, "SUCCESS"),
        ({"payment_state": "closed"}, "CLOSED"),
        ({"payment_state": "expired"}, "AUTO_CLOSED"), ({"payment_state": "failed"}, "PAY_ERROR"),
        ({"payment_state": "paid", "refund_state": "partially_refunded"}, "REFUND"),
        ({"payment_state": "paid", "refund_state": "refunded"}, "REFUND"),
    ],
)  # fmt: skip
def test_every_trade_state(seller, fields, state):
    place(seller)
    Order.objects.update(**fields)
    assert query(seller).data["trade_state"] == state


def test_what_is_not_there(seller, reader):
    place(seller)
    seller.place(data=seller.sign_data(outTradeNo="VIRTUAL-1"))
    assert query(seller, "S-2").code == "ORDER_NOT_FOUND"
    assert query(seller, "VIRTUAL-1").code == "ORDER_NOT_FOUND"
    assert query(seller, mchid="M-2").code == "ORDER_NOT_FOUND"
    assert query(seller, mchid="").code == "MISSING_FIELD"
    assert query(reader).code == "ORDER_NOT_FOUND"  # another team's
    assert query(seller, "S-1%00").code == "ORDER_NOT_FOUND"


# --- At once ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer.")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("same", "outcome"), [(True, {("0", '{"prepay_id":"pp-1"}'): 40}), (False, None)])
def test_twins_at_once_make_one_order_and_one_prepay(seller, backend, same, outcome):
    def slowly(order):
        time.sleep(0.3)  # so that all twins come while it is being asked
        return Response('{"prepay_id": "pp-1"}')

    backend.answer = slowly
    gate = threading.Barrier(40)

    def send(number):
        gate.wait()
        raw = text_of(content(seller, attach="" if same else str(number))).encode()
        headers = {"Authorization": seller.authorization("POST", BASE + JSAPI, raw)}
        try:
            body = Client().post(BASE + JSAPI, raw, content_type="application/json", headers=headers).json()
            return body["returnCode"], json.dumps(body["data"], separators=(",", ":"))
        finally:
            connection.close()

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(send, range(40)))
    counted = {answer: answers.count(answer) for answer in answers}
    assert counted == (outcome or {("0", '{"prepay_id":"pp-1"}'): 1, ("ORDER_NO_REUSED", "null"): 39})
    assert (Order.objects.count(), len(backend.asked)) == (1, 1)
