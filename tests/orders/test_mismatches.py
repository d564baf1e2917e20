"""The mismatch desk: every case in words, where it belongs and nowhere else."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orders import mismatch_lines
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.mismatches import CASES, cases_of, count, open_rows
from orders.models import Attempt, Delivery, Notification, Order, Reconciliation
from payments.models import owners_of
from tests.orders import shop
from tests.orders.records import place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
PAID = {"payment_state": "paid", "paid_amount": 990}


def case(name):
    return next(case for case in CASES if case.name == name)


def lines(name, place):
    return mismatch_lines.lines(case(name), open_rows(case(name), place))


def counted(place):
    """The cases that have something, with how many."""
    counts = {one.name: count(open_rows(one, place)) for one in cases_of(place)}
    return {name: number for name, number in counts.items() if number}


@pytest.fixture
def url(starfall):
    return reverse("orders:mismatches", kwargs={"app_id": starfall.app_id})


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("undelivered", {"delivery_state": "needs_attention"}),
        ("held", {"delivery_state": "held"}),
        ("refunded", {"delivery_state": "delivered", "refund_state": "refunded", "refunded_amount": 990}),
        ("late", {"alert": "paid_after_closing"}),
    ],
)
def test_an_order_stands_in_the_one_case_it_is(client, operator, starfall, harbor_reader, url, name, fields):
    place(starfall, "WRONG", **PAID, **fields)
    place(starfall, "FINE", **PAID, delivery_state="delivered")
    place(starfall, "SANDBOX", **PAID, **fields, env=1)
    place(starfall, "LONG-AGO", **PAID, **fields, created_at=timezone.now() - timedelta(days=91))
    place(harbor_reader, "THEIRS", **PAID, **fields)
    assert counted(starfall) == {name: 1}
    assert [line.number for line in lines(name, starfall)] == ["WRONG"]
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "WRONG" in page and "THEIRS" not in page and str(case(name).next_step) in page


def test_what_the_superapps_list_says_otherwise_is_a_case(client, operator, starfall, harbor_reader, url):
    today = timezone.now().date()
    for day, env, program in ((0, 0, starfall), (0, 1, starfall), (92, 0, starfall), (1, 0, harbor_reader)):
        report, _made = Reconciliation.objects.get_or_create(superapp=starfall.superapp, day=today - timedelta(days=day))
        order = place(program, f"N-{day}-{env}", **PAID, env=env)
        report.differences.create(
            superapp=starfall.superapp, mini_program=program, order=order, kind="amount", app_id=program.app_id, env=env,
            out_trade_no=order.out_trade_no, ours="990 USD", theirs="991 USD",
        )  # fmt: skip
    assert counted(starfall) == {"reconciled": 1}
    (line,) = lines("reconciled", starfall)
    assert (line.number, line.detail) == ("N-0-0", "Amount in minor units: here 990 USD, there 991 USD")
    client.force_login(operator)
    assert line.url in client.get(url).content.decode()


def test_what_is_not_delivered_says_what_the_last_attempt_came_to(starfall):
    order = place(starfall, "WRONG", **PAID, delivery_state="needs_attention")
    sent = Delivery.objects.create(**owners_of(starfall), order=order, event="goods", body="{}", attempt_number=16)
    for number, outcome in ((15, "no_answer"), (16, "bad_status")):
        Attempt.objects.create(delivery=sent, number=number, outcome=outcome, status=502, url="", started_at=timezone.now())
    assert lines("undelivered", starfall)[0].detail == "Attempt 16: Answered with HTTP status 502; 200 is expected."


def test_what_was_paid_after_closing_says_when(starfall):
    at = timezone.now().replace(hour=12, minute=30)
    times = {"closed_at": at, "paid_at": at + timedelta(minutes=2), "alert": "paid_after_closing"}
    place(starfall, "LATE", **PAID, **times)
    detail = lines("late", starfall)[0].detail
    assert "12:30" in detail and "12:32" in detail


def test_a_payment_of_another_price_says_what_differs(starfall):
    order = shop.new_order(starfall)
    assert shop.pay(order, ActualPrice=1) == "mismatch"
    (line,) = lines("payment", starfall)
    assert line.number == order.out_trade_no and "ActualPrice" in line.detail


@pytest.mark.parametrize(
    ("name", "told", "detail"),
    [
        ("above_paid", {"amount": 1981}, "USD 19.81, more would be refunded than was paid: USD 19.80, of which USD 0.00 before"),
        ("refund", {"currency": "JPY"}, "not in USD"),
        ("refund", {"open_id": "somebody else"}, "OpenId is that of the order"),
    ],
)
def test_a_refused_refund_is_told_and_changes_nothing(starfall, name, told, detail):
    order = shop.new_order(starfall)
    shop.pay(order)
    order = Order.objects.get()
    with pytest.raises(OrderError):
        record_refund(
            order=order, notice=shop.notice(order, **told), notification=shop.refund_notification(order), actor=shop.SUPERAPP
        )
    assert counted(starfall)[name] == 1 and not {"above_paid", "refund"} - {name} & set(counted(starfall))
    (line,) = lines(name, starfall)
    assert line.number == order.out_trade_no and detail in line.detail
    assert Order.objects.get().refunded_amount == 0


def test_what_belongs_to_no_order_is_on_the_desk_of_the_superapp(client, superapp_operator, starfall):
    order = shop.new_order(starfall)
    told = shop.goods_notification(order)
    told.out_trade_no, told.verdict = "NOWHERE", Notification.Verdict.UNKNOWN_ORDER
    told.save()
    assert "unknown" not in [one.name for one in cases_of(starfall)]
    client.force_login(superapp_operator)
    page = client.get(reverse("orders:superapp-mismatches", kwargs={"superapp": starfall.superapp.code})).content.decode()
    assert "NOWHERE" in page


def test_what_cannot_be_read_is_on_it_too(starfall):
    told = shop.goods_notification(shop.new_order(starfall))
    told.out_trade_no, told.verdict, told.detail = "", Notification.Verdict.MISMATCH, "Payload has no OutTradeNo."
    told.save()
    assert counted(starfall.superapp) == {"unknown": 1}
    assert lines("unknown", starfall.superapp)[0].detail == "Payload has no OutTradeNo."


def test_the_home_page_counts_them_and_leads_to_them(client, operator, starfall, url):
    place(starfall, "WRONG", **PAID, delivery_state="needs_attention")
    client.force_login(operator)
    page = client.get(reverse("orders:home", kwargs={"app_id": starfall.app_id})).content.decode()
    assert f"{url}?case=undelivered" in page


def test_more_rows_cost_no_more_queries(client, operator, starfall, url, django_assert_max_num_queries):
    for number in range(30):
        place(starfall, f"ORDER-{number}", **PAID, delivery_state="needs_attention")
    client.force_login(operator)
    with django_assert_max_num_queries(22):
        page = client.get(url).content.decode()
    assert "ORDER-29" in page


@pytest.mark.parametrize(("person", "status"), [("stranger", 404), ("approver", 403)])
def test_nobody_else_sees_the_desk(client, url, person, status, request):
    client.force_login(request.getfixturevalue(person))
    assert client.get(url).status_code == status
