"""The daily comparison with the superapp's list: kept, shown on the desk, told to those who can act, and mended by itself."""

import datetime

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from werkzeug import Response

from console.models import AuditEntry, MiniProgram, Notice, OutgoingMail
from openserver.actions import reconciliation
from openserver.tasks import reconcile
from orders.actions.mismatch import settle
from orders.mismatches import CASES, count, open_rows
from orders.models import Difference, Order, Reconciliation
from tests.openserver.test_reconcile import bank, five, row

__all__ = ["bank", "five"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
DAY = datetime.timedelta(days=1)


@pytest.fixture
def at_noon(five):
    """The clock, stopped at noon of the day after the five orders."""
    with time_machine.travel((timezone.now() + DAY).replace(hour=12, minute=0), tick=False) as clock:
        yield clock


@pytest.fixture
def yesterday(five, at_noon):
    """The day of the five orders is over; one that the superapp says is paid is not paid here."""
    five.rows[0] |= {"state": "SUCCESS"}
    return (timezone.now() - DAY).date()


def report() -> Reconciliation:
    """That of the first day."""
    return Reconciliation.objects.earliest("day")


def test_yesterday_is_compared_and_kept(seller, yesterday):
    assert reconcile() == 1
    assert (report().day, report().state, report().found) == (yesterday, "differs", 1)
    difference = Difference.objects.get()
    assert (difference.kind, difference.ours, difference.theirs) == ("state", "WAIT_PAY", "SUCCESS")
    assert (difference.order.out_trade_no, difference.mini_program) == ("V-1", seller.program)
    assert Order.objects.get(alert="differs_from_superapp").out_trade_no == "V-1"
    assert (reconcile(), Difference.objects.count(), AuditEntry.objects.filter(verb="orders.order.alert").count()) == (0, 1, 1)


def test_those_who_can_act_are_told_once(yesterday, at_noon, team_admin, senior, developer, superapp_operator):
    reconcile()
    told = {notice.user: notice for notice in Notice.objects.filter(kind="reconciliation")}
    assert {team_admin, senior, superapp_operator} <= told.keys() and developer not in told
    assert "1 transaction of" in told[senior].subject and told[senior].url.endswith("/mismatches/?case=reconciled")
    assert OutgoingMail.objects.filter(recipient=senior.email, subject=told[senior].subject).exists()
    before = Notice.objects.count()
    at_noon.shift(reconciliation.AGAIN)
    assert (reconcile(), Notice.objects.count()) == (1, before)


def test_a_settled_difference_stays_settled_until_it_changes(seller, five, yesterday, at_noon, senior):
    reconcile()
    case = next(case for case in CASES if case.name == "reconciled")
    assert settle(case, seller.program, [Difference.objects.get().pk], note="Asked the channel.", actor=senior) == 1
    for state, left in (("SUCCESS", 0), ("CLOSED", 1)):
        five.rows[0] |= {"state": state}
        at_noon.shift(reconciliation.AGAIN)
        assert (reconcile(), count(open_rows(case, seller.program))) == (1, left)


def test_what_was_repaired_disappears_and_its_alert_ends(seller, five, yesterday, at_noon):
    reconcile()
    seller.notify_paid("V-1")
    at_noon.shift(reconciliation.AGAIN)
    assert reconcile() == 1
    assert (report().state, report().found, report().next_at, Difference.objects.count()) == ("agrees", 0, None, 0)
    assert not Order.objects.exclude(alert="").exists()
    assert AuditEntry.objects.filter(verb="orders.order.end_alert").count() == 1
    at_noon.shift(reconciliation.AGAIN)
    assert reconcile() == 0


def test_what_is_known_to_the_superapp_only_stands_on_both_desks(client, seller, five, yesterday, team_admin, superapp_operator):
    five.rows[0] |= {"state": "WAIT_PAY"}
    five.rows += [row(seller, "X-9", state="SUCCESS"), row(seller, "Y-9", appId="mp-unknown")]
    reconcile()
    pages = {}
    for person, route, names in (
        (team_admin, "orders:mismatches", {"app_id": seller.program.app_id}),
        (superapp_operator, "orders:superapp-mismatches", {"superapp": seller.superapp.code}),
    ):
        client.force_login(person)
        pages[person] = client.get(reverse(route, kwargs=names) + "?case=reconciled").content.decode()
    assert "X-9" in pages[team_admin] and "Y-9" not in pages[team_admin]
    assert "Not known here. The superapp says: Paid 990 USD" in pages[team_admin]
    assert "X-9" in pages[superapp_operator] and "mp-unknown" in pages[superapp_operator]
    assert "2 differences" in pages[superapp_operator] and "Comparisons of the last days" not in pages[team_admin]


def test_a_list_that_cannot_be_had_is_told_once_and_asked_for_again(seller, five, yesterday, at_noon, client, superapp_admin):
    five.answer = Response("", status=500)
    reconcile()
    assert (report().state, report().fault) == ("failed", "answered with status 500")
    notices = Notice.objects.count()
    assert notices > 0
    at_noon.shift(reconciliation.AGAIN)
    assert (reconcile(), Notice.objects.count()) == (1, notices)
    client.force_login(superapp_admin)
    url = reverse("orders:superapp-mismatches", kwargs={"superapp": seller.superapp.code})
    assert "answered with status 500" in client.get(f"{url}?case=reconciled").content.decode()
    five.answer = None
    at_noon.shift(reconciliation.AGAIN)
    assert (reconcile(), report().state, report().fault) == (1, "differs", "")


def test_after_a_failure_what_was_found_before_is_still_shown(seller, five, yesterday, at_noon):
    reconcile()
    five.answer = Response("", status=500)
    at_noon.shift(reconciliation.AGAIN)
    reconcile()
    assert (report().state, Difference.objects.count()) == ("failed", 1)


def test_days_that_nobody_compared_are_made_up_for_and_old_ones_left(seller, five, yesterday, at_noon):
    five.rows = []  # nothing of these days
    at_noon.shift(20 * DAY)
    assert reconcile() == reconciliation.DAYS
    assert Reconciliation.objects.filter(next_at=None, state="agrees").count() == reconciliation.DAYS
    at_noon.shift(100 * DAY)
    reconcile()
    assert Reconciliation.objects.count() == reconciliation.DAYS


def test_after_a_week_it_is_left_as_it_is(seller, five, yesterday, at_noon):
    reconcile()
    at_noon.shift(8 * DAY)
    reconcile()
    assert Reconciliation.objects.get(day=yesterday).next_at is None


def test_not_before_two_hours_of_the_next_day(seller, yesterday, at_noon):
    at_noon.move_to(timezone.now().replace(hour=1, minute=59))
    assert reconcile() == 0
    at_noon.shift(datetime.timedelta(minutes=2))
    assert reconcile() == 1


def test_a_superapp_without_a_backend_is_not_asked(seller, five, yesterday):
    seller.superapp.backend_url = ""
    seller.superapp.save()
    assert (reconcile(), five.queries) == (0, [])


def test_what_another_worker_compares_is_left_to_it(seller, five, yesterday, monkeypatch):
    real = reconciliation.compare

    def meanwhile(*arguments):
        assert reconcile() == 0
        return real(*arguments)

    monkeypatch.setattr(reconciliation, "compare", meanwhile)
    assert reconcile() == 1
    assert len(five.queries) == 3  # pages of one comparison


def test_thousands_of_differences_are_counted_and_the_first_thousand_kept(seller, five, yesterday, monkeypatch):
    monkeypatch.setattr(reconciliation, "MOST", 2)
    five.rows += [row(seller, f"X-{number}", state="SUCCESS") for number in range(5)]
    reconcile()
    assert (report().found, Difference.objects.count()) == (6, 2)


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 5000])
def test_odd_texts_of_the_superapp_are_kept_and_break_nothing(seller, five, yesterday, text):
    five.rows += [row(seller, f"X{text}", currencyType=f"U{text}"), row(seller, "Z", appId=f"mp{text}")]
    reconcile()
    assert (report().state, report().found) == ("differs", 3)


def test_another_superapps_program_is_not_concerned(seller, five, yesterday, harbor_reader):
    MiniProgram.objects.filter(pk=harbor_reader.pk).update(superapp=seller.superapp)
    reconcile()
    assert not Difference.objects.filter(mini_program=harbor_reader).exists()
    assert not Notice.objects.filter(user__team_memberships__team=harbor_reader.team).exists()
