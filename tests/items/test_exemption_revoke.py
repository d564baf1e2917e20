"""Revoking an exemption: what it reaches is shown first, and may be taken down in the same step."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console.models import OutgoingMail
from items.actions import exemption as exemptions
from items.actions import item as items
from items.actions import release as releases
from items.exemptions import unreviewed_under
from items.models import Item
from payments.models import ExemptionRequest
from tests.items.conftest import decisions, edit, fresh
from tests.orders.shop import new_order

pytestmark = pytest.mark.sqlite


@pytest.fixture
def sold(gem, sword, exemption, senior):
    """Gem and sword, on sale without review."""
    return releases.submit([gem, sword], actor=senior).exempt


@pytest.fixture
def url(orbit, exemption):
    return reverse("orders:exemption-revoke", kwargs={"superapp": orbit.code, "pk": exemption.pk})


def on_sale():
    return sorted(Item.objects.on_sale().values_list("product_id", flat=True))


def state(row):
    return ExemptionRequest.objects.get(pk=row.pk).state


def test_the_page_shows_the_items_with_their_orders_of_the_last_day(client, sold, url, starfall, approver):
    new_order(starfall, "ORDER-1")
    new_order(starfall, "ORDER-2")
    new_order(starfall, "OLD", created_at=timezone.now() - timedelta(hours=25))
    new_order(starfall, "SANDBOX", env=1)
    client.force_login(approver)
    text = client.get(url).content.decode()
    assert "Gem" in text and "Sword" in text
    assert "2 orders, USD 39.60" in text and "no orders" in text
    assert text.index("Gem") < text.index("Sword"), "most orders first"
    assert "Take all 2 items down too" in text


def test_revoking_leaves_items_on_sale_unless_asked(client, sold, url, exemption, approver):
    client.force_login(approver)
    assert client.post(url, {"reason": "Rules", "items": "none", "number": "2"}).status_code == 302
    assert (state(exemption), on_sale()) == ("revoked", ["gem", "sword"])
    assert client.get(url).status_code == client.post(url, {"reason": "Rules"}).status_code == 409


def test_the_ticked_items_are_taken_down_in_the_same_step(client, sold, url, exemption, approver, northlight):
    client.force_login(approver)
    answer = client.post(url, {"reason": "Rules", "items": "chosen", "take": ["gem"], "number": "2"}, follow=True)
    assert "1 item was taken down." in answer.content.decode()
    assert (state(exemption), on_sale()) == ("revoked", ["sword"])
    down = Item.objects.get(product_id="gem")
    assert (down.state, down.needs_review, down.last_reason) == ("taken_down", True, "Rules")
    assert OutgoingMail.objects.filter(recipient=northlight.linked_email, body__contains="Rules").count() == 1


def test_all_are_taken_down_with_one_mail(client, sold, url, approver, northlight):
    client.force_login(approver)
    client.post(url, {"reason": "Rules", "items": "all", "number": "2"})
    assert on_sale() == []
    mail = OutgoingMail.objects.get(recipient=northlight.linked_email)
    assert "2 items" in mail.subject and "Gem (gem)" in mail.body and "Sword (sword)" in mail.body


def test_all_means_those_that_were_shown(client, sold, url, exemption, approver):
    client.force_login(approver)
    answer = client.post(url, {"reason": "Rules", "items": "all", "number": "1"})
    assert answer.status_code == 422 and "you were shown 1" in answer.content.decode()
    assert 'name="number" value="2"' in answer.content.decode()
    assert (state(exemption), on_sale()) == ("approved", ["gem", "sword"]), "neither was done"


FAULTY = [{"reason": " "}, {"reason": "x" * 501}, {"reason": "R", "items": "chosen"}, {"reason": "R", "items": "?"}]


@pytest.mark.parametrize("form", FAULTY)
def test_what_is_missing_comes_back_and_nothing_is_done(client, sold, url, exemption, approver, form):
    client.force_login(approver)
    assert client.post(url, {"number": "2"} | form).status_code == 422
    assert (state(exemption), on_sale()) == ("approved", ["gem", "sword"])


def test_what_was_reviewed_since_is_not_in_it(sold, exemption, gem, senior, developer, approver):
    items.take_down(fresh(gem), actor=approver, reason="Look")
    release = releases.submit([fresh(gem)], actor=senior).release
    releases.decide(release, actor=approver, decisions=decisions(release))
    assert [item.product_id for item in unreviewed_under(exemption)] == ["sword"]


def test_an_item_under_review_again_is_taken_down_too(sold, exemption, gem, senior, developer, approver):
    Item.objects.filter(pk=gem.pk).update(needs_review=True)
    edit(fresh(gem), by=developer, price=1990)
    release = releases.submit([fresh(gem)], actor=senior).release
    taken = exemptions.revoke(exemption, actor=approver, reason="Rules", every=2)
    assert len(taken) == 2 and on_sale() == []
    assert fresh(release).state == "cancelled"


def test_who_may_revoke(client, url, exemption, senior, superapp_operator, stranger, superapp_admin):
    statuses = []
    for person in (senior, superapp_operator, stranger, superapp_admin):
        client.force_login(person)
        statuses.append(client.get(url).status_code)
    assert statuses == [404, 403, 404, 200]


def test_the_page_costs_the_same_for_many_items(client, sold, url, approver, django_assert_max_num_queries):
    client.force_login(approver)
    with django_assert_max_num_queries(18):
        client.get(url)
