"""Payment and refund notifications: 5.4 and 5.6 of docs/domain.md."""

import datetime

import pytest
from django.utils import timezone

from orders.models import Delivery, Notification, Order
from orders.tasks import match_notifications
from payments.models import Credential
from tests.openserver.conftest import GOODS_EVENT, credential_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def order(shop) -> Order:
    shop.place(data=shop.sign_data(outTradeNo="N-1"))
    return Order.objects.get()


def test_a_paid_order_is_recorded_and_its_push_stands_in_the_outbox(shop, order):
    answered = shop.notify_paid("N-1")
    assert (answered.code, answered.data) == ("0", "OK")
    order = Order.objects.get()
    assert (order.payment_state, order.paid_amount) == ("paid", 990)
    assert Delivery.objects.get().order_id == order.pk
    assert Notification.objects.get().verdict == "accepted"


def test_a_duplicate_is_answered_alike_and_changes_nothing(shop, order):
    shop.notify_paid("N-1")
    assert shop.notify_paid("N-1").code == "0"
    assert Delivery.objects.count() == 1
    assert [row.verdict for row in Notification.objects.order_by("pk")] == ["accepted", "duplicate"]


@pytest.mark.parametrize("env", [0, "0"])
def test_env_comes_as_string_or_number(shop, order, env):
    assert shop.notify_paid("N-1", Env=env).code == "0"


@pytest.mark.parametrize(
    "changes",
    [{"OpenId": "somebody"}, {"goods": {"ProductId": "dear"}}, {"goods": {"Quantity": 2}}, {"goods": {"ActualPrice": 1}}],
)
def test_what_does_not_fit_delivers_nothing_and_raises_an_alert(shop, order, changes):
    answered = shop.notify_paid("N-1", **changes)
    assert (answered.code, answered.status) == ("AMOUNT_MISMATCH", 409)
    order = Order.objects.get()
    assert (order.payment_state, bool(order.alert)) == ("unpaid", True)
    assert Notification.objects.get().verdict == "mismatch"
    assert not Delivery.objects.exists()


def test_a_wrong_signature(shop, order):
    wrong = shop.envelope(GOODS_EVENT, shop.goods("N-1"), key="wrong")
    assert shop.by_superapp("POST", "/payment-notifications", wrong).code == "NOTIFY_SIG_INVALID"
    assert Notification.objects.get().verdict == "bad_signature"


def test_the_old_key_signs_during_an_overlap(shop, order, team_admin, issued):
    Credential.objects.update(state="overlapping", overlaps_until=timezone.now() + datetime.timedelta(hours=1))
    credential_of(shop.program, issued, team_admin, serial_no="A2")
    assert shop.notify_paid("N-1").code == "0"


def test_one_for_an_unknown_order_is_kept_and_applied_when_the_order_appears(shop):
    answered = shop.notify_paid("N-7")
    assert (answered.code, answered.status) == ("ORDER_NOT_FOUND", 404)
    assert "kept" in answered.message
    shop.place(data=shop.sign_data(outTradeNo="N-7"))
    assert Order.objects.get().payment_state == "paid"
    assert Notification.objects.get().verdict == "accepted"


def test_the_same_again_for_an_unknown_order_is_no_further_case_and_still_applied_once(shop):
    for _repeat in range(3):
        assert shop.notify_paid("N-7").code == "ORDER_NOT_FOUND"
    assert shop.notify_paid("N-7", goods={"Attach": "another"}).code == "ORDER_NOT_FOUND"
    verdicts = Notification.objects.order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["unknown_order", "duplicate", "duplicate", "unknown_order"]
    shop.place(data=shop.sign_data(outTradeNo="N-7"))
    assert Order.objects.get().payment_state == "paid"


def test_what_waits_wrongly_signed_holds_up_no_right_signature(shop):
    wrong = shop.envelope(GOODS_EVENT, shop.goods("N-7")) | {"PayEventSig": "0" * 64}
    assert shop.by_superapp("POST", "/payment-notifications", wrong).code == "ORDER_NOT_FOUND"
    assert shop.notify_paid("N-7").code == "ORDER_NOT_FOUND"
    shop.place(data=shop.sign_data(outTradeNo="N-7"))
    assert Order.objects.get().payment_state == "paid"


def test_the_same_wrong_signature_again_is_no_further_case(shop, order):
    wrong = shop.envelope(GOODS_EVENT, shop.goods("N-1")) | {"PayEventSig": "0" * 64}
    for _repeat in range(2):
        assert shop.by_superapp("POST", "/payment-notifications", wrong).code == "NOTIFY_SIG_INVALID"
    verdicts = Notification.objects.order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["bad_signature", "duplicate"]


def test_the_sweeper_matches_what_a_crash_left_behind(shop, order):
    shop.notify_paid("N-8")
    Order.objects.update(out_trade_no="N-8")
    assert match_notifications() == 1
    assert Order.objects.get().payment_state == "paid"
    assert match_notifications() == 0


def test_two_programs_with_one_number_are_told_apart_by_the_key(shop, reader):
    number = "NUMBER-1"
    shop.place(data=shop.sign_data(outTradeNo=number))
    reader.place(data=reader.sign_data(outTradeNo=number))
    assert reader.notify_paid(number).code == "0"
    paid = Order.objects.get(payment_state="paid")
    assert paid.mini_program == reader.program


FAULTS = {
    "event of refunds": ({"Event": "minigame_pay_refund_notify"}, "BAD_JSON"),
    "event type": ({"EventType": "text"}, "BAD_JSON"),
    "payload an object": ({"Payload": {}}, "BAD_JSON"),
    "payload no JSON": ({"Payload": "hello"}, "BAD_JSON"),
    "payload empty": ({"Payload": "{}"}, "MISSING_FIELD"),
    "no payload": ({"Payload": ...}, "MISSING_FIELD"),
    "more": ({"More": 1}, "UNKNOWN_FIELD"),
    "signature format": ({"PayEventSig": "XYZ"}, "SIG_FORMAT"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_envelope(shop, order, fault):
    changes, code = FAULTS[fault]
    body = shop.envelope(GOODS_EVENT, shop.goods("N-1"), **changes)
    assert shop.by_superapp("POST", "/payment-notifications", body).code == code


@pytest.mark.parametrize("env", [2, "x", True, None])
def test_an_env_that_is_none(shop, order, env):
    assert shop.notify_paid("N-1", Env=env).code == "ENV_INVALID"
    assert Notification.objects.get().verdict == "mismatch"


# --- Refunds ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def paid(shop, order) -> Order:
    shop.notify_paid("N-1")
    return order


def test_a_refund_is_recorded_once(shop, paid):
    assert shop.notify_refund("N-1", RefundAmount=400).data == "OK"
    assert shop.notify_refund("N-1", RefundAmount=400).code == "0"
    paid = Order.objects.get()
    assert (paid.refunded_amount, paid.refund_state) == (400, "partially_refunded")


REFUSED = {
    "too much": ({"RefundAmount": 991}, "REFUND_EXCEEDS_PAID"),
    "currency": ({"Currency": "JPY"}, "REFUND_CURRENCY"),
    "nothing": ({"RefundAmount": 0}, "AMOUNT_MISMATCH"),
    "status": ({"RefundStatus": "MAYBE"}, "BAD_JSON"),
    "time": ({"RefundStartTime": "yesterday"}, "BAD_JSON"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_refund_that_cannot_be(shop, paid, fault):
    changes, code = REFUSED[fault]
    assert shop.notify_refund("N-1", **changes).code == code


def test_a_refund_number_counts_once(shop, paid):
    shop.notify_refund("N-1", RefundNo="R", RefundAmount=100)
    assert shop.notify_refund("N-1", RefundNo="R", RefundAmount=200).code == "REFUND_NO_REUSED"


def test_a_refund_of_an_unpaid_order(shop, order):
    assert shop.notify_refund("N-1").code == "ORDER_NOT_PAID"


def test_a_refund_of_an_unknown_order_is_kept(shop):
    assert shop.notify_refund("N-9").code == "ORDER_NOT_FOUND"
    assert Notification.objects.get().verdict == "unknown_order"
