"""Settling cases of the mismatch desk, and putting them back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import AuditEntry
from orders.actions import delivery as deliveries
from orders.actions import mismatch
from orders.actions.price_refusal import count_refusal
from orders.mismatches import CASES, count, open_rows, settled_rows
from orders.models import Delivery, Notification, PriceRefusal, Settlement
from payments.models import DeliveryConfig, owners_of
from tests.orders import shop
from tests.orders.records import place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
UNDELIVERED, UNKNOWN, PRICE, HELD, PAYMENT, WAITING = (
    next(case for case in CASES if case.name == name)
    for name in ("undelivered", "unknown", "price", "held", "payment", "waiting")
)
PAID = {"payment_state": "paid", "paid_amount": 990, "delivery_state": "needs_attention"}


@pytest.fixture
def order(starfall):
    return place(starfall, "WRONG", **PAID)


@pytest.fixture
def told(starfall):
    """A notification without an order."""
    row = shop.goods_notification(shop.new_order(starfall))
    row.out_trade_no, row.verdict = "NOWHERE", Notification.Verdict.UNKNOWN_ORDER
    row.save()
    return row


def url(page, program, **query):
    found = reverse(f"orders:{page}", kwargs={"app_id": program.app_id})
    return found + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def entries():
    rows = AuditEntry.objects.filter(verb__startswith="orders.mismatch").order_by("pk")
    return [(row.verb.rpartition(".")[2], row.object_label, row.note) for row in rows]


def test_a_settled_case_leaves_the_desk_with_a_note(client, senior, starfall, order):
    place(starfall, "OTHER", **PAID)
    client.force_login(senior)
    settle = url("mismatch-settle", starfall, case="undelivered", ids=order.pk)
    assert "WRONG" in client.get(settle).content.decode() and not Settlement.objects.exists()
    assert client.post(settle, {"note": " Sent by hand. "}).status_code == 302
    desk = client.get(url("mismatches", starfall, case="undelivered")).content.decode()
    assert "OTHER" in desk and "WRONG" not in desk and "Show what was settled (1)" in desk
    settled = client.get(url("mismatches", starfall, case="undelivered", show="settled")).content.decode()
    assert "WRONG" in settled and "Sent by hand." in settled and str(senior) in settled and "OTHER" not in settled
    assert entries() == [("settle", "WRONG", "Sent by hand.")]


def test_it_can_be_put_back(client, senior, starfall, order):
    mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Sent by hand.", actor=senior)
    client.force_login(senior)
    ticked = {"case": "undelivered", "ids": order.pk}
    assert client.get(url("mismatch-reopen", starfall)).status_code == 405
    for expected in ("1 case is on the desk again.", "Nothing was selected"):
        page = client.post(url("mismatch-reopen", starfall), ticked, follow=True)
        assert expected in page.content.decode() and "WRONG" in page.content.decode()
    assert [verb for verb, _label, _note in entries()] == ["settle", "reopen"]


def test_settling_twice_changes_nothing(client, senior, team_admin, starfall, order):
    assert mismatch.settle(UNDELIVERED, starfall, [order.pk], note="First.", actor=senior) == 1
    with pytest.raises(WrongState, match=f"already settled by {senior} at"):
        mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Second.", actor=team_admin)
    client.force_login(team_admin)
    answer = client.post(url("mismatch-settle", starfall, case="undelivered", ids=order.pk), {"note": "Third."}, follow=True)
    assert f"already settled by {senior} at" in answer.content.decode()
    assert (Settlement.objects.get().note, len(entries())) == ("First.", 1)


def test_without_a_note_nothing_is_settled_and_what_was_ticked_stays(client, senior, starfall, order):
    client.force_login(senior)
    for note in ("", "  ", "x" * 501):
        answer = client.post(url("mismatch-settle", starfall, case="undelivered", ids=order.pk), {"note": note})
        assert answer.status_code == 422 and "WRONG" in answer.content.decode()
    with pytest.raises(Refused):
        mismatch.settle(UNDELIVERED, starfall, [order.pk], note="\n", actor=senior)
    assert not Settlement.objects.exists()


def test_ids_of_others_and_nonsense_settle_nothing(client, senior, starfall, harbor_reader, order):
    theirs = place(harbor_reader, "THEIRS", **PAID)
    fine = place(starfall, "FINE", payment_state="paid", paid_amount=990, delivery_state="delivered")
    assert mismatch.settle(UNDELIVERED, starfall, [theirs.pk, fine.pk], note="Mine.", actor=senior) == 0
    client.force_login(senior)
    for ids in ("", "x", "-1", "9" * 30, theirs.pk):
        assert client.get(url("mismatch-settle", starfall, case="undelivered", ids=ids)).status_code == 302
    for case in ("", "nothing", "unknown"):
        assert client.get(url("mismatch-settle", starfall, case=case, ids=order.pk)).status_code == 302
    assert not Settlement.objects.exists()


@pytest.mark.parametrize(
    ("person", "error"),
    [("operator", Forbidden), ("developer", Forbidden), ("superapp_admin", Forbidden), ("stranger", Invisible)],
)
def test_a_teams_cases_are_settled_by_those_who_may_redeliver(client, starfall, order, senior, person, error, request):
    who = request.getfixturevalue(person)
    with pytest.raises(error):
        mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Mine.", actor=who)
    mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Mine.", actor=senior)
    with pytest.raises(error):
        mismatch.reopen(UNDELIVERED, starfall, [order.pk], actor=who)
    assert Settlement.objects.count() == 1


def test_who_may_not_settle_reads_who_can(client, operator, senior, starfall, order):
    client.force_login(operator)
    page = client.get(url("mismatches", starfall)).content.decode()
    assert "Ask one of those who can:" in page and str(senior) in page and 'name="ids"' not in page
    mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Mine.", actor=senior)
    page = client.get(url("mismatches", starfall, case="undelivered", show="settled"))
    assert list(page.context["resting"].values()) == [["Put back on the desk"]], "what would stand on this page"


def test_the_superapps_cases_are_settled_by_its_admin_only(client, superapp_admin, superapp_operator, starfall, told):
    orbit = starfall.superapp
    with pytest.raises(Forbidden):
        mismatch.settle(UNKNOWN, orbit, [told.pk], note="Theirs.", actor=superapp_operator)
    client.force_login(superapp_admin)
    settle = reverse("orders:superapp-mismatch-settle", kwargs={"superapp": orbit.code})
    assert client.post(f"{settle}?case=unknown&ids={told.pk}", {"note": "Of another superapp."}).status_code == 302
    assert (count(open_rows(UNKNOWN, orbit)), count(settled_rows(UNKNOWN, orbit))) == (0, 1)
    assert entries() == [("settle", "NOWHERE", "Of another superapp.")]
    assert client.get(f"{settle}?case=undelivered&ids=1").status_code == 302
    reopen = reverse("orders:superapp-mismatch-reopen", kwargs={"superapp": orbit.code})
    client.post(reopen, {"case": "unknown", "ids": told.pk})
    assert count(open_rows(UNKNOWN, orbit)) == 1


def test_a_teams_case_is_settled_on_the_superapps_desk_too_but_not_by_the_superapp(starfall, senior, superapp_admin, order):
    with pytest.raises(Forbidden):
        mismatch.settle(UNDELIVERED, starfall.superapp, [order.pk], note="Ours.", actor=superapp_admin)
    mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Mine.", actor=senior)
    assert count(open_rows(UNDELIVERED, starfall.superapp)) == 0
    with pytest.raises(Forbidden):
        mismatch.reopen(UNDELIVERED, starfall.superapp, [order.pk], actor=superapp_admin)


def test_a_price_that_is_refused_again_is_on_the_desk_again(starfall, senior):
    def refuse():
        owners = {"mini_program_id": starfall.pk, "team_id": starfall.team_id, "superapp_id": starfall.superapp_id}
        count_refusal(owners, product_id="gem", asked=(1, "USD"), priced=(990, "USD"), out_trade_no="N-1")

    refuse()
    row = PriceRefusal.objects.get()
    for settled in range(2):
        assert mismatch.settle(PRICE, starfall, [row.pk], note=f"Told the game team, {settled}.", actor=senior) == 1
        assert count(open_rows(PRICE, starfall)) == 0
        refuse()
        assert (count(open_rows(PRICE, starfall)), count(settled_rows(PRICE, starfall))) == (1, 0)
    assert Settlement.objects.get().note == "Told the game team, 1."


def test_an_order_that_is_redelivered_and_fails_again_is_on_the_desk_again(starfall, senior, order):
    row = Delivery.objects.create(**owners_of(starfall), order=order, event="goods", body="{}", state="needs_attention")
    mismatch.settle(UNDELIVERED, starfall, [order.pk], note="Refunded.", actor=senior)
    deliveries.redeliver(row, actor=senior)
    assert not Settlement.objects.exists()


def test_an_order_that_waits_and_is_redelivered_is_on_the_desk_again(starfall, senior):
    at = timezone.now() - timedelta(days=2)
    order = place(starfall, "WAITS", **PAID | {"delivery_state": "pending"}, created_at=at, paid_at=at)
    row = Delivery.objects.create(**owners_of(starfall), order=order, event="goods", body="{}", state="pending")
    mismatch.settle(WAITING, starfall, [order.pk], note="They repair it.", actor=senior)
    assert count(open_rows(WAITING, starfall)) == 0
    deliveries.redeliver(row, actor=senior)
    assert count(open_rows(WAITING, starfall)) == 1


def test_an_order_that_is_held_again_is_on_the_desk_again(starfall, team_admin, senior):
    shop.open_push(starfall, team_admin, "https://backend.example/push", enabled=False)
    order = shop.new_order(starfall)
    shop.pay(order)
    mismatch.settle(HELD, starfall, [order.pk], note="Waits for the release.", actor=senior)
    assert count(open_rows(HELD, starfall)) == 0
    DeliveryConfig.objects.update(enabled=True)
    assert deliveries.resume_all(starfall, actor=team_admin) == 1
    assert deliveries.hold_all(starfall, actor=team_admin) == 1
    assert (count(open_rows(HELD, starfall)), count(settled_rows(HELD, starfall))) == (1, 0)


def test_a_payment_that_is_told_otherwise_wrong_is_on_the_desk_again_and_a_repetition_is_not(starfall, senior):
    order = shop.new_order(starfall)
    shop.pay(order, ActualPrice=1)
    mismatch.settle(PAYMENT, starfall, [order.pk], note="Asked the superapp.", actor=senior)
    assert shop.pay(order, ActualPrice=1) == "mismatch"  # the superapp repeats what was refused
    assert count(open_rows(PAYMENT, starfall)) == 0
    assert shop.pay(order, ActualPrice=2) == "mismatch"
    assert (count(open_rows(PAYMENT, starfall)), count(settled_rows(PAYMENT, starfall))) == (1, 0)


def test_more_lines_cost_no_more_queries(client, senior, starfall, django_assert_max_num_queries):
    orders = [place(starfall, f"ORDER-{number}", **PAID) for number in range(30)]
    mismatch.settle(UNDELIVERED, starfall, [order.pk for order in orders[:20]], note="Sent by hand.", actor=senior)
    client.force_login(senior)
    for show in ("", "settled"):
        with django_assert_max_num_queries(26):
            assert "ORDER-" in client.get(url("mismatches", starfall, case="undelivered", show=show)).content.decode()
    with django_assert_max_num_queries(22):
        mismatch.settle(UNDELIVERED, starfall, [order.pk for order in orders[20:]], note="Sent by hand.", actor=senior)
