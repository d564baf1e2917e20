"""News for people: the bell, the page, mails at once, once a day or never."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from console import notices
from console.models import Notice, NoticeChoice, OutgoingMail, User
from console.notices import News, choose, send_digests, tell

AT_NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def news(_reader: User) -> News:
    return News("Something happened", "/", "Something happened.\n\nhttp://testserver/\n")


@pytest.fixture
def told(senior):
    def give(kind=Notice.Kind.REQUEST, reader=senior):
        tell([reader], kind=kind, write=news)
        return Notice.objects.filter(user=reader).latest("pk")

    return give


def test_the_bell_counts_what_is_unread_and_the_page_lists_it(client, senior, told):
    told()
    client.force_login(senior)
    page = client.get(reverse("notices")).text
    assert "Something happened" in page
    assert "Notifications, 1 unread" in page
    page = client.post(reverse("notice-read"), follow=True).text
    assert "unread" not in page
    assert Notice.objects.get().read_at is not None


def test_one_is_marked_as_read_and_those_of_others_are_not_there(client, senior, developer, told):
    mine, other = told(), told(reader=developer)
    client.force_login(senior)
    assert client.post(reverse("notice-read"), {"notice": mine.pk}).status_code == 302
    for number in (other.pk, "x", "9" * 18, "²"):
        assert client.post(reverse("notice-read"), {"notice": number}).status_code == 404
    other.refresh_from_db()
    assert other.read_at is None


def test_reading_the_page_marks_nothing(client, senior, told):
    told()
    client.force_login(senior)
    client.get(reverse("notices"))
    assert client.get(reverse("notice-read")).status_code == 405
    assert Notice.objects.get().read_at is None


@pytest.mark.parametrize(("way", "mails", "waits"), [("at_once", 1, False), ("daily", 0, True), ("console", 0, False)])
def test_the_reader_chooses_how_to_hear_of_it(client, senior, told, way, mails, waits):
    client.force_login(senior)
    ways = {kind.value: way for kind in Notice.Kind}
    assert client.post(reverse("notice-preferences"), ways).status_code == 302
    assert told().digest is waits
    assert OutgoingMail.objects.count() == mails


def test_a_way_that_does_not_exist_is_refused_and_nothing_is_kept(client, senior):
    client.force_login(senior)
    page = client.post(reverse("notice-preferences"), {kind.value: "pigeon" for kind in Notice.Kind})
    assert page.status_code == 422
    assert "Choose one of the ways offered." in page.text
    assert not NoticeChoice.objects.exists()


def test_a_choice_that_is_changed_replaces_the_old_one(senior):
    choose(senior, {"request": "at_once"})
    choose(senior, {"request": "console"})
    assert NoticeChoice.objects.get().way == "console"


def test_the_news_is_written_in_the_language_of_each_reader(senior, developer):
    User.objects.filter(pk=senior.pk).update(language="zh-hans")
    senior.refresh_from_db()

    def in_words(_reader: User) -> News:
        from django.utils.translation import gettext

        return News(gettext("Approvals"), "/", "")

    tell([senior, developer], kind=Notice.Kind.REQUEST, write=in_words)
    assert dict(Notice.objects.values_list("user", "subject")) == {senior.pk: "审批", developer.pk: "Approvals"}


def test_a_day_has_one_mail_with_all_its_news(time_machine, senior, told):
    time_machine.move_to(AT_NINE)
    told(), told()
    assert send_digests() == 1
    mail = OutgoingMail.objects.get()
    assert (mail.recipient, mail.subject, mail.body.count("- Something happened")) == (senior.email, "2 pieces of news", 2)
    told()
    time_machine.move_to(AT_NINE + timedelta(hours=3))
    assert send_digests() == 0, "one mail a day"
    time_machine.move_to(AT_NINE + timedelta(days=1))
    assert send_digests() == 1


def test_the_daily_mail_waits_for_the_morning_of_the_reader(time_machine, senior, told):
    User.objects.filter(pk=senior.pk).update(time_zone="America/New_York")
    time_machine.move_to(AT_NINE)  # four in the morning in New York
    told()
    assert send_digests() == 0
    time_machine.move_to(AT_NINE + timedelta(hours=4))
    assert send_digests() == 1


def test_old_news_is_forgotten(senior, told):
    row = told()
    Notice.objects.filter(pk=row.pk).update(created_at=timezone.now() - notices.KEPT - timedelta(days=1))
    send_digests()
    assert not Notice.objects.exists()
