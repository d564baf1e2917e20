"""Sentences that are stored in English are shown in the reader's language."""

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from console.models import User
from orders import mismatch_lines, notes
from orders.actions.payment import end_alert, raise_alert
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.mismatches import CASES, open_rows
from orders.models import Notification, Order, Reconciliation
from orders.payloads import read_goods
from orders.transactions import read_told
from orders.wording import PLACEHOLDER, difference, in_words, values_in
from tests.orders import shop
from tests.orders.records import place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
VALUES = {"fields": "OpenId, ActualPrice", "asked": "USD 19.81", "paid": "USD 19.80", "used": "USD 0.00"}


def filled(sentence: str) -> tuple[str, dict[str, str]]:
    """The sentence as it is stored, and the values that stand in it."""
    values = {name: VALUES.get(name, f"{name} 1.") for name in PLACEHOLDER.findall(sentence)}
    return sentence % values, values


def lines(name, where):
    case = next(case for case in CASES if case.name == name)
    return mismatch_lines.lines(case, open_rows(case, where))


@pytest.mark.parametrize("sentence", notes.SENTENCES)
def test_every_sentence_that_is_stored_is_known_again(sentence):
    text, values = filled(sentence)
    assert in_words(text) == text
    assert [known for known in notes.SENTENCES if values_in(text, known) is not None] == [sentence]
    with translation.override("zh-hans"):
        assert in_words(text) == translation.gettext(sentence) % values != text


def test_every_sentence_of_the_module_is_in_the_list():
    texts = {value for name, value in vars(notes).items() if name.isupper() and isinstance(value, str)}
    assert texts == {*notes.SENTENCES, notes.DIFFERS}


@pytest.mark.parametrize("text", ["", "The JSON cannot be read.", "The right payment came. Twice.", "odd: here 1, there 2"])
def test_what_is_not_known_is_shown_as_it_was_stored(text):
    with translation.override("zh-hans"):
        assert in_words(text) == text


def test_english_is_stored_whatever_language_is_active(starfall):
    order = shop.new_order(starfall)
    with translation.override("zh-hans"):
        shop.pay(order, ActualPrice=1)
        shop.pay(order)
        with pytest.raises(OrderError) as refused:
            record_refund(order=Order.objects.get(), notice=shop.notice(order, currency="JPY"), actor=shop.SUPERAPP)
        for reader in (read_goods, read_told):
            with pytest.raises(OrderError) as unread:
                reader("[]")
            assert unread.value.message == notes.NO_OBJECT
    assert Notification.objects.earliest("pk").detail == "ActualPrice: not what the order says."
    assert refused.value.message == "The refund is not in USD, as the order is."


def test_the_page_of_an_order_speaks_the_readers_language(client, operator, starfall):
    order = shop.new_order(starfall)
    shop.pay(order, ActualPrice=1)
    shop.pay(order)
    raise_alert(Order.objects.get(), "differs_from_superapp", actor=shop.SUPERAPP, note="state: here WAIT_PAY, there SUCCESS")
    end_alert(Order.objects.get(), actor=shop.SUPERAPP, note=notes.AGREES)
    client.force_login(operator)
    url = reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": order.pk})
    english = ("not what the order says", "The right payment came.", "State: here Unpaid, there Paid", "Agrees with the superapp")
    shown = client.get(url).text.replace("&#x27;", "'")
    assert [text for text in english if text not in shown] == [] and "WAIT_PAY" not in shown
    User.objects.filter(pk=operator.pk).update(language="zh-hans")
    chinese = client.get(url).text.replace("&#x27;", "'")
    assert 'lang="zh-hans"' in chinese and [text for text in english if text in chinese] == []


def test_the_mismatch_desk_speaks_the_readers_language(starfall):
    order = shop.new_order(starfall)
    shop.pay(order, ActualPrice=1)
    told = shop.goods_notification(order, Quantity=7)
    told.detail, told.verdict = notes.NO_FIELD % {"field": "OutTradeNo"}, Notification.Verdict.MISMATCH
    told.save()
    with translation.override("zh-hans"):
        (paid,), (unknown,) = lines("payment", starfall), lines("unknown", starfall.superapp)
        assert paid.detail == in_words("ActualPrice: not what the order says.") != "ActualPrice: not what the order says."
        assert unknown.detail == in_words("Payload has no usable OutTradeNo.") != "Payload has no usable OutTradeNo."


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "words"),
    [
        ("state", "SUCCESS", "CLOSED", "State: here Paid, there Closed"),
        ("state", "WAIT_PAY", "PAY_ERROR", "State: here Unpaid, there Failed"),
        ("state", "AUTO_CLOSED", "SOMETHING_NEW", "State: here Expired, there SOMETHING_NEW"),
        ("missing_here", "–", "SUCCESS 990 USD", "Not known here. The superapp says: Paid 990 USD"),
        ("missing_there", "SUCCESS", "–", "Not in the superapp's list. Here: Paid"),
        ("amount", "990 USD", "991 USD", "Amount in minor units: here 990 USD, there 991 USD"),
    ],
)
def test_states_of_the_wire_are_said_in_words(starfall, kind, ours, theirs, words):
    assert difference(kind, ours, theirs) == words
    assert in_words(notes.DIFFERS % {"kind": kind, "ours": ours, "theirs": theirs}) == words
    report = Reconciliation.objects.create(superapp=starfall.superapp, day=timezone.now().date())
    report.differences.create(
        superapp=starfall.superapp, mini_program=starfall, order=place(starfall, "N-1"), kind=kind, app_id=starfall.app_id, env=0,
        out_trade_no="N-1", ours=ours, theirs=theirs,
    )  # fmt: skip
    assert [line.detail for line in lines("reconciled", starfall)] == [words]
