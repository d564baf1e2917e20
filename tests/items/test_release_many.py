"""A thousand items in one submission: the number of statements does not depend on how many there are."""

import re

import pytest
from django.urls import reverse

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import move_many
from console.models import AuditEntry
from items.actions import release as releases
from items.models import Item, Release
from items.submitting import manifest
from payments.models import owners_of
from tests.items.conftest import decisions, edit


def many(program, number, *, by, prefix="coin", **fields):
    """So many items that were never released."""
    content = {"price": 100, "currency": "USD", "edited_by": by} | fields
    rows = [Item(**owners_of(program), product_id=f"{prefix}-{n}", name=f"Coin {n}", **content) for n in range(number)]
    for row in rows:
        row.draft_hash = row.content_hash()
    return Item.objects.bulk_create(rows)


def entries_of(verb):
    return AuditEntry.objects.filter(verb=verb).count()


def test_a_thousand_items_are_submitted_and_approved_with_few_statements(
    starfall, merchant, developer, senior, approver, django_assert_max_num_queries
):
    coins = many(starfall, 1000, by=developer)
    with django_assert_max_num_queries(24):
        release = releases.submit(coins, actor=senior).release
    with django_assert_max_num_queries(40):
        releases.decide(release, actor=approver, decisions=decisions(release))
    assert Item.objects.filter(state="released", on_sale=True, live_price=100).count() == 1000
    assert set(Item.objects.order_by("pk").values_list("live_name", flat=True)) == {f"Coin {n}" for n in range(1000)}
    assert (entries_of("items.release.submit"), entries_of("items.release.approve")) == (1000, 1000)


@pytest.mark.sqlite
def test_a_thousand_items_go_on_sale_under_an_exemption(starfall, merchant, exemption, developer, senior):
    release = releases.submit(many(starfall, 1000, by=developer), actor=senior).exempt
    assert Item.objects.filter(on_sale=True, unreviewed=True, state="released").count() == 1000
    assert release.entries.filter(state="approved", decided_by=None).count() == 1000


@pytest.mark.sqlite
def test_a_bulk_move_is_for_all_rows_or_none(starfall, merchant, developer, senior, gem, submitted):
    many(starfall, 3, by=developer)
    with pytest.raises(WrongState, match="Submit for release.*Under review"):
        move_many(Item.objects.filter(mini_program=starfall), "submit", actor=senior)
    assert Item.objects.filter(state="unreleased").count() == 3
    assert entries_of("items.release.submit") == 1


def test_a_bulk_move_asks_for_the_permission_in_each_container(starfall, harbor_reader, merchant, developer, senior):
    many(starfall, 1, by=developer)
    many(harbor_reader, 1, by=developer)
    with pytest.raises(Forbidden):
        move_many(Item.objects.filter(mini_program=starfall), "submit", actor=developer)
    with pytest.raises(Invisible):
        move_many(Item.objects.all(), "submit", actor=senior)
    assert not Item.objects.exclude(state="unreleased").exists()


def test_a_bulk_move_runs_the_rules_of_the_transition(starfall, merchant, exemption, developer, senior, approver):
    releases.submit(many(starfall, 2, by=developer), actor=senior)
    with pytest.raises(Refused, match="Enter a reason"):
        move_many(Item.objects.all(), "take_down", actor=approver, reason=" ")
    moved = move_many(Item.objects.all(), "take_down", actor=approver, reason="Too shiny")
    found = {(row.state, row.on_sale, row.needs_review, row.last_reason) for row in moved}
    assert found == {("taken_down", False, True, "Too shiny")}
    assert set(AuditEntry.objects.filter(verb="items.item.take_down").values_list("note", flat=True)) == {"Too shiny"}


def test_nothing_to_move_is_nothing(db, senior):
    assert move_many(Item.objects.none(), "submit", actor=senior) == []


def submit_url(program):
    return reverse("items:release-submit", kwargs={"app_id": program.app_id})


def test_all_that_match_are_submitted_up_to_a_thousand(
    client, starfall, merchant, developer, senior, gem, submitted, django_assert_max_num_queries
):
    many(starfall, 1003, by=developer)
    many(starfall, 2, by=developer, prefix="yen", currency="JPY")
    client.force_login(senior)
    with django_assert_max_num_queries(20):
        text = client.get(submit_url(starfall), {"all": "1"}).content.decode()
    assert "1000 items are submitted." in text and "3 more can be submitted after it" in text
    assert "1 item: under review already" in text and "2 items: priced in another currency" in text
    assert "And 950 more" in text and "All items" in text
    shown = re.search(r'name="shown" value="([^"]+)"', text)[1]
    with django_assert_max_num_queries(40):
        answer = client.post(submit_url(starfall), {"shown": shown})
    assert answer.status_code == 302
    assert Release.objects.latest("pk").entries.count() == 1000
    assert Item.objects.filter(state="unreleased", currency="USD").count() == 3


@pytest.mark.sqlite
def test_the_filter_decides_what_matches_and_is_said_in_words(client, starfall, merchant, developer, senior, gem):
    many(starfall, 3, by=developer)
    client.force_login(senior)
    text = client.get(submit_url(starfall), {"all": "1", "q": "coin", "state": "unreleased"}).content.decode()
    assert "3 items are submitted." in text and "Search: coin · State: Unreleased" in text and "Gem" not in text
    text = client.get(submit_url(starfall), {"all": "1", "q": "nothing like it"}).content.decode()
    assert "None of the items that match" in text
    text = client.get(reverse("items:list", kwargs={"app_id": starfall.app_id}), {"q": "coin"}).content.decode()
    assert "?q=coin&amp;all=1" in text and "Submit all that match (3 items)" in text


@pytest.mark.sqlite
def test_what_changed_since_the_page_was_shown_is_left_out(client, starfall, merchant, developer, senior, gem, sword):
    shown = manifest((item.pk, item.draft_hash) for item in (gem, sword))
    edit(gem, by=developer, price=1)
    client.force_login(senior)
    text = client.post(submit_url(starfall), {"shown": shown}, follow=True).content.decode()
    assert "was changed by Devi Developer" in text and "1 item waits for review" in text


@pytest.mark.parametrize("odd", ["", "x", "1", ":", "²:a", "99999999999999999999:a", "-1:a", "1:\x00"])
def test_a_manifest_that_is_none_selects_nothing(client, starfall, merchant, senior, gem, odd):
    client.force_login(senior)
    assert client.post(submit_url(starfall), {"shown": odd}).status_code in {409, 422}
    assert not Release.objects.exists()


def test_the_review_shows_fifty_a_page_and_decides_those(
    client, starfall, merchant, developer, senior, approver, django_assert_max_num_queries
):
    release = releases.submit(many(starfall, 60, by=developer), actor=senior).release
    url = reverse("items:release-review", kwargs={"superapp": release.superapp.code, "pk": release.pk})
    client.force_login(approver)
    with django_assert_max_num_queries(26):
        first = client.get(url).content.decode()
    second = client.get(url, {"page": "2"}).content.decode()
    assert (first.count('name="hash-'), second.count('name="hash-')) == (50, 10)
    assert "Approve all 60" in first and "?page=2" in first
    last = release.entries.order_by("pk").last()
    form = {f"choice-{last.pk}": "approve", f"hash-{last.pk}": last.content_hash}
    answer = client.post(f"{url}decide?page=2", form)
    assert answer.url == url + "?page=2"
    assert release.entries.filter(state="approved").count() == 1
    assert client.get(url, {"page": "x"}).status_code == client.get(url, {"page": "99"}).status_code == 200
