"""The mismatch desk: every case in words, where it belongs and nowhere else."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.errors import Forbidden
from orders import mismatch_lines
from orders.actions import mismatch
from orders.actions.price_refusal import count_refusal
from orders.actions.refund import record_refund
from orders.errors import OrderError
from orders.mismatches import CASES, cases_of, count, open_rows
from orders.models import Attempt, Delivery, Notification, Order, Reconciliation, Settlement
from payments.models import owners_of
from tests.orders import shop
from tests.orders.records import place
from tests.people import own_role

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


def test_what_waits_for_a_delivery_for_a_day_is_a_case(starfall):
    ago = {hours: timezone.now() - timedelta(hours=hours) for hours in (1, 23, 25)}
    order = place(starfall, "WRONG", **PAID, delivery_state="pending", created_at=ago[25], paid_at=ago[25])
    place(starfall, "YOUNG", **PAID, delivery_state="pending", created_at=ago[23], paid_at=ago[23])
    place(starfall, "PAID-LATER", **PAID, delivery_state="pending", created_at=ago[25], paid_at=ago[1])
    place(starfall, "FINE", **PAID, delivery_state="delivered", created_at=ago[25], paid_at=ago[25])
    sent = Delivery.objects.create(**owners_of(starfall), order=order, event="goods", body="{}", attempt_number=9)
    Attempt.objects.create(delivery=sent, number=9, outcome="bad_status", status=502, url="", started_at=ago[1])
    assert counted(starfall) == {"waiting": 1}
    (line,) = lines("waiting", starfall)
    assert (line.number, line.detail) == ("WRONG", "Attempt 9: Answered with HTTP status 502; 200 is expected.")


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


def test_an_order_whose_right_payment_came_is_no_case(starfall):
    order = shop.new_order(starfall)
    shop.pay(order, ActualPrice=1)
    shop.pay(order)
    assert "payment" not in counted(starfall)


def test_a_late_payment_that_is_told_wrongly_too_is_both_cases(client, operator, starfall):
    order = shop.new_order(starfall)
    Order.objects.update(payment_state="closed")
    assert [shop.pay(order), shop.pay(order, ActualPrice=1)] == ["accepted", "mismatch"]
    Order.objects.update(delivery_state="delivered")
    assert counted(starfall) == {"late": 1, "payment": 1}
    assert "ActualPrice" in lines("payment", starfall)[0].detail and "paid" in lines("late", starfall)[0].detail
    client.force_login(operator)
    page = client.get(lines("late", starfall)[0].url).content.decode()
    assert "It was paid after it had been closed. Another notification of the superapp does not fit this order." in page
    record_refund(order=Order.objects.get(), notice=shop.notice(order), actor=shop.SUPERAPP)
    assert counted(starfall) == {"refunded": 1, "payment": 1}


def test_a_late_payment_is_a_case_until_all_of_it_is_refunded(starfall):
    order = shop.new_order(starfall)
    Order.objects.update(payment_state="closed")
    shop.pay(order)
    Order.objects.update(delivery_state="delivered")
    assert counted(starfall) == {"late": 1}
    record_refund(order=Order.objects.get(), notice=shop.notice(order), actor=shop.SUPERAPP)
    assert counted(starfall) == {"refunded": 1}


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


def test_a_refused_refund_that_is_repeated_is_one_case(starfall):
    order = shop.new_order(starfall)
    shop.pay(order)
    order = Order.objects.get()
    for number in ("R-1", "R-1", "R-2", "R-1", "R-2"):
        told = shop.refund_notification(order)
        told.payload = f'{{"RefundNo": "{number}"}}'
        with pytest.raises(OrderError) as refused:
            record_refund(order=order, notice=shop.notice(order, number, amount=1981), notification=told, actor=shop.SUPERAPP)
        assert refused.value.code == "REFUND_EXCEEDS_PAID"
    verdicts = Notification.objects.filter(kind="refund").order_by("pk").values_list("verdict", flat=True)
    assert list(verdicts) == ["mismatch", "duplicate", "mismatch", "duplicate", "duplicate"]
    assert counted(starfall)["above_paid"] == 2


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
    with django_assert_max_num_queries(23):
        page = client.get(url).content.decode()
    assert "ORDER-29" in page


@pytest.fixture
def three_a_page(monkeypatch):
    monkeypatch.setattr(mismatch_lines, "SHOWN", 3)


def numbers(page):
    return [line.number for line in page.context["lines"]]


@pytest.mark.parametrize("show", ["", "&show=settled"])
def test_all_rows_of_a_case_are_reached_page_by_page_and_back(client, operator, senior, starfall, url, show, three_a_page):
    at = timezone.now()
    orders = [
        place(starfall, f"N-{number}", **PAID, delivery_state="needs_attention", created_at=at - timedelta(hours=number // 2))
        for number in range(8)
    ]
    if show:
        for order in orders:
            mismatch.settle(case("undelivered"), starfall, [order.pk], note="Refunded.", actor=senior)
    wanted = [order.out_trade_no for order in sorted(orders, key=lambda order: (order.created_at, order.pk), reverse=True)]
    client.force_login(operator)
    page = client.get(f"{url}?case=undelivered{show}")
    seen = [numbers(page)]
    while following := page.context["pages"]["next"]:
        assert f'href="{following.replace("&", "&amp;")}"' in page.content.decode()
        page = client.get(following)
        seen.append(numbers(page))
    assert seen == [wanted[:3], wanted[3:6], wanted[6:]]
    page = client.get(page.context["pages"]["previous"])
    assert numbers(page) == wanted[3:6]
    page = client.get(page.context["pages"]["previous"])
    assert numbers(page) == wanted[:3] and not page.context["pages"]["previous"]
    page = client.get(f"{url}?case=undelivered{show}&after={orders[3].pk}")
    assert numbers(client.get(page.context["pages"]["first"])) == wanted[:3]


def test_price_refusals_and_differences_have_pages(starfall, three_a_page):
    report = Reconciliation.objects.create(superapp=starfall.superapp, day=timezone.now().date())
    for number in range(5):
        owners = {"mini_program_id": starfall.pk, "team_id": starfall.team_id, "superapp_id": starfall.superapp_id}
        count_refusal(owners, product_id=f"gem-{number}", asked=(1, "USD"), priced=(990, "USD"), out_trade_no="N-1")
        report.differences.create(
            superapp=starfall.superapp, mini_program=starfall, kind="amount", app_id=starfall.app_id, env=0,
            out_trade_no=f"N-{number}",
        )  # fmt: skip
    for name in ("price", "reconciled"):
        first = mismatch_lines.page(case(name), open_rows(case(name), starfall))
        second = mismatch_lines.page(case(name), open_rows(case(name), starfall), after=first.next)
        back = mismatch_lines.page(case(name), open_rows(case(name), starfall), before=second.previous)
        assert (len(first.lines), len(second.lines), second.next) == (3, 2, 0)
        assert back.lines == first.lines and not back.previous
        assert len({line.pk for line in first.lines + second.lines}) == 5


@pytest.mark.parametrize("place_named", ["after=999999999", "before=999999999"])
def test_a_place_that_is_gone_is_told_and_nonsense_is_the_first_page(client, operator, starfall, url, place_named):
    place(starfall, "WRONG", **PAID, delivery_state="needs_attention")
    client.force_login(operator)
    page = client.get(f"{url}?case=undelivered&{place_named}")
    assert numbers(page) == ["WRONG"] and "this is the first page" in page.content.decode()
    for nonsense in ("x", "-1", "9" * 40):
        assert numbers(client.get(f"{url}?case=undelivered&after={nonsense}")) == ["WRONG"]


def test_the_rest_of_a_page_that_was_settled_meanwhile_is_the_first_page(client, operator, senior, starfall, url, three_a_page):
    orders = [place(starfall, f"N-{number}", **PAID, delivery_state="needs_attention") for number in range(4)]
    client.force_login(operator)
    following = client.get(f"{url}?case=undelivered").context["pages"]["next"]
    mismatch.settle(case("undelivered"), starfall, [orders[0].pk], note="Refunded.", actor=senior)
    assert numbers(client.get(following)) == ["N-3", "N-2", "N-1"]


def test_on_the_desk_of_the_superapp_it_is_said_that_the_team_settles(client, superapp_admin, superapp_operator, starfall):
    place(starfall, "WRONG", **PAID, delivery_state="needs_attention")
    desk = reverse("orders:superapp-mismatches", kwargs={"superapp": starfall.superapp.code})
    for person in (superapp_admin, superapp_operator):
        client.force_login(person)
        page = client.get(desk).content.decode()
        assert "What belongs to a mini program is settled by its team." in page and "Settle them" not in page


def signed_wrongly(order):
    told = shop.goods_notification(order, "another key")
    told.verdict = Notification.Verdict.BAD_SIGNATURE
    told.save()
    return told


def test_what_is_signed_wrongly_is_on_the_desk_of_the_superapp_with_the_order_it_names(
    client, superapp_admin, operator, starfall, harbor_reader
):
    orbit, order = starfall.superapp, shop.new_order(starfall)
    told = signed_wrongly(order)
    signed_wrongly(shop.new_order(harbor_reader, "TWICE"))
    shop.new_order(starfall, "TWICE")
    assert counted(orbit) == {"signature": 2} and "signature" not in [one.name for one in cases_of(starfall)]
    twice, line = lines("signature", orbit)
    assert (line.number, line.program, line.amount) == (order.out_trade_no, starfall.name, "USD 19.80")
    assert line.detail == "Payment. The order of this number: Unpaid."
    assert (twice.number, twice.program, twice.url) == ("TWICE", "", "") and "cannot be told" in twice.detail
    client.force_login(superapp_admin)
    page = client.get(reverse("orders:superapp-mismatches", kwargs={"superapp": orbit.code})).content.decode()
    assert line.url in page and "signed with another key" in page
    assert mismatch.settle(case("signature"), orbit, [told.pk], note="The key was renewed.", actor=superapp_admin) == 1
    assert counted(orbit) == {"signature": 1}
    told.refresh_from_db()
    assert (told.order, Order.objects.get(pk=order.pk).payment_state) == (None, "unpaid")


@pytest.mark.parametrize(("person", "status"), [("stranger", 404), ("approver", 403)])
def test_nobody_else_sees_the_desk(client, url, person, status, request):
    client.force_login(request.getfixturevalue(person))
    assert client.get(url).status_code == status


@pytest.fixture
def orders_alone(operator, northlight, team_admin):
    """The operator in a role that views and redelivers orders, and views no refunds."""
    own_role(operator, northlight, team_admin, "orders.view_order", "orders.view_attempt", "orders.redeliver")
    return operator


@pytest.fixture
def refused_refund(starfall, team_admin):
    """A refund of more than was paid, which is a case of the desk."""
    shop.open_push(starfall, team_admin, "https://backend.example/push")
    order = shop.new_order(starfall)
    shop.pay(order)
    order = Order.objects.get()
    with pytest.raises(OrderError):
        told = shop.refund_notification(order)
        record_refund(order=order, notice=shop.notice(order, amount=9_999), actor=shop.SUPERAPP, notification=told)
    return Notification.objects.get(verdict="mismatch")


def test_cases_of_refunds_are_for_those_who_may_view_refunds(client, orders_alone, senior, starfall, url, refused_refund):
    home = reverse("orders:home", kwargs={"app_id": starfall.app_id})
    for person, is_shown in ((senior, True), (orders_alone, False)):
        client.force_login(person)
        page = client.get(f"{url}?case=above_paid").content.decode()
        assert ("99.99" in page) == is_shown and ("Refund above what was paid" in page) == is_shown
        assert ("Refund above what was paid" in client.get(home).content.decode()) == is_shown


def test_who_may_not_view_refunds_settles_none(client, orders_alone, starfall, url, refused_refund):
    client.force_login(orders_alone)
    settle = reverse("orders:mismatch-settle", kwargs={"app_id": starfall.app_id})
    client.post(f"{settle}?case=above_paid&ids={refused_refund.pk}", {"note": "Not mine."})
    assert not Settlement.objects.exists()
    with pytest.raises(Forbidden):
        mismatch.settle(case("above_paid"), starfall, [refused_refund.pk], note="Not mine.", actor=orders_alone)


def test_the_delivery_log_shows_pushes_of_refunds_to_those_who_may_view_refunds(
    client, orders_alone, senior, starfall, team_admin
):
    shop.open_push(starfall, team_admin, "https://backend.example/push")
    order = shop.new_order(starfall)
    shop.pay(order)
    order = Order.objects.get()
    record_refund(order=order, notice=shop.notice(order), actor=shop.SUPERAPP, notification=shop.refund_notification(order))
    for row in Delivery.objects.all():
        tried = {"number": 1, "started_at": timezone.now(), "url": "https://backend.example/push"}
        Attempt.objects.create(delivery=row, mini_program=starfall, outcome="acknowledged", **tried)
    log = reverse("orders:push-log", kwargs={"app_id": starfall.app_id})
    for person, events in ((senior, {"goods", "refund"}), (orders_alone, {"goods"})):
        client.force_login(person)
        assert {row.delivery.event for row in client.get(log).context["attempts"]} == events
