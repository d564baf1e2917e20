"""Each mismatch as it comes about: told to openServer by its parties, then met by people on the desk and on the other pages."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.urls import reverse
from django.utils import timezone

from orders.models import Delivery, Order
from payments.models import DeliveryConfig, owners_of
from tests.openserver import standard
from tests.openserver.conftest import GOODS_EVENT, Shop
from tests.orders.shop import dispatch

pytestmark = pytest.mark.django_db(transaction=True)
ACKNOWLEDGED = {"returnCode": "0", "returnMessage": "", "data": "OK", "requestId": "1"}


@pytest.fixture
def receiver(shop, httpserver, team_admin):
    """The developer's backend: it acknowledges unless a test says otherwise."""
    url = httpserver.url_for("/push")
    DeliveryConfig.objects.create(**owners_of(shop.program), url=url, enabled=True, saved_by=team_admin)
    return httpserver


def bought(shop: Shop, number: str = "N-1") -> None:
    assert shop.place(data=shop.sign_data(outTradeNo=number)).code == "0"
    assert shop.notify_paid(number).code == "0"


def not_delivered(shop: Shop, receiver) -> None:
    receiver.expect_request("/push").respond_with_data("down", status=500)
    bought(shop)
    Delivery.objects.update(first_due_at=timezone.now() - timedelta(days=31))  # its schedule of 30 days is over
    dispatch()


def refunded_but_delivered(shop: Shop, receiver) -> None:
    receiver.expect_request("/push").respond_with_json(ACKNOWLEDGED)
    bought(shop)
    dispatch()
    assert shop.notify_refund("N-1").code == "0"


def price_refused(shop: Shop, receiver) -> None:
    for _time in range(2):
        assert shop.place(data=shop.sign_data(outTradeNo="N-1", goodsPrice=1)).code == "PRICE_MISMATCH"


def refund_above_paid(shop: Shop, receiver) -> None:
    receiver.expect_request("/push").respond_with_json(ACKNOWLEDGED)
    bought(shop)
    dispatch()
    assert shop.notify_refund("N-1", RefundAmount=991).code == "REFUND_EXCEEDS_PAID"


def paid_after_closing(shop: Shop, receiver) -> None:
    assert standard.place(shop).code == "0"
    for event in ("TRANSACTION.CLOSED", "TRANSACTION.SUCCESS"):
        assert shop.by_superapp("POST", "/pay/notifications", standard.transaction(shop, event)).code == "0"


class Seen(NamedTuple):
    """What comes about, the case it is, the filters that list its order, and what the order's page says of it."""

    happens: Callable[..., None]
    case: str
    query: str
    verdict: str


LATE = "It was paid after it had been closed."
SEEN = [
    Seen(not_delivered, "undelivered", "delivery=needs_attention", "Paid, but not delivered: all attempts"),
    Seen(refunded_but_delivered, "refunded", "refund=refunded", "Paid and delivered. All of the money was refunded."),
    Seen(refund_above_paid, "above_paid", "alert=any", "more would be refunded than was paid: USD 9.90"),
    Seen(paid_after_closing, "late", "alert=any&kind=standard", LATE),
]


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: seen.happens.__name__)
def test_it_stands_on_the_desk_the_home_page_the_list_and_the_order(client, operator, seller, receiver, seen):
    seen.happens(seller, receiver)
    order, app_id = Order.objects.get(), seller.program.app_id
    client.force_login(operator)
    page = client.get(reverse("orders:mismatches", kwargs={"app_id": app_id}), {"case": seen.case})
    assert [line.number for line in page.context["lines"]] == [order.out_trade_no]
    assert page.context["lines"][0].url == reverse("orders:detail", kwargs={"app_id": app_id, "pk": order.pk})
    assert tiles(client, app_id) == {f"?case={seen.case}": "1"}
    listed = client.get(f"{reverse('orders:list', kwargs={'app_id': app_id})}?{seen.query}")
    assert [row["id"] for row in listed.context["listing"].page.rows] == [order.pk]
    assert seen.verdict in client.get(page.context["lines"][0].url).content.decode()


def tiles(client, app_id: str) -> dict[str, str]:
    """What the home page counts, by where it leads to."""
    home = client.get(reverse("orders:home", kwargs={"app_id": app_id}))
    return {"?" + tile["url"].partition("?")[2]: tile["value"] for tile in home.context["tiles"]}


def test_a_refused_price_is_counted_and_leads_to_the_item(client, operator, seller, receiver):
    price_refused(seller, receiver)
    app_id = seller.program.app_id
    client.force_login(operator)
    page = client.get(reverse("orders:mismatches", kwargs={"app_id": app_id}), {"case": "price"})
    (line,) = page.context["lines"]
    assert (line.number, line.url) == ("gem", reverse("items:detail", kwargs={"app_id": app_id, "product_id": "gem"}))
    assert "The game asked USD 0.01, the item costs USD 9.90. Refused 2 times. Last order number: N-1." in page.content.decode()
    assert tiles(client, app_id) == {"?case=price": "1"} and not Order.objects.exists()


def test_a_superapp_that_signs_with_the_wrong_key_is_on_its_desk_and_nothing_is_delivered(
    client, superapp_operator, seller, receiver
):
    seller.place(data=seller.sign_data(outTradeNo="N-1"))
    wrong = seller.envelope(GOODS_EVENT, seller.goods("N-1"), key="wrong")
    assert seller.by_superapp("POST", "/payment-notifications", wrong).code == "NOTIFY_SIG_INVALID"
    client.force_login(superapp_operator)
    desk = reverse("orders:superapp-mismatches", kwargs={"superapp": seller.superapp.code})
    page = client.get(desk)
    assert page.context["case"].name == "signature" and [line.number for line in page.context["lines"]] == ["N-1"]
    assert (Order.objects.get().payment_state, Delivery.objects.count()) == ("unpaid", 0)


def test_a_notification_without_an_order_is_the_superapps_until_the_order_appears(client, superapp_operator, seller, receiver):
    receiver.expect_request("/push").respond_with_json(ACKNOWLEDGED)
    assert seller.notify_paid("N-1").code == "ORDER_NOT_FOUND"
    client.force_login(superapp_operator)
    desk = reverse("orders:superapp-mismatches", kwargs={"superapp": seller.superapp.code})
    page = client.get(desk, {"case": "unknown"})
    assert [line.number for line in page.context["lines"]] == ["N-1"]
    assert [tab["count"] for tab in page.context["tabs"] if tab["current"]] == ["1"]
    seller.place(data=seller.sign_data(outTradeNo="N-1"))
    assert Order.objects.get().payment_state == "paid"
    assert client.get(desk, {"case": "unknown"}).context["lines"] == []
