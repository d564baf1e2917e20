"""Rows of an import are written as plain values; they must be what adding and editing by hand would have written."""

import pytest
from django.db import IntegrityError

from console import bulk
from console.audit import entry_mac
from console.models import AuditEntry
from items.actions import imports as actions
from items.actions import item as items
from items.models import Item
from tests.items.conftest import edit, fresh, picture_bytes
from tests.items.workbooks import confirmed, uploaded, workbook, zipped

pytestmark = pytest.mark.sqlite
OF_ITS_OWN = {"id", "product_id", "draft_hash", "created_at", "edited_at", "last_import_id"}


def columns(item):
    return {
        field.attname: getattr(item, field.attname) for field in item._meta.concrete_fields if field.attname not in OF_ITS_OWN
    }


def entries_of(item):
    """Everything in its audit entries but what names the item or the time."""
    rows = AuditEntry.objects.filter(object_type="items.item", object_id=str(item.pk)).order_by("id")
    named = ("id", "created_at", "object_id", "object_label", "mac")
    told = [{key: value for key, value in vars(row).items() if key not in named and key[0] != "_"} for row in rows]
    for row in told:
        row["changes"].pop("product_id", None)
    return told


@pytest.mark.parametrize("name", ["Coin", "“quotes” \\N \\t 日本語", "null", "{1,2}"])
def test_a_new_row_is_written_as_if_it_was_added_by_hand(starfall, developer, merchant, name):
    content = {"name": name, "price": 99, "currency": "USD", "description": "two\n\tlines\\."}
    by_hand = items.add(starfall, actor=developer, product_id="by_hand", **content)
    run = uploaded(starfall, workbook(["coin", name, 0.99, content["description"], None]), by=developer)
    confirmed(run, by=developer)
    coin = Item.objects.get(product_id="coin")
    assert columns(coin) == columns(by_hand) and coin.draft_hash == coin.content_hash()
    assert entries_of(coin) == entries_of(by_hand)


def test_a_changed_row_is_written_as_if_it_was_edited_by_hand(starfall, developer, gem, sword):
    edit(sword, by=developer, name="Ruby", price=100)
    confirmed(uploaded(starfall, workbook(["gem", "Ruby", 1, "", None]), by=developer), by=developer)
    by_import, by_hand = fresh(gem), fresh(sword)
    assert columns(by_import) == columns(by_hand) and by_import.draft_hash == by_import.content_hash()
    assert entries_of(by_import)[-1]["verb"] == "items.item.edit"
    told = [{**entry["changes"], "name": None, "price": None} for entry in (entries_of(by_import)[-1], entries_of(by_hand)[-1])]
    assert told[0] == told[1]


def test_every_entry_carries_a_mac_that_fits(starfall, developer, gem):
    confirmed(uploaded(starfall, workbook(["gem", "Ruby", 1, "", None], ["coin", "C", 1, "é", None]), by=developer), by=developer)
    entries = AuditEntry.objects.filter(object_type="items.item")
    assert len(entries) == 3 and all(entry.mac == entry_mac(entry) for entry in entries)


def test_an_undo_gives_back_every_column(starfall, developer, gem):
    before = columns(fresh(gem))
    rows = [["gem", "Ruby", 1, "new", "a.png"], ["coin", "C", 1, None, None]]
    run = confirmed(uploaded(starfall, workbook(*rows), by=developer, images=zipped({"a.png": picture_bytes()})), by=developer)
    actions.undo(run, actor=developer)
    assert columns(fresh(gem)) == before | {"version": 3}
    assert Item.objects.count() == 1


def test_the_database_refuses_an_id_twice_and_says_which_constraint(starfall, developer, gem):
    names = ("mini_program_id", "team_id", "superapp_id", "edited_by_id", "product_id", "name", "price", "currency", "draft_hash")
    row = [starfall.pk, starfall.team_id, starfall.superapp_id, developer.pk, "gem", "Twin", 1, "USD", ""]
    with pytest.raises(IntegrityError, match="product_id"):
        bulk.insert(Item, names, [row])


def test_an_id_that_somebody_added_in_between_refuses_the_whole(starfall, developer, gem, monkeypatch):
    run = uploaded(starfall, workbook(["coin", "C", 1, None, None]), by=developer)
    items.add(starfall, actor=developer, product_id="coin", name="Mine", price=5, currency="USD")
    monkeypatch.setattr(actions, "_taken", lambda *_arguments: [])  # the look came before the other's commit
    done = confirmed(run, by=developer)
    assert done.state == "refused" and "check again" in done.reason
    assert Item.objects.get(product_id="coin").name == "Mine"
