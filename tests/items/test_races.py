"""Two people at once, on PostgreSQL: the second waits for the first and then sees what it did."""

import threading

import pytest
from django.db import connection, transaction

from console.errors import Refused, WrongState
from console.lifecycle import move
from items.actions import item as items
from items.actions import release as releases
from items.models import Item, Release, ReleaseEntry
from tests.items.conftest import decisions, edit, fresh

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]
# Not pg_stat_activity: within a transaction its rows stay those of the first look.
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def second_of(first, second):
    """Run `first` in a transaction; start `second` before it commits, commit once `second` waits. Returns what `second` did."""
    outcome = {}

    def run():
        try:
            outcome["result"] = second()
        except (WrongState, Refused) as error:
            outcome["error"] = error
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first()
        thread.start()
        wait_until_blocked(thread)
    thread.join()
    return outcome


def wait_until_blocked(thread):
    """Until another connection waits for a lock of this one; a thread that ends without waiting fails the test."""
    pause = threading.Event()
    with connection.cursor() as cursor:
        while True:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
            assert thread.is_alive(), "The second did not wait for the first."
            pause.wait(0.005)


def test_an_edit_that_comes_after_a_submit_is_refused(gem, senior, developer):
    outcome = second_of(lambda: releases.submit([gem], actor=senior), lambda: edit(gem, by=developer, price=1))
    assert "under review" in str(outcome["error"])
    assert fresh(gem).price == Release.objects.get().entries.get().price == 990


def test_a_submit_that_comes_after_an_edit_does_not_submit_what_was_not_shown(gem, senior, developer):
    shown = {gem.pk: gem.draft_hash}
    outcome = second_of(lambda: edit(gem, by=developer, price=1), lambda: releases.submit([gem], actor=senior, shown=shown))
    assert "was changed by Devi Developer" in str(outcome["error"])
    assert not Release.objects.exists()


def test_an_edit_while_deciding_is_refused_or_sees_the_decision(gem, submitted, approver, developer):
    made = decisions(submitted)
    second_of(lambda: releases.decide(submitted, actor=approver, decisions=made), lambda: edit(gem, by=developer, price=1))
    after = fresh(gem)
    assert (after.live_price, after.on_sale) == (990, True)
    assert after.price == 1 and after.has_unreleased_changes


def test_a_decision_that_waits_for_changed_content_decides_nothing(gem, submitted, approver, senior, developer):
    """The team withdraws, edits and submits again while the reviewer's answer to the old content is on its way."""
    made = decisions(submitted)

    def change():
        edit(releases.withdraw(gem, actor=senior), by=developer, price=1)
        releases.submit([gem], actor=senior)

    outcome = second_of(change, lambda: releases.decide(submitted, actor=approver, decisions=made))
    assert isinstance(outcome["error"], WrongState)
    assert (fresh(gem).state, fresh(gem).on_sale) == ("under_review", False)


def test_two_submits_at_once_make_one_request(gem, senior, team_admin):
    outcome = second_of(lambda: releases.submit([gem], actor=senior), lambda: releases.submit([gem], actor=team_admin))
    assert "under review already" in str(outcome["error"])
    assert Release.objects.get().requested_by == senior


def test_two_deciders_at_once_make_one_decision(gem, submitted, approver, superapp_admin):
    made = decisions(submitted)
    no = [decision._replace(approve=False, reason="No") for decision in made]
    outcome = second_of(
        lambda: releases.decide(submitted, actor=approver, decisions=made),
        lambda: releases.decide(submitted, actor=superapp_admin, decisions=no),
    )
    assert "already decided by Ada Approver" in str(outcome["error"])
    assert (fresh(gem).state, fresh(submitted).decided_by) == ("released", approver)


def test_two_deciders_of_different_items_both_count_and_finish_the_request(gem, sword, senior, approver, superapp_admin):
    release = releases.submit([gem, sword], actor=senior).release
    one, other = decisions(release)
    outcome = second_of(
        lambda: releases.decide(release, actor=approver, decisions=[one]),
        lambda: releases.decide(release, actor=superapp_admin, decisions=[other._replace(approve=False, reason="No")]),
    )
    assert outcome["result"].state == fresh(release).state == "partly_approved"


def test_a_withdrawal_waits_for_a_decision_and_comes_too_late(gem, submitted, senior, approver):
    made = decisions(submitted)
    outcome = second_of(
        lambda: releases.decide(submitted, actor=approver, decisions=made), lambda: releases.withdraw(gem, actor=senior)
    )
    assert isinstance(outcome["error"], (WrongState, Refused))
    assert (fresh(gem).on_sale, ReleaseEntry.objects.get().state) == (True, "approved")


def test_a_decision_waits_for_a_withdrawal_and_comes_too_late(gem, submitted, senior, approver):
    made = decisions(submitted)
    outcome = second_of(
        lambda: releases.withdraw(gem, actor=senior), lambda: releases.decide(submitted, actor=approver, decisions=made)
    )
    assert isinstance(outcome["error"], WrongState)
    assert (fresh(gem).on_sale, fresh(submitted).state) == (False, "cancelled")


def test_a_revoke_that_commits_first_wins(gem, exemption, senior, approver):
    outcome = second_of(
        lambda: move(exemption, "revoke", actor=approver, reason="No more"), lambda: releases.submit([gem], actor=senior)
    )
    assert outcome["result"].exempt is None
    assert (fresh(gem).state, fresh(gem).on_sale) == ("under_review", False)


def test_a_release_that_commits_first_stands_and_the_revoke_follows(gem, exemption, senior, approver):
    second_of(lambda: releases.submit([gem], actor=senior), lambda: move(exemption, "revoke", actor=approver, reason="No more"))
    assert (fresh(gem).on_sale, fresh(exemption).state) == (True, "revoked")


def test_adding_the_same_id_twice_at_once_adds_it_once(starfall, developer, senior, merchant):
    gem = {"product_id": "gem", "name": "Gem", "price": 990, "currency": "USD"}
    outcome = second_of(lambda: items.add(starfall, actor=developer, **gem), lambda: items.add(starfall, actor=senior, **gem))
    assert "exists already" in outcome["error"].errors["product_id"]
    assert Item.objects.get().edited_by == developer
