"""The page of an order."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from console.audit import record
from orders import story
from orders.actions.delivery import hold_all, redeliver
from orders.actions.refund import record_refund
from orders.models import Attempt, Delivery, Notification, Order
from orders.story import outcome_sentence, verdict
from orders.views import details
from payments.models import owners_of
from tests.orders import shop
from tests.orders.records import give_back, place
from tests.people import own_role

NOW = timezone.now()
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def order(starfall):
    states = {"payment_state": "paid", "delivery_state": "needs_attention"}
    return place(starfall, "ORDER-1", paid_amount=990, paid_at=timezone.now(), **states)


@pytest.fixture
def delivery(order):
    fields = {"event": "goods", "state": "needs_attention", "body": '{"Payload":"{}"}'}
    return Delivery.objects.create(**owners_of(order.mini_program), order=order, **fields)


@pytest.fixture
def url(order):
    return reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk})


def attempt(delivery, number, outcome, **fields):
    values = {"url": "https://shop.test/push", "started_at": timezone.now() + timedelta(seconds=number)}
    return Attempt.objects.create(delivery=delivery, number=number, outcome=outcome, **(values | fields))


def test_tells_what_happened(client, operator, order, delivery, url):
    attempt(delivery, 1, "refused", status=200, return_code="4001", answer='{"returnCode":"4001"}', durations={"total": 12.5})
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "Paid, but not delivered: all attempts of the schedule failed." in page
    assert "Answered, refused: 4001." in page
    assert "12.5 ms" in page and "https://shop.test/push" in page


def test_the_timeline_tells_the_acknowledgement_to_those_who_see_no_attempts(client, superapp_operator, order, url):
    type(order).objects.filter(pk=order.pk).update(delivery_state="delivered", delivered_at=timezone.now())
    client.force_login(superapp_operator)
    titles = [event["title"] for event in client.get(url).context["events"]]
    assert sorted(titles) == ["Delivered", "Order placed", "Paid"]


def told(client, row) -> list[str]:
    """The titles of the timeline of an order or a refund, in their order."""
    page = "detail" if isinstance(row, Order) else "refund-detail"
    url = reverse(f"orders:{page}", kwargs={"app_id": row.mini_program.app_id, "pk": row.pk})
    return [str(event["title"]) for event in client.get(url).context["events"]]


def test_the_timeline_tells_what_became_of_a_delivery_that_was_never_tried(client, operator, starfall, team_admin):
    shop.open_push(starfall, team_admin, "https://backend.example/push")
    order = shop.new_order(starfall)
    shop.pay(order)
    hold_all(starfall, actor=team_admin)
    record_refund(order=Order.objects.get(), notice=shop.notice(order), actor=shop.SUPERAPP)
    client.force_login(operator)
    assert [title for title in told(client, order) if title.startswith("Delivery")] == [
        "Delivery held: push is off", "Delivery cancelled: refunded before it was delivered",
    ]  # fmt: skip


@pytest.mark.parametrize("person", ["operator", "superapp_operator"])
def test_the_timeline_of_an_order_that_was_held_from_the_start_says_so(client, request, starfall, person):
    order = shop.new_order(starfall)
    shop.pay(order)
    client.force_login(request.getfixturevalue(person))
    assert [title for title in told(client, order) if title.startswith("Delivery")] == [
        "Delivery held: push is off or not configured"
    ]


@pytest.mark.parametrize(
    ("status", "title"), [("FAILED", "Refund R-1 failed"), ("CLOSED", "Refund R-1 closed: it was not carried out")]
)
def test_both_timelines_tell_how_a_refund_ended(client, northlight, starfall, operator, team_admin, status, title):
    order = shop.new_order(starfall)
    shop.pay(order)
    for each in ("PROCESSING", status):
        refund = record_refund(order=Order.objects.get(), notice=shop.notice(order, status=each), actor=shop.SUPERAPP)
    client.force_login(operator)
    assert told(client, order).count(title) == told(client, refund).count(title) == 1
    own_role(operator, northlight, team_admin, "orders.view_order")
    client.force_login(operator)
    assert title not in told(client, order)


def test_the_timeline_of_a_refund_tells_that_it_was_redelivered_by_hand(
    client, senior, starfall, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(story, "ENTRIES_SHOWN", 2)
    order = shop.new_order(starfall)
    refund = give_back(order, "R-1")
    owners = owners_of(starfall)
    sent = Delivery.objects.create(**owners, order=order, refund=refund, event="refund", state="pending", body="{}")
    for _time in range(3):
        redeliver(sent, actor=senior)
    client.force_login(senior)
    with django_assert_max_num_queries(17):
        titles = told(client, refund)
    assert titles.count("Redelivered by hand") == 2
    page = client.get(reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk})).text
    assert "By Sam Senior." in page and "1 older one is left out here." in page


def test_refuses_post(client, operator, url):
    client.force_login(operator)
    assert client.post(url).status_code == 405


def test_is_hidden_from_strangers_and_refused_to_the_approver(client, stranger, approver, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404
    client.force_login(approver)
    assert client.get(url).status_code == 403


def test_an_order_is_not_found_under_another_mini_program(client, stranger, order, harbor_reader):
    client.force_login(stranger)
    for pk in (order.pk, 2**70):
        url = reverse("orders:detail", kwargs={"app_id": harbor_reader.app_id, "pk": pk})
        assert client.get(url).status_code == 404


def test_no_answer_is_something_else_than_a_refusal(delivery):
    sentences = {
        outcome_sentence(attempt(delivery, 1, "no_answer", error="timeout")),
        outcome_sentence(attempt(delivery, 2, "refused", return_code="4001")),
        outcome_sentence(attempt(delivery, 3, "bad_status", status=500)),
        outcome_sentence(attempt(delivery, 4, "bad_body", status=200)),
        outcome_sentence(attempt(delivery, 5, "acknowledged", status=200)),
    }
    assert sentences == {
        "No answer. The address did not answer in time.",
        "Answered, refused: 4001.",
        "Answered with HTTP status 500; 200 is expected.",
        "Answered, but not with a JSON object that has a returnCode.",
        "Acknowledged.",
    }


def test_the_team_sees_the_player_and_what_the_superapp_sent(client, operator, superapp_operator, platform, order, url):
    about = {"superapp": order.superapp, "order": order, "kind": "payment", "out_trade_no": "ORDER-1", "verdict": "accepted"}
    Notification.objects.create(**about, event="e", payload='{"OpenId":"player-0001-abcd"}', pay_event_sig="s")
    client.force_login(operator)
    assert client.get(url).content.decode().count("player-0001-abcd") > 1
    for outsider in (superapp_operator, platform):
        client.force_login(outsider)
        page = client.get(url).content.decode()
        assert "player-0001-abcd" not in page
        assert "pla…abcd" in page


def test_attempts_are_for_those_who_may_view_them(client, superapp_operator, delivery, url):
    attempt(delivery, 1, "bad_status", status=500)
    client.force_login(superapp_operator)
    assert "HTTP status 500" not in client.get(url).content.decode()


def test_who_may_not_redeliver_reads_who_can(client, operator, senior, delivery, url):
    client.force_login(operator)
    page = client.get(url).content.decode()
    assert "Redeliver now</button><span>" in page and "Ask one of those who can: Sam Senior" in page
    client.force_login(senior)
    assert reverse("orders:redeliver", kwargs={"app_id": delivery.mini_program.app_id, "pk": delivery.order_id}) in (
        client.get(url).content.decode()
    )


def test_every_state_has_a_verdict(order):
    for payment, _label in type(order).Payment.choices:
        for delivery, _label in order._meta.get_field("delivery_state").choices:
            row = type(order)(payment_state=payment, delivery_state=delivery, refund_state="refunded")
            assert verdict(row).text


@pytest.mark.parametrize(
    ("alert", "states", "text", "tone"),
    [
        ("payment_mismatch", ("unpaid", "not_due", "none"), "Not paid yet: the player has the payment page in front of them."
         " A payment notification does not fit this order, so nothing was delivered for it.", "danger"),
        ("payment_mismatch", ("paid", "delivered", "none"),
         "Paid and delivered. Another notification of the superapp does not fit this order.", "danger"),
        ("paid_after_closing", ("paid", "held", "none"), "Paid. The delivery is held until delivery push is switched on."
         " It was paid after it had been closed. Deliver it or have it refunded.", "danger"),
        ("paid_after_closing", ("paid", "delivered", "none"), "Paid and delivered. It was paid after it had been closed.",
         "success"),
        ("paid_after_closing", ("paid", "cancelled", "refunded"), "Paid, then refunded before it was delivered."
         " All of the money was refunded. It was paid after it had been closed.", "muted"),
        ("differs_from_superapp", ("paid", "delivered", "none"),
         "Paid and delivered. The superapp's list of transactions says something else about this order.", "danger"),
    ],
)  # fmt: skip
def test_an_alert_does_not_hide_how_the_order_stands(alert, states, text, tone):
    payment, delivery, refund = states
    told = verdict(Order(alert=alert, payment_state=payment, delivery_state=delivery, refund_state=refund))
    assert (told.text, told.tone) == (text, tone)


def test_sentences_follow_each_other_without_a_space_in_chinese(starfall):
    row = Order(alert="paid_after_closing", payment_state="paid", delivery_state="delivered", refund_state="refunded")
    with translation.override("zh-hans"):
        text = verdict(row).text
    assert text.count("。") == 3 and " " not in text


@pytest.mark.parametrize("attempts", [1, 60])
def test_needs_the_same_few_queries_however_often_it_was_tried(
    client, operator, delivery, url, django_assert_max_num_queries, attempts
):
    for number in range(1, attempts + 1):
        attempt(delivery, number, "bad_status", status=500)
    client.force_login(operator)
    with django_assert_max_num_queries(16):
        page = client.get(url).content.decode()
    assert (f"{attempts - 10} older attempts" in page) == (attempts > 10)


def test_of_each_delivery_the_newest_attempts_are_shown_and_the_page_says_how_many_are_left_out(
    client, operator, order, delivery, url, django_assert_max_num_queries
):
    at = timezone.now()
    other = Delivery.objects.create(**owners_of(order.mini_program), order=order, event="closing", body="{}", attempt_number=1)
    attempt(other, 1, "acknowledged", status=200, started_at=at)
    Delivery.objects.filter(pk=delivery.pk).update(attempt_number=205)
    rows = [
        Attempt(delivery=delivery, number=number, outcome="bad_status", status=500, started_at=at + timedelta(hours=number))
        for number in range(1, 206)
    ]
    Attempt.objects.bulk_create(rows)
    client.force_login(operator)
    with django_assert_max_num_queries(17):
        page = client.get(url)
    first, second = page.context["deliveries"]
    assert (first["attempts"][0]["row"].number, first["older"][-1]["row"].number, first["left_out"]) == (205, 6, 5)
    assert ([each["row"].number for each in second["attempts"]], second["left_out"]) == ([1], 0)
    assert "5 older ones are left out here." in page.content.decode()
    titles = [event["title"] for event in page.context["events"] if "ttempt" in event["title"]]
    attempts = [f"Delivery attempt {number}" for number in (202, 203, 204, 205)]
    assert titles == [f"{other.event_name}: attempt 1", "201 more attempts failed", *attempts]


def test_the_newest_notifications_and_entries_are_shown_in_their_order(client, team_admin, order, url, monkeypatch):
    monkeypatch.setattr(details, "NOTIFICATIONS_SHOWN", 2)
    monkeypatch.setattr(story, "ENTRIES_SHOWN", 1)
    told = {"kind": "payment", "event": "e", "out_trade_no": "ORDER-1", "verdict": "duplicate"}
    for number in range(5):
        Notification.objects.create(superapp=order.superapp, order=order, payload=f"{{{number}}}", **told)
        record("orders.order.alert", order, actor=shop.SUPERAPP, note=f"note {number}")
    client.force_login(team_admin)
    page = client.get(url)
    assert [row.payload for row in page.context["notifications"]] == ["{3}", "{4}"]
    assert [event["body"] for event in page.context["events"] if "note" in event["body"]] == ["note 4"]
    text = page.content.decode()
    assert "3 older ones are left out here." in text and "7 older ones are left out here." in text
    history = client.get(page.context["history_url"])
    assert f"?object=orders.order%3A{order.pk}" in text and history.context["listing"].count == 5
    assert "note 0" in history.text, "what is left out is mostly what the system did"
    notifications = next(part for part in page.context["sections"] if part["url"] == "#notifications")
    assert notifications["count"] == 5


def test_a_refund_shows_the_newest_of_its_notifications(client, operator, starfall, monkeypatch):
    monkeypatch.setattr(details, "NOTIFICATIONS_SHOWN", 2)
    order = shop.new_order(starfall)
    refund = give_back(order, "R-1")
    for _time in range(3):
        told = shop.refund_notification(order)
        told.order, told.verdict = order, "duplicate"
        told.save()
    client.force_login(operator)
    page = client.get(reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk}))
    newest = list(Notification.objects.order_by("pk"))[1:]
    assert page.context["notifications"] == newest and "1 older one is left out here." in page.content.decode()


ODD = {
    "created": {},
    "unpaid": {"payment_state": "unpaid", "prepay_id": "pp-1"},
    "closed": {"payment_state": "closed", "closed_at": NOW},
    "expired in the sandbox": {"payment_state": "expired", "closed_at": NOW, "env": 1},
    "standard without an item": {
        "kind": "standard", "product_id": "", "product_name": "", "payment_state": "paid", "paid_at": NOW, "paid_amount": 990,
    },
    "unknown alert": {"alert": "something_new"},
    "nobody's": {"open_id": "", "currency": "HRK", "merchant_no": "", "unit_price": 0},
    "paid without a notification": {"payment_state": "paid", "paid_amount": 990, "delivery_state": "held"},
}  # fmt: skip


@pytest.mark.parametrize("person", ["operator", "team_admin", "superapp_operator", "superadmin"])
@pytest.mark.parametrize("name", ODD)
def test_odd_orders_and_their_refunds_have_pages_for_everybody_who_may_look(client, request, starfall, name, person):
    order = place(starfall, "ODD-1", **ODD[name])
    refund = give_back(order, 'R/1?"<é>', env=order.env, kind=order.kind, cause="", open_id="")
    client.force_login(request.getfixturevalue(person))
    app = {"app_id": starfall.app_id}
    for page, row in (("detail", order), ("refund-detail", refund)):
        answer = client.get(reverse(f"orders:{page}", kwargs={**app, "pk": row.pk}))
        assert answer.status_code == 200
        kept = ["kind=standard"] * (order.kind == "standard") + ["env=1"] * order.env
        assert answer.context["back_url"].partition("?")[2] == "&".join(kept)
        current = [entry["url"] for section in answer.context["nav"] for entry in section["entries"] if entry["current"]]
        assert [url.partition("?")[2] for url in current] == ["kind=standard" if order.kind == "standard" else ""]


@pytest.mark.parametrize("number", ["R-1", 'R/1?"<é>', "退款\\1"])
def test_a_refund_has_its_own_notifications_however_their_numbers_are_written(client, operator, starfall, number):
    order = shop.new_order(starfall)
    refund = give_back(order, number)
    payloads = [
        json.dumps({"RefundNo": number}), json.dumps({"RefundNo": number}, ensure_ascii=False).replace("/", "\\/"),
        json.dumps({"RefundNo": "R-2", "RefundReason": number}), "", "[1]", '{"RefundNo": 1}', f'{{"x": 1.5, "y": "{number}"',
        "[" * 5000,
    ]  # fmt: skip
    for payload in payloads:
        told = shop.refund_notification(order)
        told.order, told.payload, told.verdict = order, payload, "accepted"
        told.save()
    client.force_login(operator)
    page = client.get(reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk}))
    assert [row.payload for row in page.context["notifications"]] == payloads[:2]


def test_a_refund_of_a_standard_payment_has_its_notifications_too(client, operator, starfall):
    order = shop.new_order(starfall, kind="standard")
    refund = give_back(order, "退款", kind="standard")
    told = shop.refund_notification(order)
    told.order, told.event, told.verdict = order, "REFUND.SUCCESS", "accepted"
    told.payload = json.dumps({"event_type": "REFUND.SUCCESS", "resource": {"out_refund_no": "退款"}})
    told.save()
    client.force_login(operator)
    page = client.get(reverse("orders:refund-detail", kwargs={"app_id": starfall.app_id, "pk": refund.pk}))
    assert list(page.context["notifications"]) == [told]


def test_refunds_are_for_those_who_may_view_them(client, northlight, starfall, operator, team_admin):
    shop.open_push(starfall, team_admin, "https://backend.example/push")
    order = shop.new_order(starfall)
    shop.pay(order)
    told = shop.refund_notification(order)
    told.payload = '{ "RefundNo": "R-777" }'
    notice = shop.notice(order, "R-777", amount=123, cause="Bought twice")
    record_refund(order=Order.objects.get(), notice=notice, actor=shop.SUPERAPP, notification=told)
    page_of = reverse("orders:detail", kwargs={"app_id": starfall.app_id, "pk": order.pk})
    client.force_login(operator)
    page = client.get(page_of).content.decode()
    assert all(text in page for text in ("R-777", "USD -1.23", "Bought twice", "Delivery: Refund"))
    own_role(operator, northlight, team_admin, "orders.view_order", "orders.view_attempt")
    client.force_login(operator)
    page = client.get(page_of)
    text = page.content.decode()
    assert not any(told in text for told in ("R-777", "1.23", "Bought twice", "Delivery: Refund"))
    assert [part["url"] for part in page.context["sections"]] == ["#happened", "#deliveries", "#notifications", "#facts"]
    assert sorted(sum(page.context["resting"].values(), [])) == ["Redeliver now", "Refunds of this order"]


def test_each_part_of_the_page_has_an_address_of_its_own(client, operator, superapp_operator, order, url):
    told = {"kind": "payment", "event": "e", "payload": "{}", "out_trade_no": "ORDER-1", "verdict": "accepted"}
    Notification.objects.create(superapp=order.superapp, order=order, **told)
    client.force_login(operator)
    page = client.get(url)
    assert [part["url"] for part in page.context["sections"]] == ["#happened", "#deliveries", "#notifications", "#facts"]
    assert all(f'id="{part["url"][1:]}"' in page.content.decode() for part in page.context["sections"])
    client.force_login(superapp_operator)
    assert [part["url"] for part in client.get(url).context["sections"]] == ["#happened", "#facts"]
