"""What the superapp sees of the items on sale, and how it takes several down."""

import pytest
from django.urls import reverse

from console.actions.membership import set_team_role
from console.models import AuditEntry, OutgoingMail, Superapp
from items.actions import item as items
from items.actions import release as releases
from items.models import Item
from tests.items.conftest import edit, fresh
from tests.orders.shop import new_order
from tests.people import SETUP, staff

pytestmark = pytest.mark.sqlite


@pytest.fixture
def url(orbit):
    return reverse("items:superapp-list", kwargs={"superapp": orbit.code})


@pytest.fixture
def take_down_url(orbit):
    return reverse("items:superapp-take-down", kwargs={"superapp": orbit.code})


@pytest.fixture
def unreviewed_sword(sword, exemption, senior):
    """The sword, on sale without review."""
    releases.submit([sword], actor=senior)
    return Item.objects.get(pk=sword.pk)


@pytest.fixture
def both(on_sale_gem, unreviewed_sword):
    """The gem was reviewed, the sword was not."""
    return [on_sale_gem, unreviewed_sword]


def test_the_list_shows_what_is_on_sale_and_what_nobody_reviewed(client, both, url, approver, starfall):
    client.force_login(approver)
    text = client.get(url).content.decode()
    assert "Gem" in text and "Sword" in text and "Without review, not looked at" in text
    for query in ({"review": "open"}, {"sample": "1"}, {"q": "swor"}):
        text = client.get(url, query).content.decode()
        assert "Sword" in text and ">Gem<" not in text
    text = client.get(url, {"review": "yes", "program": starfall.app_id}).content.decode()
    assert "Gem" in text and "Sword" not in text
    assert client.get(url, {"q": "nothing"}).status_code == client.get(url, {"program": "x", "review": "x"}).status_code == 200


@pytest.fixture
def look_url(orbit):
    return reverse("items:superapp-look-at", kwargs={"superapp": orbit.code})


def test_a_sample_is_looked_at_and_does_not_come_again(client, both, url, look_url, approver, senior, developer):
    gem, sword = both
    client.force_login(approver)
    text = client.get(look_url, {"ids": [sword.pk]}).content.decode()
    assert "USD 5.00" in text and "Mark as looked at" in text and f"/items/take-down?ids={sword.pk}" in text
    assert fresh(sword).looked_at is None, "only the button marks"
    assert "1 item is marked" in client.post(look_url, {"ids": [gem.pk, sword.pk]}, follow=True).content.decode()
    assert (fresh(sword).looked_by, fresh(gem).looked_by) == (approver, None)
    assert AuditEntry.objects.get(verb="items.item.look_at").object_id == str(sword.pk)
    assert ">Sword<" not in client.get(url, {"sample": "1"}).content.decode()
    assert ">Sword<" in client.get(url, {"review": "looked"}).content.decode()
    edit(fresh(sword), by=developer, price=600)
    releases.submit([fresh(sword)], actor=senior)
    assert fresh(sword).looked_at is None and ">Sword<" in client.get(url, {"sample": "1"}).content.decode(), "other content"


def test_looking_again_changes_nothing_and_members_of_the_team_do_not_look(
    client, both, look_url, approver, superapp_admin, northlight
):
    _gem, sword = both
    items.look_at_many([sword], actor=approver)
    assert items.look_at_many([sword], actor=superapp_admin) == [] and fresh(sword).looked_by == approver
    set_team_role(superapp_admin, northlight, "operator", actor=SETUP)
    client.force_login(superapp_admin)
    answer = client.post(look_url, {"ids": [sword.pk]})
    assert answer.status_code == 422 and "someone else has to look at it" in answer.content.decode()
    assert client.get(look_url, {"ids": ["x"]}).status_code == 302


def test_the_mark_is_on_the_pages_of_the_team(client, both, starfall, senior):
    client.force_login(senior)
    text = client.get(reverse("items:list", kwargs={"app_id": starfall.app_id})).content.decode()
    assert text.count("Without review") == 1


def test_several_are_taken_down_after_a_page_that_shows_their_orders(client, both, take_down_url, approver, starfall, northlight):
    new_order(starfall, product_id="sword")
    ids = [item.pk for item in both]
    client.force_login(approver)
    text = client.get(take_down_url, {"ids": ids}).content.decode()
    assert "Take 2 items down?" in text and "Orders of the last 24 hours: 1 order, USD 19.80" in text
    assert client.post(take_down_url, {"ids": ids, "reason": ""}).status_code == 422
    assert client.post(take_down_url, {"ids": ids, "reason": "Rules"}).status_code == 302
    assert set(Item.objects.values_list("state", "on_sale", "last_reason")) == {("taken_down", False, "Rules")}
    assert OutgoingMail.objects.filter(recipient=northlight.linked_email).count() == 1
    again = client.post(take_down_url, {"ids": ids, "reason": "Rules"}, follow=True).content.decode()
    assert "None of these items is on sale any more." in again


@pytest.mark.parametrize("ids", [[], ["x"], ["99999999999999999999"], ["²"]])
def test_an_odd_selection_leads_back_to_the_list(client, both, take_down_url, url, approver, ids):
    client.force_login(approver)
    assert client.get(take_down_url, {"ids": ids}).url == url


def test_items_of_another_superapp_are_out_of_reach(client, both):

    other = Superapp.objects.create(name="Comet")
    client.force_login(staff("Cora Comet", other, "approver"))
    address = reverse("items:superapp-take-down", kwargs={"superapp": other.code})
    client.post(address, {"ids": [item.pk for item in both], "reason": "Mine"})
    assert Item.objects.on_sale().count() == 2


def test_the_pages_that_end_a_sale_show_the_orders_of_the_last_day(client, both, starfall, team_admin, approver):
    new_order(starfall)
    for name, person in (("remove", team_admin), ("take-down", approver)):
        client.force_login(person)
        page = reverse(f"items:{name}", kwargs={"app_id": starfall.app_id, "product_id": "gem"})
        assert "Orders of the last 24 hours: 1 order, USD 19.80." in client.get(page).content.decode()


def test_the_list_costs_the_same_for_many(client, both, url, approver, django_assert_max_num_queries):
    client.force_login(approver)
    with django_assert_max_num_queries(16):
        client.get(url)
