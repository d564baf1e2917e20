"""Orders while the price of their item is edited and released again and again (docs/reliability.md).

Nothing here looks at a clock. Prices only rise, so a price names one release. The audit trail tells in which order the item and
its orders changed, because an order and a release of its item wait for each other. Each release also counts, before it commits,
the orders of the price that it replaces: none may come after it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from console.lifecycle import move
from console.models import AuditEntry
from items.actions import item as items
from items.actions import release as releases
from items.models import Item
from openserver.actions import ordering
from openserver.errors import ApiError
from orders.models import Order
from payments.models import ExemptionRequest, owners_of
from tests.items.conftest import edit
from tests.items.test_races import second_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer."),
]
ORDERS, PLAYERS = 2_000, 8


class Players:
    """They buy with the price they saw last, as a game does, and look again when it is refused."""

    def __init__(self, shop):
        self.shop, self.price, self.refused = shop, 990, 0
        self.numbers = iter(range(ORDERS))
        self.done = threading.Event()

    def buy_all(self):
        try:
            while (number := next(self.numbers, None)) is not None:
                while not self.buys(f"N-{number}"):
                    self.refused += 1
                    self.price = Item.objects.values_list("live_price", flat=True).get(product_id="gem")
        finally:
            connection.close()

    def buys(self, number):
        data = self.shop.sign_data(outTradeNo=number, goodsPrice=self.price)
        try:
            return ordering.place_order(self.shop.order(data))
        except ApiError as error:
            assert error.code == "PRICE_MISMATCH"
            return None


def refusal(body):
    with pytest.raises(ApiError) as refused:
        ordering.place_order(body)
    return refused.value


def raise_price(person, price):
    """Edit and release under the exemption; returns the old price and how many orders had it when it was replaced."""
    gem = Item.objects.select_related("mini_program").get(product_id="gem")
    content = {"name": gem.name, "price": price, "currency": gem.currency}
    edited = items.edit(gem, actor=person, version=gem.version, **content)
    with transaction.atomic():
        assert releases.submit([edited], actor=person).exempt
        return gem.live_price, Order.objects.filter(unit_price=gem.live_price).count()


def prices_by_the_audit_trail():
    """The trail in its order: the price that was on sale when each order was placed, by the order's id."""
    draft, live, found = 990, 990, {}
    verbs = ["items.item.edit", "items.release.auto_approve", "orders.order.place"]
    for verb, changes, key in (
        AuditEntry.objects.filter(verb__in=verbs).order_by("id").values_list("verb", "changes", "object_id")
    ):
        if verb == "items.item.edit":
            draft = changes["price"][1]
        elif verb == "items.release.auto_approve":
            live = draft
        else:
            found[int(key)] = live
    return found


@pytest.fixture(autouse=True)
def superapp_at_once(monkeypatch):
    """The superapp answers without a wire: what races here are the statements."""
    monkeypatch.setattr(ordering, "create_prepay_order", lambda order, facts: f"pp-{order.out_trade_no}")


@pytest.fixture
def gem(shop):
    return Item.objects.select_related("mini_program").get(product_id="gem")


def test_every_order_of_2000_has_the_price_that_was_on_sale_when_it_committed(shop, senior, approver):
    program = shop.program
    exemption = ExemptionRequest.objects.create(**owners_of(program), program=program, requested_by=senior)
    move(exemption, "approve", actor=approver)
    players, ended = Players(shop), {}
    with ThreadPoolExecutor(PLAYERS) as pool:
        running = [pool.submit(players.buy_all) for _player in range(PLAYERS)]
        while not all(each.done() for each in running):
            price, orders = raise_price(senior, 991 + len(ended))
            ended[price] = orders
    for each in running:
        each.result()
    on_sale = prices_by_the_audit_trail()
    assert len(on_sale) == Order.objects.count() == ORDERS
    assert dict(Order.objects.values_list("id", "unit_price")) == on_sale
    after = {price: Order.objects.filter(unit_price=price).count() for price in ended}
    assert after == ended, "an order came for a price that was not on sale any more"
    assert len(ended) > 5 and players.refused > 5, "the price did not move while players bought"


@pytest.mark.parametrize("ends", ["remove", "take_down"])
def test_an_order_that_comes_while_the_sale_ends_is_refused(shop, gem, team_admin, approver, ends):
    acts = {
        "remove": lambda: items.remove(gem, actor=team_admin),
        "take_down": lambda: items.take_down(gem, actor=approver, reason="No"),
    }
    body = shop.order()
    outcome = second_of(acts[ends], lambda: refusal(body))
    assert "was changed at this moment" in str(outcome["result"])
    assert not Order.objects.exists()


def test_an_edit_under_way_delays_no_order(shop, gem, developer):
    """The draft is another copy: whoever saves it holds up no sale."""

    def buy():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")  # an order that waits would wait for ever
            try:
                ordering.place_order(shop.order())
            finally:
                cursor.execute("RESET lock_timeout")
                connection.close()

    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        edit(gem, by=developer, price=1)
        pool.submit(buy).result()
    assert Order.objects.get().unit_price == 990
