"""A thousand items in one submission: the number of statements does not depend on how many there are."""

import pytest

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import move_many
from console.models import AuditEntry
from items.actions import release as releases
from items.models import Item
from payments.models import owners_of
from tests.items.conftest import decisions


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
    with django_assert_max_num_queries(20):
        release = releases.submit(coins, actor=senior).release
    with django_assert_max_num_queries(40):
        releases.decide(release, actor=approver, decisions=decisions(release))
    assert Item.objects.filter(state="released", on_sale=True, live_price=100).count() == 1000
    assert set(Item.objects.order_by("pk").values_list("live_name", flat=True)) == {f"Coin {n}" for n in range(1000)}
    assert (entries_of("items.release.submit"), entries_of("items.release.approve")) == (1000, 1000)


def test_a_thousand_items_go_on_sale_under_an_exemption(starfall, merchant, exemption, developer, senior):
    release = releases.submit(many(starfall, 1000, by=developer), actor=senior).exempt
    assert Item.objects.filter(on_sale=True, unreviewed=True, state="released").count() == 1000
    assert release.entries.filter(state="approved", decided_by=None).count() == 1000


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
