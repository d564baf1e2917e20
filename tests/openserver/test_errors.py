"""Every row of docs/domain.md, section 6, against the real views: code, status, and a message that helps."""

import json

import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openserver.catalogue import meanings
from openserver.errors import ERRORS
from orders.models import Order
from tests.openserver.conftest import Answered, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

ENVELOPES = {
    "empty body": (b"", "BAD_JSON"),
    "not JSON": (b"hello", "BAD_JSON"),
    "a list": (b"[]", "BAD_JSON"),
    "not UTF-8": (b'{"token": "\xff"}', "BAD_JSON"),
    "NaN": (b'{"token": NaN}', "BAD_JSON"),
    "too long": (b'{"token": "' + b"x" * 17_000 + b'"}', "BAD_JSON"),
    "too deep": (b'{"token": ' + b"[" * 40 + b"]" * 40 + b"}", "BAD_JSON"),
    "NUL": (b'{"token": "a\\u0000"}', "BAD_JSON"),
    "a key twice": (b'{"token": "a", "token": "b"}', "DUPLICATE_FIELD"),
    "nothing in it": (b"{}", "MISSING_FIELD"),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_bad_envelope(shop, name):
    raw, code = ENVELOPES[name]
    assert shop.place(raw).code == code
    assert not Order.objects.exists()


FIELDS = {
    "unknown field": ({"extra": 1}, "UNKNOWN_FIELD"),
    "both spellings": ({"paySign": "0" * 64}, "DUPLICATE_FIELD"),
    "no token": ({"token": ...}, "MISSING_FIELD"),
    "no signature": ({"signature": ...}, "MISSING_FIELD"),
    "signData as object": ({"signData": {"env": 0}}, "SIGN_DATA_NOT_STRING"),
    "signData null": ({"signData": None}, "SIGN_DATA_NOT_STRING"),
    "short paySig": ({"paySig": "abc"}, "SIG_FORMAT"),
    "upper-case paySig": ({"paySig": "A" * 64}, "SIG_FORMAT"),
    "numeric signature": ({"signature": 7}, "SIG_FORMAT"),
    "unknown method": ({"method": "requestPayment"}, "MODE_INVALID"),
    "method of the other kind": ({"method": "requestVirtualPayment"}, "MODE_INVALID"),
    "unknown mode": ({"mode": "rent"}, "MODE_INVALID"),
    "mode of the other kind": ({"mode": "short_series_goods"}, "MODE_INVALID"),
    "numeric token": ({"token": 7}, "BAD_JSON"),
    "unknown token": ({"token": "nobody's"}, "SESSION_INVALID"),
    "empty token": ({"token": ""}, "SESSION_INVALID"),
    "wrong paySig": ({"paySig": "0" * 64}, "PAY_SIG_INVALID"),
    "wrong signature": ({"signature": "0" * 64}, "SESSION_SIG_INVALID"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_field_of_the_envelope(shop, name):
    changes, code = FIELDS[name]
    answered = shop.place(_changed(shop.order(), changes))
    assert (answered.code, answered.status) == (code, ERRORS[code])


def _changed(body, changes):
    return {name: value for name, value in (body | changes).items() if value is not ...}


SIGNED = {
    "mode": ({"mode": "rent"}, "MODE_INVALID"),
    "env 2": ({"env": 2}, "ENV_INVALID"),
    "env true": ({"env": True}, "ENV_INVALID"),
    "env null": ({"env": None}, "ENV_INVALID"),
    "no env": ({"env": ...}, "MISSING_FIELD"),
    "no attach": ({"attach": ...}, "MISSING_FIELD"),
    "attach a number": ({"attach": 7}, "ATTACH_FORMAT"),
    "attach of 1,025 bytes": ({"attach": "é" * 512 + "x"}, "ATTACH_FORMAT"),
    "currency unknown": ({"currencyType": "EUR"}, "CURRENCY_NOT_ENABLED"),
    "currency lower case": ({"currencyType": "usd"}, "CURRENCY_NOT_ENABLED"),
    "currency of no merchant": ({"currencyType": "JPY"}, "CURRENCY_NOT_ENABLED"),
    "currency a number": ({"currencyType": 840}, "BAD_JSON"),
    "no such item": ({"productId": "nope"}, "ITEM_NOT_ON_SALE"),
    "item by another case": ({"productId": "GEM"}, "ITEM_NOT_ON_SALE"),
    "item not released": ({"productId": "draft", "goodsPrice": 50}, "ITEM_NOT_ON_SALE"),
    "item with a path": ({"productId": "../gem"}, "ITEM_NOT_ON_SALE"),
    "price as string": ({"goodsPrice": "990"}, "PRICE_FORMAT"),
    "price true": ({"goodsPrice": True}, "PRICE_FORMAT"),
    "price with fraction": ({"goodsPrice": 990.0}, "PRICE_FORMAT"),
    "price negative": ({"goodsPrice": -990}, "PRICE_FORMAT"),
    "price zero": ({"goodsPrice": 0}, "PRICE_FORMAT"),
    "price null": ({"goodsPrice": None}, "PRICE_FORMAT"),
    "price of another item": ({"goodsPrice": 991}, "PRICE_MISMATCH"),
    "quantity zero": ({"buyQuantity": 0}, "QUANTITY_FORMAT"),
    "quantity 10,001": ({"buyQuantity": 10_001}, "QUANTITY_FORMAT"),
    "quantity with sign": ({"buyQuantity": "+1"}, "QUANTITY_FORMAT"),
    "quantity in full-width digits": ({"buyQuantity": "１"}, "QUANTITY_FORMAT"),
    "quantity with fraction": ({"buyQuantity": 1.5}, "QUANTITY_FORMAT"),
    "too much money": ({"productId": "dear", "goodsPrice": 99_999_999, "buyQuantity": 101}, "AMOUNT_LIMIT"),
    "number empty": ({"outTradeNo": ""}, "OUT_TRADE_NO_FORMAT"),
    "number of 33": ({"outTradeNo": "x" * 33}, "OUT_TRADE_NO_FORMAT"),
    "number with _ first": ({"outTradeNo": "_abc"}, "OUT_TRADE_NO_FORMAT"),
    "number with space": ({"outTradeNo": "a b"}, "OUT_TRADE_NO_FORMAT"),
    "number with line feed": ({"outTradeNo": "abc\n"}, "OUT_TRADE_NO_FORMAT"),
    "number as number": ({"outTradeNo": 12345678}, "OUT_TRADE_NO_FORMAT"),
}


@pytest.mark.parametrize("name", SIGNED)
def test_bad_sign_data(shop, name, backend):
    changes, code = SIGNED[name]
    answered = shop.place(data=shop.sign_data(**changes))
    assert (answered.code, answered.status) == (code, ERRORS[code]), answered.message
    assert not Order.objects.exists()
    assert not backend.asked


@pytest.mark.parametrize(
    ("text", "code"),
    [("no JSON", "BAD_JSON"), ("[1]", "BAD_JSON"), ('{"env":0,"env":0}', "DUPLICATE_FIELD"), ("{}", "MISSING_FIELD")],
)
def test_sign_data_that_is_no_object_is_checked_after_its_signatures(shop, text, code):
    assert shop.place(data=text).code == code
    assert shop.place(data=text, key="wrong").code == "PAY_SIG_INVALID"


def test_unknown_fields_inside_sign_data_are_allowed(shop):
    assert shop.place(data=shop.sign_data(campaign={"id": 1.5})).code == "0"


def test_a_mini_program_with_a_merchant_that_is_not_its_own(reader):
    assert reader.place(data=reader.sign_data(offerId="M-9")).code == "MERCHANT_NOT_BOUND"
    assert reader.place(data=reader.sign_data(offerId=...)).code == "MISSING_FIELD"
    assert reader.place(data=reader.sign_data(outTradeNo="short")).code == "OUT_TRADE_NO_FORMAT"


ORDER_OF_CHECKS = [
    ({"env": 7}, "ENV_INVALID"),
    ({"currencyType": "EUR"}, "CURRENCY_NOT_ENABLED"),
    ({"productId": "nope"}, "ITEM_NOT_ON_SALE"),
    ({"goodsPrice": 1}, "PRICE_MISMATCH"),
    ({"buyQuantity": 0}, "QUANTITY_FORMAT"),
    ({"outTradeNo": "_"}, "OUT_TRADE_NO_FORMAT"),
]


@pytest.mark.parametrize("first", range(len(ORDER_OF_CHECKS)))
def test_checks_run_in_the_documented_order(shop, first):
    changes = {}
    for fault, _code in ORDER_OF_CHECKS[first:]:
        changes |= fault
    assert shop.place(data=shop.sign_data(**changes)).code == ORDER_OF_CHECKS[first][1]


def test_another_tenants_keys_items_and_tokens_do_not_fit(shop, reader):
    assert shop.place(shop.order(key=reader.live_key)).code == "PAY_SIG_INVALID"
    assert shop.place(shop.order(token=reader.token)).code == "MODE_INVALID"
    assert shop.place(shop.order(session_key=reader.session_key)).code == "SESSION_SIG_INVALID"


# --- Every answer has the envelope ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "nope", "orders/a/b", "sessions/", "orders/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_paths(client, path, method):
    answered = Answered(client.generic(method, f"/openserver/v1/{path}"))
    assert (answered.code, answered.status) == ("NOT_FOUND", 404)


@pytest.mark.parametrize(("path", "allowed"), [("orders", "POST"), ("sessions", "POST"), ("health", "GET"), ("orders/A", "GET")])
def test_wrong_methods_name_the_right_one(client, path, allowed):
    answered = Answered(client.put(f"/openserver/v1/{path}"))
    assert (answered.code, answered.status) == ("METHOD_NOT_ALLOWED", 405)
    assert answered.response.headers["Allow"] == allowed


def test_a_fault_of_ours_keeps_the_envelope_and_its_details(shop, monkeypatch):
    monkeypatch.setattr("openserver.actions.ordering.read_facts", lambda *args, **kwargs: 1 / 0)
    answered = shop.place()
    assert (answered.code, answered.status) == ("INTERNAL_ERROR", 500)
    assert "division" not in answered.message


def test_a_database_that_is_away_is_told_as_busy(shop, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("secret host name")

    monkeypatch.setattr("openserver.actions.ordering.read_facts", away)
    answered = shop.place()
    assert (answered.code, answered.status, "secret" in answered.message) == ("BUSY", 503, False)
    assert answered.response.headers["Retry-After"]


def test_health_needs_nobody(client):
    assert Answered(client.get("/openserver/v1/health")).data == {"status": "ok"}


def test_health_is_busy_while_the_database_is_away(client, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("secret host name")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    answered = Answered(client.get("/openserver/v1/health"))
    assert (answered.code, answered.status, "secret" in answered.message) == ("BUSY", 503, False)


def test_every_code_is_explained():
    rows = {row.code: row for row in meanings()}
    assert set(ERRORS) <= set(rows)
    assert all(row.means and row.remedy and row.status for row in rows.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SIGN_FIELDS = [
    "mode",
    "env",
    "buyQuantity",
    "currencyType",
    "productId",
    "goodsPrice",
    "outTradeNo",
    "attach",
    "platform",
    "zoneId",
]
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@few
@given(field=st.sampled_from(SIGN_FIELDS), value=JSON)
def test_nothing_inside_sign_data_makes_a_500(shop, field, value):
    text = json.dumps(shop.sign_data() | {field: value}, ensure_ascii=True)
    assert shop.place(text_of(shop.order(text)).encode()).status != 500


@few
@given(field=st.sampled_from(["token", "method", "mode", "signData", "paySig", "signature", "other"]), value=JSON)
def test_nothing_in_the_envelope_makes_a_500(shop, field, value):
    raw = json.dumps(shop.order() | {field: value}, ensure_ascii=True).encode()
    assert shop.place(raw).status != 500


@few
@given(raw=st.binary(max_size=200))
def test_no_bytes_make_a_500(shop, raw):
    assert shop.place(raw).code in {"BAD_JSON", "MISSING_FIELD", "DUPLICATE_FIELD"}
