"""Adding, editing, removing, taking down and deleting items."""

import pytest

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import AuditEntry, OutgoingMail
from items.actions import item as items
from items.actions import release as releases
from items.images import read_picture
from items.models import Item, ItemImage
from tests.items.conftest import bind_merchant, decisions, edit, fresh, picture_bytes, upload

pytestmark = pytest.mark.sqlite

GEM = {"product_id": "gem", "name": "Gem", "price": 990, "currency": "USD"}


def verbs(item):
    return list(
        AuditEntry.objects.filter(object_type="items.item", object_id=item.pk).order_by("id").values_list("verb", flat=True)
    )


def test_a_developer_adds_an_item(starfall, developer, merchant):
    item = items.add(starfall, actor=developer, **GEM, description="Shines", picture=read_picture(upload()))
    item = fresh(item)
    assert (item.state, item.on_sale, item.price, item.currency, item.version) == ("unreleased", False, 990, "USD", 1)
    assert (item.team, item.superapp, item.edited_by) == (starfall.team, starfall.superapp, developer)
    assert item.image.sha256 and verbs(item) == ["items.item.add"]


def test_only_those_who_may_edit_add(starfall, operator, stranger, merchant):
    with pytest.raises(Forbidden):
        items.add(starfall, actor=operator, **GEM)
    with pytest.raises(Invisible):
        items.add(starfall, actor=stranger, **GEM)
    assert not Item.objects.exists()


def test_an_id_is_unique_in_its_mini_program_and_its_case_counts(
    starfall, harbor_reader, harbor, gem, developer, stranger, superapp_admin
):
    with pytest.raises(Refused) as caught:
        items.add(starfall, actor=developer, **GEM | {"name": "Other"})
    assert "exists already" in caught.value.errors["product_id"]
    assert items.add(starfall, actor=developer, **GEM | {"product_id": "Gem"})
    bind_merchant(harbor, by=stranger, approved_by=superapp_admin, currency="JPY")
    assert items.add(harbor_reader, actor=stranger, **GEM | {"currency": "JPY"})


def test_every_fault_is_told_at_once_and_nothing_is_written(starfall, developer, merchant):
    with pytest.raises(Refused) as caught:
        items.add(starfall, actor=developer, product_id="../x", name=" ", price=0, currency="USD", description="x" * 1025)
    assert set(caught.value.errors) == {"product_id", "name", "price", "description"}
    assert not Item.objects.exists() and not AuditEntry.objects.filter(verb__startswith="items").exists()


def test_a_price_in_another_than_the_merchants_currency_is_refused(starfall, developer, merchant):
    with pytest.raises(Refused) as caught:
        items.add(starfall, actor=developer, **GEM | {"currency": "JPY"})
    assert "not JPY" in caught.value.errors["price"]


def test_editing_counts_versions_and_tells_what_changed(gem, developer, senior):
    edited = edit(gem, by=senior, name="Big gem", price=1990)
    assert (edited.version, edited.name, edited.edited_by) == (2, "Big gem", senior)
    entry = AuditEntry.objects.get(verb="items.item.edit")
    assert entry.changes == {"name": ["Gem", "Big gem"], "price": [990, 1990], "version": [1, 2]}


def test_saving_without_a_change_writes_nothing(gem, developer):
    assert edit(gem, by=developer).version == 1
    assert verbs(gem) == ["items.item.add"]


def test_a_stale_edit_says_who_changed_what(gem, developer, senior):
    stale = Item.objects.get(pk=gem.pk)
    edit(gem, by=senior, name="Big gem", description="New")
    with pytest.raises(Refused, match="Sam Senior changed the name .now “Big gem”., description") as caught:
        edit(stale, by=developer, price=5)
    assert caught.value.errors.keys() == {""}
    assert Item.objects.get(pk=gem.pk).price == 990


def test_an_edit_replaces_or_removes_the_image(gem, developer):
    first = edit(gem, by=developer, picture=read_picture(upload()))
    assert first.image
    second = edit(first, by=developer, picture=read_picture(upload(picture_bytes(color=(0, 0, 9)))))
    assert second.image != first.image and ItemImage.objects.count() == 2
    assert edit(second, by=developer, picture=items.Image.REMOVE).image is None


def test_an_item_under_review_cannot_be_edited(gem, submitted, developer):
    with pytest.raises(WrongState, match="under review.*Withdraw"):
        edit(gem, by=developer, name="Other")


def test_editing_leaves_the_live_copy_on_sale(on_sale_gem, developer):
    edited = edit(on_sale_gem, by=developer, name="Big gem", price=1990)
    assert (edited.on_sale, edited.live_name, edited.live_price) == (True, "Gem", 990)
    assert edited.state == "released" and edited.has_unreleased_changes


def test_the_team_admin_removes_an_item_from_sale(on_sale_gem, team_admin, senior):
    with pytest.raises(Forbidden):
        items.remove(on_sale_gem, actor=senior)
    removed = items.remove(on_sale_gem, actor=team_admin)
    assert (removed.state, removed.on_sale) == ("removed", False)
    with pytest.raises(WrongState):
        items.remove(removed, actor=team_admin)


def test_the_superapp_takes_an_item_down_and_tells_the_team_why(on_sale_gem, approver, team_admin):
    with pytest.raises(Forbidden):
        items.take_down(on_sale_gem, actor=team_admin, reason="x")
    with pytest.raises(Refused, match="Enter a reason"):
        items.take_down(on_sale_gem, actor=approver, reason=" ")
    taken = items.take_down(on_sale_gem, actor=approver, reason="Gambling")
    assert (taken.state, taken.on_sale, taken.needs_review, taken.last_reason) == ("taken_down", False, True, "Gambling")
    mail = OutgoingMail.objects.latest("pk")
    assert mail.recipient == "payments@northlight.test" and "Reason: Gambling" in mail.body


def test_taking_down_closes_an_open_release_request(on_sale_gem, developer, senior, approver):
    edit(on_sale_gem, by=developer, price=1990)
    release = releases.submit([on_sale_gem], actor=senior).release
    taken = items.take_down(on_sale_gem, actor=approver, reason="Gambling")
    release = fresh(release)
    assert (taken.state, release.state, release.entries.get().state) == ("taken_down", "cancelled", "withdrawn")


def test_a_deleted_item_stays_as_a_tombstone(gem, starfall, team_admin, developer):
    deleted = items.delete(gem, actor=team_admin)
    assert deleted.state == "deleted"
    assert not Item.objects.existing().exists()
    with pytest.raises(Refused) as caught:
        items.add(starfall, actor=developer, **GEM)
    assert "was used by a deleted item; ids are never free again" in caught.value.errors["product_id"]
    with pytest.raises(WrongState, match="was deleted"):
        edit(gem, by=developer, name="Other")


def test_what_is_on_sale_or_under_review_cannot_be_deleted(gem, submitted, team_admin, approver):
    with pytest.raises(WrongState):
        items.delete(gem, actor=team_admin)
    releases.decide(submitted, actor=approver, decisions=decisions(submitted))
    with pytest.raises(WrongState):
        items.delete(Item.objects.get(pk=gem.pk), actor=team_admin)
