"""The test purchase from an item's page: a sandbox order through all of openServer, by whoever edits items."""

import pytest
from django.urls import reverse
from werkzeug import Response

from console.models import AuditEntry
from items.models import Item
from openserver.models import Nonce
from orders.models import Delivery, Order
from payments.actions import superapp as superapps
from payments.models import Credential, DeliveryConfig, owners_of


@pytest.fixture
def url(shop):
    return reverse("openserver-desk:test-purchase", kwargs={"app_id": shop.program.app_id, "product_id": "draft"})


@pytest.fixture
def pushed(shop, team_admin):
    where = {"url": "https://shop.test/live", "test_url": "https://shop.test/test", "enabled": True}
    return DeliveryConfig.objects.create(**owners_of(shop.program), **where, saved_by=team_admin)


def bought(client, url, **typed):
    """The order of a purchase, and the page that follows it."""
    answer = client.post(url, {"quantity": 1, **typed}, follow=True)
    return Order.objects.filter(open_id__startswith="test-purchase-").last(), answer


def test_developer_buys_a_draft_that_is_not_on_sale(client, url, pushed, backend, developer):
    client.force_login(developer)
    order, page = bought(client, url, quantity=3)
    assert (order.env, order.product_id, order.amount, order.payment_state) == (1, "draft", 150, "paid")
    assert [asked["outTradeNo"] for asked in backend.asked] == [order.out_trade_no]
    delivery = order.deliveries.get()
    assert (delivery.state, delivery.env) == ("pending", 1)  # which goes to the Test URL
    assert reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk}) in page.content.decode()
    entry = AuditEntry.objects.get(verb="openserver.purchase.test")
    assert (entry.actor, entry.object_id) == (developer, str(order.pk))


def test_the_calls_of_the_superapp_are_signed_and_checked(client, url, pushed, shop, developer):
    client.force_login(developer)
    before = Nonce.objects.count()
    bought(client, url)
    assert Nonce.objects.count() == before + 2  # the session and the payment notification


def test_each_step_is_told_with_its_result(client, url, pushed, developer):
    client.force_login(developer)
    _order, answer = bought(client, url)
    page = answer.content.decode()
    for step in ("opens the mini program", "gets the session key", "order is placed", "prepay id", "tells of the payment"):
        assert step in page
    assert page.count("badge-success") >= 5
    assert "It is being sent." in page
    assert "pp-TP" in page


def test_a_delivered_purchase_says_so(client, url, pushed, developer):
    client.force_login(developer)
    order, _page = bought(client, url)
    Delivery.objects.filter(order=order).update(state="delivered", next_attempt_at=None)
    page = client.get(f"{url}?order={order.pk}").content.decode()
    assert "Delivered." in page
    assert "hx-trigger" not in page.partition('id="purchase"')[2].partition("</ol>")[0]


def test_a_mini_program_buys_too(client, reader, stranger):
    client.force_login(stranger)
    url = reverse("openserver-desk:test-purchase", kwargs={"app_id": reader.program.app_id, "product_id": "draft"})
    order, _page = bought(client, url)
    assert (order.method, order.payment_state) == ("requestVirtualPayment", "paid")


def test_without_a_backend_a_stand_in_plays_the_superapp(client, url, shop, pushed, backend, developer):
    superapp = shop.program.superapp
    superapp.backend_url, superapp.sealed_secret_key = "", ""
    superapp.save()
    client.force_login(developer)
    order, answer = bought(client, url)
    assert (order.payment_state, order.prepay_id[:9], backend.asked) == ("paid", "stand-in-", [])
    assert "the superapp has no backend configured yet" in answer.content.decode()


def test_a_backend_that_fails_leaves_the_order_unpaid_and_is_told(client, url, pushed, backend, developer):
    backend.answer = lambda _order: Response("no", status=500)
    client.force_login(developer)
    order, answer = bought(client, url)
    assert (order.payment_state, order.deliveries.count()) == ("created", 0)
    page = answer.content.decode()
    assert "SUPERAPP_UNAVAILABLE" in page
    assert "It was not told: a step before it failed." in page


def test_openserver_refuses_what_it_would_refuse_a_player(client, url, shop, superapp_admin, developer):
    superapps.switch_off(shop.program.superapp, actor=superapp_admin)
    client.force_login(developer)
    answer = client.post(url, {"quantity": 1})
    assert (answer.status_code, Order.objects.count()) == (422, 0)
    assert "PAYMENT_SUSPENDED" in answer.content.decode()


def test_what_is_missing_is_named_before_with_who_can_do_it(client, url, shop, developer, superapp_admin):
    superapps.switch_off(shop.program.superapp, actor=superapp_admin)
    client.force_login(developer)
    page = client.get(url).content.decode()
    assert "Something is missing before this item can be bought" in page
    assert superapp_admin.name in page


def test_without_keys_there_is_no_button(client, url, shop, developer):
    Credential.objects.update(state="revoked")
    client.force_login(developer)
    page = client.get(url).content.decode()
    assert "There is no AppKey" in page
    assert 'name="quantity"' not in page
    assert client.post(url, {"quantity": 1}).status_code == 409


def test_a_deleted_item_cannot_be_bought(client, url, pushed, developer):
    Item.objects.filter(product_id="draft").update(state="deleted")
    client.force_login(developer)
    assert "cannot be bought" in client.get(url).content.decode()
    assert client.post(url, {"quantity": 1}).status_code == 422
    assert Order.objects.count() == 0


@pytest.mark.parametrize("quantity", ["", "0", "-1", "10001", "1.5", "x", "9" * 40, "1\0"])
def test_a_wrong_quantity_is_refused_at_its_field(client, url, pushed, developer, quantity):
    client.force_login(developer)
    answer = client.post(url, {"quantity": quantity})
    assert (answer.status_code, Order.objects.count()) == (422, 0)
    assert "id_quantity" in answer.content.decode()


def test_looking_buys_nothing(client, url, pushed, backend, developer):
    client.force_login(developer)
    assert client.get(url).status_code == 200
    assert (Order.objects.count(), backend.asked) == (0, [])


@pytest.mark.parametrize("pk", ["0", "999999", "x", "9" * 30, ""])
def test_the_page_shows_only_test_purchases_of_the_item(client, url, pushed, developer, pk):
    client.force_login(developer)
    assert client.get(f"{url}?order={pk}").status_code == 404


def test_an_order_of_a_player_is_not_shown_here(client, url, shop, pushed, developer):
    placed = shop.place(shop.order(shop.sign_data(env=1, productId="draft", goodsPrice=50)))
    order = Order.objects.get(out_trade_no=placed.data["outTradeNo"])
    client.force_login(developer)
    assert client.get(f"{url}?order={order.pk}").status_code == 404


@pytest.mark.parametrize(("person", "status"), [("operator", 403), ("approver", 403), ("platform", 403), ("stranger", 404)])
def test_nobody_else_buys(client, url, pushed, backend, person, status, request):
    client.force_login(request.getfixturevalue(person))
    assert client.post(url, {"quantity": 1}).status_code == status
    assert (Order.objects.count(), backend.asked) == (0, [])


def test_the_item_page_leads_there_or_says_who_may(client, url, shop, developer, operator):
    item_url = reverse("items:detail", kwargs={"app_id": shop.program.app_id, "product_id": "draft"})
    client.force_login(developer)
    assert f'href="{url}"' in client.get(item_url).content.decode()
    client.force_login(operator)
    page = client.get(item_url).content.decode()
    assert f'href="{url}"' not in page
    assert "Test purchase" in page
    assert developer.name in page
