"""The list of virtual items."""

import pytest
from django.urls import reverse

from console.listing import PAGE_SIZE
from items.actions import item as items
from items.models import Item
from payments.models import owners_of
from tests.items.conftest import edit

pytestmark = pytest.mark.sqlite


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
        ({"state": "nonsense"}, set()),
        ({"run": "12"}, set()),
        ({"q": "\x00"}, set()),
        ({"q": "x" * 10_000}, set()),
        ({"after": "nonsense"}, {"gem", "sword"}),
        ({"sort": "nonsense"}, {"gem", "sword"}),
    ],
)
def test_filters_and_places_in_the_address(client, url, gem, sword, developer, query, shown):
    response = page(client, developer, url, **query)
    assert response.status_code == 200
    assert {item.product_id for item in response.context["listing"].items} == shown


def test_deleted_items_are_not_listed(client, url, gem, sword, team_admin):
    items.delete(gem, actor=team_admin)
    response = page(client, team_admin, url)
    assert [item.product_id for item in response.context["listing"].items] == ["sword"]


def test_pages_lead_through_everything_once_and_back(client, url, starfall, developer, merchant):
    many(starfall, developer, 2 * PAGE_SIZE + 3)
    seen, response = [], page(client, developer, url)
    while True:
        found = response.context["listing"]
        seen.append([item.product_id for item in found.items])
        if not found.next_url:
            break
        response = client.get(url + found.next_url)
    assert [len(part) for part in seen] == [PAGE_SIZE, PAGE_SIZE, 3]
    assert len({product_id for part in seen for product_id in part}) == 2 * PAGE_SIZE + 3
    back = client.get(url + response.context["listing"].previous_url).context["listing"]
    assert [item.product_id for item in back.items] == seen[1]
    first = client.get(url + back.previous_url).context["listing"]
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
        assert len(client.get(url + address).context["listing"].items) == number


def test_the_head_of_a_column_turns_the_order(client, url, gem, sword, developer):
    """The newest edit comes first; by item ID both ways."""
    found = [
        [item.product_id for item in page(client, developer, url, **query).context["listing"].items]
        for query in ({}, {"sort": "edited-up"}, {"sort": "id"}, {"sort": "id-down"})
    ]
    assert found == [["sword", "gem"], ["gem", "sword"], ["gem", "sword"], ["sword", "gem"]]
    text = page(client, developer, url, sort="id").content.decode()
    assert 'aria-sort="ascending"' in text and "sort=id-down" in text


def test_the_order_and_the_filters_stay_on_the_next_page(client, url, starfall, developer, merchant):
    many(starfall, developer, PAGE_SIZE + 2)
    response = page(client, developer, url, sort="id", state="unreleased", q="item")
    followed = client.get(url + response.context["listing"].next_url)
    assert [item.product_id for item in followed.context["listing"].items] == ["item-050", "item-051"]
    assert [chip["label"] for chip in followed.context["listing"].chips] == ["Search: item", "State: Unreleased"]


def test_a_filter_that_means_nothing_is_said_and_shows_nothing(client, url, gem, developer):
    text = page(client, developer, url, state="nonsense").content.decode()
    assert "“nonsense” is not one of the choices" in text and "Clear all filters" in text
