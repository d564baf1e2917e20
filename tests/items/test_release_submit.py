"""Submitting items for release, withdrawing them, and the exemption."""

import pytest

from console.errors import Forbidden, Invisible, Refused, WrongState
from console.lifecycle import move
from items.actions import item as items
from items.actions import release as releases
from items.models import Item, Release
from tests.items.conftest import bind_merchant, decisions, edit, fresh

pytestmark = pytest.mark.sqlite


def test_a_senior_developer_submits_many_at_once(gem, sword, senior):
    result = releases.submit([gem, sword], actor=senior, message="Spring items")
    assert (result.exempt, result.skipped) == (None, [])
    assert result.release.message == "Spring items"
    assert set(result.release.entries.values_list("product_id", "state")) == {("gem", "in_progress"), ("sword", "in_progress")}
    assert set(Item.objects.values_list("state", flat=True)) == {"under_review"}


def test_only_those_who_may_submit(gem, developer, operator, stranger):
    for person, error in ((developer, Forbidden), (operator, Forbidden), (stranger, Invisible)):
        with pytest.raises(error):
            releases.submit([gem], actor=person)
    assert not Release.objects.exists()


def test_the_entry_is_a_snapshot_of_draft_and_live_copy(on_sale_gem, developer, senior):
    edit(on_sale_gem, by=developer, name="Big gem", price=1990)
    entry = releases.submit([on_sale_gem], actor=senior).release.entries.get()
    assert (entry.name, entry.price, entry.currency) == ("Big gem", 1990, "USD")
    assert (entry.old_name, entry.old_price, entry.old_currency) == ("Gem", 990, "USD")
    assert (entry.edited_by, entry.requested_by) == (developer, senior)


def test_what_cannot_be_submitted_is_left_out_with_a_reason(gem, submitted, sword, senior):
    result = releases.submit([gem, sword], actor=senior)
    assert [entry.product_id for entry in result.release.entries.all()] == ["sword"]
    assert [(item.product_id, "under review already" in why) for item, why in result.skipped] == [("gem", True)]


def test_submitting_twice_is_refused(gem, submitted, senior):
    with pytest.raises(WrongState, match="under review already"):
        releases.submit([gem], actor=senior)
    assert Release.objects.count() == 1


def test_an_item_on_sale_without_a_change_has_nothing_to_release(on_sale_gem, senior):
    with pytest.raises(WrongState, match="nothing new to release"):
        releases.submit([on_sale_gem], actor=senior)


def test_an_item_changed_since_the_page_was_shown_is_left_out(gem, sword, developer, senior):
    shown = {gem.pk: gem.draft_hash, sword.pk: sword.draft_hash}
    edit(gem, by=developer, price=1)
    result = releases.submit([gem, sword], actor=senior, shown=shown)
    assert [why for _item, why in result.skipped][0].startswith("“Gem (gem)” was changed by Devi Developer")
    assert Item.objects.get(pk=gem.pk).state == "unreleased"


def test_an_item_in_an_old_currency_has_to_be_priced_again(gem, northlight, senior, team_admin, superapp_admin, merchant):
    move(northlight.merchant_bindings.get(), "unbind", actor=team_admin)
    bind_merchant(northlight, by=team_admin, approved_by=superapp_admin, currency="JPY")
    with pytest.raises(WrongState, match="is in USD, but the merchant settles in JPY"):
        releases.submit([gem], actor=senior)


def test_a_message_has_a_limit_and_a_selection_is_needed(gem, senior):
    with pytest.raises(Refused, match="501 characters"):
        releases.submit([gem], actor=senior, message="x" * 501)
    with pytest.raises(Refused, match="No item is selected"):
        releases.submit([], actor=senior)


def test_withdrawing_the_only_item_cancels_the_request(gem, submitted, senior, developer):
    with pytest.raises(Forbidden):
        releases.withdraw(gem, actor=developer)
    assert releases.withdraw(gem, actor=senior).state == "unreleased"
    submitted = fresh(submitted)
    assert (submitted.state, submitted.decided_by) == ("cancelled", None)
    with pytest.raises(WrongState):
        releases.withdraw(gem, actor=senior)


def test_withdrawing_changes_leaves_the_live_copy_on_sale(on_sale_gem, developer, senior):
    edit(on_sale_gem, by=developer, price=1990)
    releases.submit([on_sale_gem], actor=senior)
    item = releases.withdraw(on_sale_gem, actor=senior)
    assert (item.state, item.on_sale, item.live_price, item.price) == ("released", True, 990, 1990)


def test_withdrawing_the_last_open_item_closes_the_request_as_it_was_decided(gem, sword, senior, approver):
    release = releases.submit([gem, sword], actor=senior).release
    releases.decide(release, actor=approver, decisions=decisions(release)[:1])
    left = Item.objects.get(state="under_review")
    releases.withdraw(left, actor=senior)
    release = fresh(release)
    assert (release.state, release.decided_by) == ("approved", approver)


def test_an_exemption_releases_at_once_and_keeps_a_record(gem, exemption, senior):
    result = releases.submit([gem], actor=senior)
    gem = fresh(gem)
    assert (gem.state, gem.on_sale, gem.live_price) == ("released", True, 990)
    assert result.release is None
    assert (result.exempt.state, result.exempt.exempt, result.exempt.decided_by) == ("approved", True, None)
    assert result.exempt.entries.get().state == "approved"


def test_what_was_taken_down_is_reviewed_even_under_an_exemption(gem, sword, exemption, senior, approver):
    releases.submit([gem], actor=senior)
    items.take_down(Item.objects.get(pk=gem.pk), actor=approver, reason="Look again")
    result = releases.submit([gem, sword], actor=senior)
    assert [entry.product_id for entry in result.release.entries.all()] == ["gem"]
    assert [entry.product_id for entry in result.exempt.entries.all()] == ["sword"]


def test_a_revoked_exemption_no_longer_counts(gem, exemption, senior, approver):
    move(exemption, "revoke", actor=approver, reason="No more")
    assert releases.submit([gem], actor=senior).exempt is None
