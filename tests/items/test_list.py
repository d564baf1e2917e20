"""The list of virtual items."""

import pytest
from django.urls import reverse

from items.actions import item as items
from items.listings import PAGE_SIZE
from items.models import Item
from payments.models import owners_of
from tests.items.conftest import edit


@pytest.fixture
def url(starfall):
    return reverse("items:list", kwargs={"app_id": starfall.app_id})


def many(starfall, developer, number):
    rows = [
        Item(
            **owners_of(starfall),
            product_id=f"item-{n:03}",
            name=f"Item {n:03}",
            price=100 + n,
            currency="USD",
            edited_by=developer,
        )
        for n in range(number)
    ]
    for row in rows:
        row.draft_hash = row.content_hash()
    Item.objects.bulk_create(rows)


def page(client, person, url, **query):
    client.force_login(person)
    return client.get(url, query)


def test_the_list_shows_the_items(client, url, gem, sword, developer):
    text = page(client, developer, url).content.decode()
    assert "Gem" in text and "sword" in text and "USD 9.90" in text and "Unreleased" in text and "2 items" in text


def test_who_may_look(client, url, gem, operator, stranger, approver, superadmin):
    statuses = [page(client, person, url).status_code for person in (operator, superadmin, approver, stranger)]
    assert statuses == [200, 200, 403, 404]
    assert client.post(url).status_code == 404


def test_only_those_who_may_submit_can_select(client, url, gem, senior, developer):
    assert 'name="ids"' in page(client, senior, url).content.decode()
    assert 'name="ids"' not in page(client, developer, url).content.decode()


def test_a_changed_item_on_sale_shows_both_prices(client, url, on_sale_gem, developer):
    edit(on_sale_gem, by=developer, price=1990)
    text = page(client, developer, url).content.decode()
    assert "USD 19.90" in text and "USD 9.90" in text and "Changes not released" in text and "On sale" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"q": "swo"}, {"sword"}),
        ({"q": "GEM"}, {"gem"}),
        ({"state": "unreleased"}, {"gem", "sword"}),
        ({"state": "released"}, set()),
        ({"state": "changed"}, set()),
        ({"state": "nonsense", "q": "\x00"}, {"gem", "sword"}),
        ({"q": "x" * 10_000}, set()),
        ({"after": "nonsense"}, {"gem", "sword"}),
        ({"after": "2026-01-01T00:00:00_1"}, {"gem", "sword"}),
        ({"before": "2001-01-01T00:00:00+00:00_99999999999999999999"}, {"gem", "sword"}),
        ({"after": "2001-01-01T00:00:00+00:00_1"}, set()),
    ],
)
def test_filters_and_places_in_the_address(client, url, gem, sword, developer, query, shown):
    response = page(client, developer, url, **query)
    assert response.status_code == 200
    assert {item.product_id for item in response.context["page"].items} == shown


def test_deleted_items_are_not_listed(client, url, gem, sword, team_admin):
    items.delete(gem, actor=team_admin)
    response = page(client, team_admin, url)
    assert [item.product_id for item in response.context["page"].items] == ["sword"]


def test_pages_lead_through_everything_once_and_back(client, url, starfall, developer, merchant):
    many(starfall, developer, 2 * PAGE_SIZE + 3)
    seen, response = [], page(client, developer, url)
    while True:
        found = response.context["page"]
        seen.append([item.product_id for item in found.items])
        if not found.next_url:
            break
        response = client.get(url + found.next_url)
    assert [len(part) for part in seen] == [PAGE_SIZE, PAGE_SIZE, 3]
    assert len({product_id for part in seen for product_id in part}) == 2 * PAGE_SIZE + 3
    back = client.get(url + response.context["page"].previous_url).context["page"]
    assert [item.product_id for item in back.items] == seen[1]
    first = client.get(url + back.previous_url).context["page"]
    assert ([item.product_id for item in first.items], first.previous_url) == (seen[0], "")


def test_the_number_of_queries_does_not_grow_with_the_list(
    client, url, starfall, developer, merchant, django_assert_max_num_queries
):
    many(starfall, developer, 3)
    client.force_login(developer)
    with django_assert_max_num_queries(13) as few:
        client.get(url)
    many_more = PAGE_SIZE + 10
    Item.objects.all().delete()
    many(starfall, developer, many_more)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(url)


def test_an_empty_list_says_what_to_do(client, url, starfall, developer, operator, merchant):
    assert "Add the first one" in page(client, developer, url).content.decode()
    assert "These people can: Devi Developer" in page(client, operator, url).content.decode()


def test_without_a_merchant_the_list_leads_to_the_steps(client, url, starfall, developer):
    assert "no merchant is effective" in page(client, developer, url).content.decode()


def test_nothing_found_offers_to_clear_the_filters(client, url, gem, developer):
    text = page(client, developer, url, q="nothing like it").content.decode()
    assert "No item matches" in text and "Clear all filters" in text


def test_the_tabs_count_what_they_lead_to(client, url, on_sale_gem, sword, developer):
    edit(on_sale_gem, by=developer, price=1990)
    response = page(client, developer, url)
    counted = {tab["url"]: tab["count"] for tab in response.context["tabs"]}
    assert counted == {"?": 2, "?state=unreleased": 1, "?state=released": 1, "?state=changed": 1}
    for address, number in counted.items():
        assert len(client.get(url + address).context["page"].items) == number
