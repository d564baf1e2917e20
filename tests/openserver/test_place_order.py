"""POST orders: a player buys an item (docs/openserver.md, "Placing an order")."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from werkzeug import Response

from console.audit import entry_mac
from console.models import AuditEntry
from console.prepared import fetch
from items.actions import item as items
from items.models import Item
from openserver import facts
from openserver.models import PlayerSession
from orders.actions import placing
from orders.models import Order, PriceRefusal
from payments.models import Credential, MerchantBinding, PaymentRequest
from tests.openserver.conftest import credential_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_an_order_is_stored_and_forwarded(shop, backend):
    data = shop.sign_data(outTradeNo="N-1", buyQuantity="3")
    placed = shop.place(data=data)
    assert placed.data == {"outTradeNo": "N-1", "prepayId": "pp-N-1"}
    order = Order.objects.get()
    assert (order.payment_state, order.delivery_state, order.prepay_id) == ("unpaid", "not_due", "pp-N-1")
    assert (order.amount, order.unit_price, order.quantity, order.currency) == (2970, 990, 3, "USD")
    assert (order.open_id, order.product_name, order.zone_id, order.platform) == ("player-1", "Gem", "1", "android")
    assert order.sign_data == text_of(data)
    assert order.prepay_lease_until is None


def test_the_superapp_gets_exactly_the_documented_body(shop, backend):
    body = shop.order(shop.sign_data(outTradeNo="N-2", buyQuantity=2))
    shop.place(body)
    assert backend.asked == [
        {
            "appId": shop.program.app_id, "miniProgramName": "Starfall", "merchantId": "M-1", "openId": "player-1",
            "outTradeNo": "N-2", "productId": "gem", "productName": "Gem", "quantity": 2, "unitPrice": 990, "totalAmount": 1980,
            "currencyType": "USD", "env": 0, "platform": "android", "attach": "level 3", "method": body["method"],
            "signData": body["signData"], "paySig": body["paySig"], "signature": body["signature"],
        }
    ]  # fmt: skip
    assert backend.headers[0]["Sas-Superapp"] == shop.superapp.code
    assert "Tc-Signature" not in backend.headers[0]


def test_the_compatibility_headers_are_sent_when_switched_on(shop, backend):
    shop.superapp.tc_compatible = True
    shop.superapp.save()
    shop.place()
    assert {"Tc-Timestamp", "Tc-Signature", "Tc-Merchantid"} <= set(backend.headers[0])


def test_each_step_leaves_one_audit_entry(shop):
    shop.place()
    order = Order.objects.get()
    entries = AuditEntry.objects.filter(object_type="orders.order", object_id=str(order.pk)).order_by("pk")
    assert [entry.verb for entry in entries] == ["orders.order.place", "orders.order.hold_prepay"]
    assert {entry.actor_label for entry in entries} == {"openServer"}
    assert all(entry.mac == entry_mac(entry) for entry in entries)


def test_a_mini_program_orders_with_its_own_method_and_merchant(reader):
    placed = reader.place(data=reader.sign_data(outTradeNo="NUMBER-88"), mode="short_series_goods")
    assert placed.data["prepayId"] == "pp-NUMBER-88"


def test_paysign_is_another_spelling(shop):
    body = shop.order()
    body["paySign"] = body.pop("paySig")
    assert shop.place(body).code == "0"


def test_the_sandbox_sells_drafts_and_has_its_own_numbers(shop):
    live = shop.place(data=shop.sign_data(outTradeNo="SAME"))
    sandbox = shop.place(data=shop.sign_data(env=1, productId="draft", goodsPrice=50, outTradeNo="SAME"))
    assert (live.code, sandbox.code) == ("0", "0")
    assert Order.objects.filter(out_trade_no="SAME").count() == 2
    assert shop.place(data=shop.sign_data(productId="draft", goodsPrice=50)).code == "ITEM_NOT_ON_SALE"


def test_a_deleted_item_is_for_nobody(shop, team_admin):
    items.delete(Item.objects.get(product_id="draft"), actor=team_admin)
    for env in (0, 1):
        assert shop.place(data=shop.sign_data(env=env, productId="draft", goodsPrice=50)).code == "ITEM_NOT_ON_SALE"


def test_the_live_copy_is_sold_while_a_draft_waits(shop):
    Item.objects.filter(product_id="gem").update(price=500, name="Gem, cheaper")
    assert shop.place(data=shop.sign_data(goodsPrice=500)).code == "PRICE_MISMATCH"
    assert shop.place(data=shop.sign_data(goodsPrice=990)).code == "0"


def test_a_refused_price_is_counted_for_the_mismatch_desk_in_the_live_environment(shop):
    Item.objects.filter(product_id="gem").update(price=500)
    for _call in range(3):
        assert shop.place(data=shop.sign_data(goodsPrice=500, outTradeNo="N-5")).code == "PRICE_MISMATCH"
    assert shop.place(data=shop.sign_data(goodsPrice=7, outTradeNo="_no number")).code == "PRICE_MISMATCH"
    assert shop.place(data=shop.sign_data(goodsPrice=990, env=1)).code == "PRICE_MISMATCH"
    rows = PriceRefusal.objects.order_by("pk").values_list("product_id", "asked_price", "price", "times", "last_number")
    assert list(rows) == [("gem", 500, 990, 3, "N-5"), ("gem", 7, 990, 1, "")]


def test_an_accepted_order_does_not_touch_that_count(shop):
    with CaptureQueriesContext(connection) as asked:
        assert shop.place().code == "0"
    assert not [query for query in asked if "pricerefusal" in query["sql"]]


def test_the_old_key_is_accepted_during_an_overlap(shop, team_admin, issued):
    later = timezone.now() + datetime.timedelta(hours=24)
    Credential.objects.filter(pk=shop.credential.pk).update(state="overlapping", overlaps_until=later)
    _row, new_key, _sandbox = credential_of(shop.program, issued, team_admin, serial_no="A2")
    assert shop.place().code == "0"
    assert shop.place(key=new_key).code == "0"
    Credential.objects.filter(pk=shop.credential.pk).update(overlaps_until=timezone.now())
    assert shop.place().code == "PAY_SIG_INVALID"


# --- Once and once only -----------------------------------------------------------------------------------------------------


def test_the_identical_request_gets_the_same_answer(shop, backend):
    body = shop.order()
    first, second = shop.place(body), shop.place(body)
    assert first.data == second.data
    assert len(backend.asked) == Order.objects.count() == 1


@pytest.mark.parametrize("change", [{"buyQuantity": 2}, {"attach": "other"}, {"productId": "dear", "goodsPrice": 99_999_999}])
def test_another_request_with_a_used_number_is_refused(shop, backend, change):
    shop.place(data=shop.sign_data(outTradeNo="USED"))
    assert shop.place(data=shop.sign_data(outTradeNo="USED", **change)).code == "ORDER_NO_REUSED"
    assert len(backend.asked) == 1


def test_another_player_with_a_used_number_is_refused(shop):
    data = shop.sign_data(outTradeNo="USED")
    shop.place(data=data)
    shop.sign_in("player-2")
    assert shop.place(data=data).code == "ORDER_NO_REUSED"


@pytest.mark.parametrize("state", ["paid", "closed", "expired", "failed"])
def test_the_identical_request_is_refused_once_the_order_has_ended(shop, state):
    body = shop.order()
    shop.place(body)
    Order.objects.update(payment_state=state)
    assert shop.place(body).code == "ORDER_NO_REUSED"


def test_two_programs_may_use_one_number(shop, reader):
    assert shop.place(data=shop.sign_data(outTradeNo="NUMBER-1")).code == "0"
    assert reader.place(data=reader.sign_data(outTradeNo="NUMBER-1")).code == "0"


def test_numbers_differ_by_case(shop):
    assert shop.place(data=shop.sign_data(outTradeNo="abc")).code == "0"
    assert shop.place(data=shop.sign_data(outTradeNo="ABC")).code == "0"
    assert Order.objects.count() == 2


# --- The superapp down, slow or lying ----------------------------------------------------------------------------------------

FAULTS = {
    "status 500": Response("fault", status=500),
    "no JSON": Response("<html>It works!</html>"),
    "a list": Response("[]"),
    "refusal": Response('{"returnCode": "7", "data": null}'),
    "no data": Response('{"returnCode": "0"}'),
    "empty id": Response('{"returnCode": "0", "data": {"prepayId": ""}}'),
    "number as id": Response('{"returnCode": "0", "data": {"prepayId": 7}}'),
    "endless id": Response('{"returnCode": "0", "data": {"prepayId": "' + "x" * 129 + '"}}'),
    "control characters": Response('{"returnCode": "0", "data": {"prepayId": "a\\u0000b"}}'),
    "redirect": Response("", status=302, headers={"Location": "/elsewhere"}),
    "too long": Response("{" + " " * 100_000 + "}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_superapp_leaves_the_order_created_and_the_same_request_goes_on(shop, backend, fault):
    backend.answer = lambda order: FAULTS[fault]
    body = shop.order()
    failed = shop.place(body)
    assert (failed.code, failed.status) == ("SUPERAPP_UNAVAILABLE", 502)
    order = Order.objects.get()
    assert (order.payment_state, order.prepay_id, order.prepay_lease_until) == ("created", "", None)
    backend.answer = None
    assert shop.place(body).code == "0"
    assert [asked["outTradeNo"] for asked in backend.asked] == [order.out_trade_no] * 2


def test_a_superapp_that_cannot_be_reached(shop, httpserver):
    shop.superapp.backend_url = "http://192.0.2.1/"
    shop.superapp.save()
    assert shop.place().code == "SUPERAPP_UNAVAILABLE"


def test_the_next_caller_takes_over_from_one_that_crashed(shop, backend):
    body = shop.order()
    backend.answer = lambda order: Response("", status=500)
    shop.place(body)
    backend.answer = None
    Order.objects.update(prepay_lease_until=timezone.now() - datetime.timedelta(seconds=1))
    assert shop.place(body).code == "0"


@pytest.mark.django_db(transaction=True)
def test_an_order_paid_before_the_superapp_answered_keeps_its_state_and_gets_its_id(shop, backend):
    def paid_meanwhile(order):
        Order.objects.update(payment_state="paid")
        connection.close()  # this is the thread of the stand-in
        return Response('{"returnCode": "0", "data": {"prepayId": "pp-late"}}')

    backend.answer = paid_meanwhile
    assert shop.place().data["prepayId"] == "pp-late"
    order = Order.objects.get()
    assert (order.payment_state, order.prepay_id) == ("paid", "pp-late")


@pytest.mark.django_db(transaction=True)
def test_a_prepay_id_that_is_not_stored_is_not_given_away(shop, backend):
    """The lease was taken over while the superapp answered, and whoever took it got nothing."""

    def answer_after_the_lease_is_lost(order):
        Order.objects.update(prepay_lease_until=None)
        connection.close()  # this is the thread of the stand-in
        return Response('{"returnCode": "0", "data": {"prepayId": "pp-1"}}')

    body = shop.order()
    backend.answer = answer_after_the_lease_is_lost
    assert shop.place(body).code == "BUSY"
    backend.answer = None
    answered = shop.place(body)
    assert (answered.code, Order.objects.get().prepay_id) == ("0", answered.data["prepayId"])


def test_an_item_that_changes_between_check_and_insert_is_not_sold(shop, backend, monkeypatch):
    place = placing.place

    def changed_first(order, order_id):
        Item.objects.filter(product_id="gem").update(live_price=1)
        return place(order, order_id=order_id)

    monkeypatch.setattr(placing, "place", changed_first)
    assert shop.place().code == "PRICE_MISMATCH"
    assert not Order.objects.exists()
    assert not backend.asked


# --- What must hold before --------------------------------------------------------------------------------------------------


def test_payment_not_approved_comes_before_everything(shop):
    PaymentRequest.objects.update(state="disabled", open=None)
    assert shop.place(key="wrong").code == "PAYMENT_NOT_ENABLED"


def test_a_superapp_that_switched_payment_off(shop):
    shop.superapp.payment_enabled = False
    shop.superapp.save()
    assert shop.place(key="wrong").code == "PAYMENT_SUSPENDED"


def test_a_team_without_a_merchant(shop):
    MerchantBinding.objects.update(state="unbound", effective=None)
    assert shop.place(key="wrong").code == "PAYMENT_SUSPENDED"


def test_a_program_without_keys_verifies_nothing(shop):
    Credential.objects.update(state="revoked")
    assert shop.place().code == "PAY_SIG_INVALID"


def test_paysig_comes_before_the_session(shop):
    PlayerSession.objects.update(expires_at=timezone.now())
    assert shop.place(key="wrong").code == "PAY_SIG_INVALID"
    assert shop.place(session_key="wrong").code == "SESSION_EXPIRED"


def test_a_session_ends_after_two_hours(shop):
    body = shop.order()
    with time_machine.travel(timezone.now() + datetime.timedelta(hours=2, seconds=1), tick=True):
        assert shop.place(body).code == "SESSION_EXPIRED"


@pytest.mark.skipif("sqlite" in connection.vendor, reason="The plain path costs more, and is not hot.")
def test_an_order_costs_three_statements(shop, monkeypatch, django_assert_num_queries):
    shop.place()
    statements = []
    for module in (facts, placing):
        monkeypatch.setattr(module, "fetch", lambda sql, params: statements.append(sql) or fetch(sql, params))
    with django_assert_num_queries(3):  # none by the ORM
        shop.place()
    assert len(statements) == 3  # facts, store, hold
