"""The superapp decides about releases, entry by entry."""

import pytest
from django.db import IntegrityError, connection, transaction  # noqa: F401 (the skip names it)

from console.actions.membership import leave_team, set_superapp_role, set_team_role
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import OutgoingMail
from items.actions import release as releases
from items.models import Item, ReleaseEntry
from tests.items.conftest import decisions, edit, fresh
from tests.people import SETUP

pytestmark = pytest.mark.sqlite


@pytest.fixture
def both(gem, sword, senior):
    return releases.submit([gem, sword], actor=senior).release


def test_approving_puts_the_item_on_sale(gem, submitted, approver):
    release = releases.decide(submitted, actor=approver, decisions=decisions(submitted))
    gem = fresh(gem)
    assert (release.state, release.decided_by) == ("approved", approver)
    assert (gem.state, gem.on_sale, gem.live_name, gem.live_price, gem.live_currency) == ("released", True, "Gem", 990, "USD")


def test_rejecting_needs_a_reason_and_says_it_on_the_item_and_in_the_mail(gem, submitted, approver, senior):
    with pytest.raises(Refused, match="Enter a reason"):
        releases.decide(submitted, actor=approver, decisions=decisions(submitted, approve=False))
    assert not OutgoingMail.objects.exists()
    releases.decide(submitted, actor=approver, decisions=decisions(submitted, approve=False, reason="Too dear"))
    gem = fresh(gem)
    submitted = fresh(submitted)
    assert (gem.state, gem.on_sale, gem.last_reason, submitted.state) == ("rejected", False, "Too dear", "rejected")
    mail = OutgoingMail.objects.get()
    assert mail.recipient == senior.email and "Reason: Too dear" in mail.body and "/items/" in mail.body


def test_a_rejected_change_leaves_the_live_copy_on_sale(on_sale_gem, developer, senior, approver):
    edit(on_sale_gem, by=developer, price=1990)
    release = releases.submit([on_sale_gem], actor=senior).release
    releases.decide(release, actor=approver, decisions=decisions(release, approve=False, reason="Too dear"))
    on_sale_gem = fresh(on_sale_gem)
    assert (on_sale_gem.state, on_sale_gem.on_sale, on_sale_gem.live_price) == ("rejected", True, 990)


def test_each_entry_is_decided_by_itself(both, approver):
    gem, sword = both.entries.order_by("product_id")
    yes = releases.Decision(gem.pk, True, "", gem.content_hash)
    no = releases.Decision(sword.pk, False, "Too sharp", sword.content_hash)
    assert releases.decide(both, actor=approver, decisions=[yes]).state == "in_progress"
    assert releases.decide(both, actor=approver, decisions=[no]).state == "partly_approved"
    assert set(Item.objects.values_list("product_id", "state")) == {("gem", "released"), ("sword", "rejected")}


def test_deciding_twice_says_who_was_first(submitted, approver, superapp_admin):
    again = decisions(submitted)
    releases.decide(submitted, actor=approver, decisions=again)
    with pytest.raises(WrongState, match="already decided by Ada Approver"):
        releases.decide(submitted, actor=superapp_admin, decisions=again)


def test_all_decisions_are_made_or_none(both, approver):
    good, bad = decisions(both)
    with pytest.raises(WrongState):
        releases.decide(both, actor=approver, decisions=[good, bad._replace(content_hash="0" * 64)])
    assert set(ReleaseEntry.objects.values_list("state", flat=True)) == {"in_progress"}
    assert not OutgoingMail.objects.exists()


def test_a_decision_is_about_the_content_that_was_shown(gem, submitted, approver, senior, developer):
    shown = decisions(submitted)
    releases.withdraw(gem, actor=senior)
    edit(Item.objects.get(pk=gem.pk), by=developer, price=1)
    releases.submit([gem], actor=senior)
    with pytest.raises(WrongState):
        releases.decide(submitted, actor=approver, decisions=shown)
    assert not Item.objects.on_sale().exists()


def test_who_may_decide(submitted, team_admin, stranger, superapp_operator):
    for person, error in ((team_admin, Forbidden), (superapp_operator, Forbidden), (stranger, Invisible)):
        with pytest.raises(error):
            releases.decide(submitted, actor=person, decisions=decisions(submitted))


def test_nobody_decides_what_they_requested_edited_or_what_their_team_asks(gem, northlight, approver, senior, superapp_admin):
    set_superapp_role(senior, northlight.superapp, "approver", actor=SETUP)
    release = releases.submit([gem], actor=senior).release
    with pytest.raises(Refused, match="You made this request yourself"):
        releases.decide(release, actor=senior, decisions=decisions(release))
    set_team_role(approver, northlight, "operator", actor=SETUP)
    with pytest.raises(Refused, match="member of the team"):
        releases.decide(release, actor=approver, decisions=decisions(release))


def test_nobody_who_edited_the_item_decides_not_only_the_last_editor(gem, northlight, developer, senior, approver):
    edit(gem, by=senior, price=1990)
    release = releases.submit([gem], actor=senior).release
    leave_team(developer.team_memberships.get(), actor=SETUP)
    set_superapp_role(developer, northlight.superapp, "approver", actor=SETUP)
    with pytest.raises(Refused, match="You edited what this request is about"):
        releases.decide(release, actor=developer, decisions=decisions(release))
    assert set(release.entries.get().editors) == {developer.pk, senior.pk}
    assert releases.decide(release, actor=approver, decisions=decisions(release)).state == "approved"


def test_a_withdrawal_does_not_forget_who_edited(gem, submitted, developer, senior):
    releases.withdraw(gem, actor=senior)
    edit(fresh(gem), by=senior, price=1990)
    assert set(releases.submit([gem], actor=senior).release.entries.get().editors) == {developer.pk, senior.pk}


def test_with_a_release_the_editors_begin_anew(on_sale_gem, senior):
    edit(on_sale_gem, by=senior, price=1990)
    assert releases.submit([on_sale_gem], actor=senior).release.entries.get().editors == [senior.pk]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="The constraint looks into JSON")
def test_the_database_refuses_a_decision_by_an_earlier_editor(gem, senior, team_admin, developer):
    edit(gem, by=senior, price=1990)
    entries = releases.submit([gem], actor=team_admin).release.entries
    with pytest.raises(IntegrityError, match="release_entry_not_decided_by_editor"), transaction.atomic():
        entries.update(decided_by=developer)


def test_the_database_refuses_a_decision_by_the_editor(submitted, developer):
    with pytest.raises(IntegrityError), transaction.atomic():
        submitted.entries.update(decided_by=developer)


def test_entries_of_another_release_are_no_part_of_this_one(submitted, sword, senior, approver):
    other = releases.submit([sword], actor=senior).release
    with pytest.raises(WrongState, match="not part of this release"):
        releases.decide(submitted, actor=approver, decisions=decisions(other))
    with pytest.raises(Refused, match="Nothing is decided"):
        releases.decide(submitted, actor=approver, decisions=[])
