"""Mails about deliveries that are not acknowledged: what each says, and that there is one a mini program."""

from datetime import UTC, datetime, timedelta

import pytest

from console.models import OutgoingMail
from orders.alerts import QUIET, send_alerts
from orders.models import Delivery, DeliveryAlert
from tests.orders.shop import new_order, open_push, pay

FIRST = datetime(2026, 11, 1, 8, tzinfo=UTC)
NEXT = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
SAID = {
    "sixth_failure": "did not acknowledge the same delivery six times",
    "day": "have waited 24 hours",
    "week": "have waited 7 days",
    "ended": "were not acknowledged within 30 days",
}


@pytest.fixture
def program(starfall, team_admin, db):
    starfall.keys = open_push(starfall, team_admin, "http://127.0.0.1:1/")
    for number in range(2):
        pay(new_order(starfall, f"ORDER-{number}"), starfall.keys[0])
    Delivery.objects.update(first_due_at=FIRST, next_attempt_at=NEXT)
    return starfall


def mails() -> list[OutgoingMail]:
    return list(OutgoingMail.objects.order_by("pk"))


@pytest.mark.parametrize("level", ["sixth_failure", "day", "week"])
def test_it_says_what_happens_next_until_when_and_what_to_do(program, level):
    send_alerts([(program.pk, level)])
    (mail,) = mails()
    assert (mail.recipient, mail.subject) == ("payments@northlight.test", f"Deliveries of {program.name} are not acknowledged")
    said, _middle, todo = mail.body.partition("What you should do")
    happened, _middle, next_ = said.partition("What happens next")
    assert SAID[level] in happened and program.app_id in happened
    assert "The next attempt is due at 2026-11-02 14:30 UTC." in next_
    assert "tried until 2026-12-01 08:00 UTC, 30 days after it was first due" in next_ and "not switched off" in next_
    assert all(f"/m/{program.app_id}/{page}" in todo for page in ("delivery/log/", "delivery/", "orders/redeliver"))


def test_the_end_says_how_many_need_attention_and_that_nothing_happens_by_itself(program):
    Delivery.objects.update(state="needs_attention", next_attempt_at=None)
    send_alerts([(program.pk, "ended")])
    (mail,) = mails()
    assert mail.subject == f"Deliveries of {program.name} need attention" and SAID["ended"] in mail.body
    assert "2 deliveries need attention. We do not try them again until somebody redelivers them." in mail.body
    assert "next attempt is due" not in mail.body and "nothing happens by itself any more" in mail.body


def test_many_orders_and_levels_at_once_are_one_mail_about_the_gravest(program):
    send_alerts([(program.pk, level) for level in ("week", "sixth_failure", "day")] * 50)
    (mail,) = mails()
    assert SAID["week"] in mail.body
    send_alerts([(program.pk, level) for level in SAID])
    assert SAID["ended"] in mails()[1].body and len(mails()) == 2


def test_each_mini_program_gets_its_own_and_again_after_a_day(program, harbor_reader):
    send_alerts([(program.pk, "day"), (harbor_reader.pk, "day")])
    assert sorted(mail.subject.split()[2] for mail in mails()) == ["Harbor", program.name.split()[0]]
    DeliveryAlert.objects.filter(mini_program=program).update(sent_at=FIRST - QUIET - timedelta(seconds=1))
    send_alerts([(program.pk, "day"), (harbor_reader.pk, "day")])
    assert len(mails()) == 3
