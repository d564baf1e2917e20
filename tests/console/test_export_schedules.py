"""Exports on a schedule: periods, once each, for those who still may."""

import re
from datetime import UTC, date, datetime

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from structlog.testing import capture_logs

from console import exports, jobs, schedules
from console.actions import export_schedule as actions
from console.actions.membership import leave_team
from console.errors import Forbidden, Refused
from console.models import AuditEntry, ExportRun, ExportSchedule, Job, Notice, OutgoingMail, TeamMembership
from console.views import export_schedules
from tests.orders.records import place
from tests.people import SETUP

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
FIELDS = {"columns": ["number", "amount"], "file": "csv", "every": "day", "zone": "Asia/Shanghai"}


@pytest.fixture
def clock(monkeypatch):
    """Sets what the scheduler takes for now."""

    def at(*moment):
        monkeypatch.setattr(schedules.timezone, "now", lambda: datetime(*moment, tzinfo=UTC))

    at(2026, 3, 4, 12)
    return at


@pytest.fixture
def daily(clock, starfall, operator, senior):
    who = {"recipients": [operator, senior], "actor": operator}
    return actions.create(starfall, "orders", name="Sales", query="payment=paid", **who, **FIELDS)


def periods():
    return list(ExportRun.objects.order_by("since").values_list("since", "until"))


def test_the_activity_keeps_no_open_id_that_is_searched_for(clock, starfall, operator):
    place(starfall, "ORDER-1", open_id="player-0001-abcd")
    who = {"recipients": [operator], "actor": operator}
    actions.create(starfall, "orders", name="One player", query="q=player-0001-abcd", **who, **FIELDS)
    told = str(AuditEntry.objects.get(verb="console.export_schedule.create").changes)
    assert "abcd" in told and "player-0001-abcd" not in told
    assert ExportSchedule.objects.get().query == "q=player-0001-abcd", "what is exported stays what was asked for"


def test_a_day_is_exported_once_it_is_over_in_its_zone(daily, clock):
    clock(2026, 3, 4, 16, 9)  # midnight in Shanghai, and the ten minutes in which the day settles
    assert schedules.start_due() == 0
    clock(2026, 3, 4, 16, 10)
    assert schedules.start_due() == 1
    assert schedules.start_due() == 0
    job = Job.objects.get()
    assert periods() == [(date(2026, 3, 4), date(2026, 3, 4))]
    assert "payment=paid" in job.params["query"] and "since=2026-03-04&until=2026-03-04" in job.params["query"]
    assert job.title == "Sales: 2026-03-04" and job.params["zone"] == "Asia/Shanghai"


def test_what_fell_due_meanwhile_is_made_up_for_each_period_once(daily, clock):
    clock(2026, 3, 8, 0)
    for _call in range(6):
        schedules.start_due()
    assert [since.day for since, _until in periods()] == [4, 5, 6, 7]


def test_two_schedulers_start_one_export(daily, clock):
    clock(2026, 3, 5, 0)
    assert [schedules.start_one(daily.pk), schedules.start_one(daily.pk)] == [1, 0]
    run = ExportRun.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportRun.objects.create(schedule=daily, since=run.since, until=run.until, job=run.job)


@pytest.mark.parametrize(
    ("every", "since", "until"),
    [("week", date(2026, 3, 2), date(2026, 3, 8)), ("month", date(2026, 3, 1), date(2026, 3, 31))],
)
def test_weeks_begin_on_monday_and_months_on_the_first(daily, clock, operator, every, since, until):
    actions.edit(daily, recipients=[operator], actor=operator, **FIELDS | {"every": every})
    clock(2026, 4, 1, 0)
    assert schedules.start_due() == 1
    assert periods() == [(since, until)]


@pytest.mark.parametrize(
    ("first", "made", "changed", "then", "due", "since", "until"),
    [
        ("day", (2026, 3, 2, 2), (2026, 3, 4, 2), "week", (2026, 3, 8, 17), date(2026, 3, 2), date(2026, 3, 8)),
        ("day", (2026, 3, 1, 2), (2026, 3, 4, 2), "month", (2026, 3, 31, 17), date(2026, 3, 1), date(2026, 3, 31)),
        ("week", (2026, 6, 2, 2), (2026, 6, 10, 2), "month", (2026, 6, 30, 17), date(2026, 6, 1), date(2026, 6, 30)),
    ],
)
def test_another_rhythm_holds_the_days_that_were_exported_one_by_one(
    clock, starfall, operator, first, made, changed, then, due, since, until
):
    clock(*made)
    who = {"recipients": [operator], "actor": operator}
    row = actions.create(starfall, "orders", name="Sales", query="", **who, **FIELDS | {"every": first})
    clock(*changed)
    assert schedules.start_due() == 1
    actions.edit(row, **who, **FIELDS | {"every": then})
    clock(*due)
    assert schedules.start_due() == 1
    assert (since, until) in periods() and len(periods()) == 2


def test_the_same_day_in_another_zone_is_not_exported_again(daily, clock, operator):
    clock(2026, 3, 4, 16, 30)  # the fourth is over in Shanghai and under way in New York
    assert schedules.start_due() == 1
    actions.edit(daily, recipients=[operator], actor=operator, **FIELDS | {"zone": "America/New_York"})
    clock(2026, 3, 6, 6)
    assert schedules.start_due() == 1
    assert [since.day for since, _until in periods()] == [4, 5]


def test_a_change_leaves_alone_what_was_started_since_the_page_was_read(daily, clock, operator):
    changes = [
        lambda row: actions.edit(row, recipients=[operator], actor=operator, **FIELDS | {"file": "xlsx"}),
        lambda row: actions.pause(row, actor=operator),
    ]
    for day, change in enumerate(changes, 5):
        read_before = ExportSchedule.objects.get()
        clock(2026, 3, day, 0)
        assert schedules.start_due() == 1
        change(read_before)
        assert ExportSchedule.objects.get().next_since == date(2026, 3, day)


def test_a_schedule_that_cannot_be_started_holds_up_no_other(daily, clock, starfall, operator):
    who = {"recipients": [operator], "actor": operator}
    other = actions.create(starfall, "orders", name="Other", query="", **who, **FIELDS)
    ExportSchedule.objects.filter(pk=daily.pk).update(record="gone")
    clock(2026, 3, 5, 0)
    with capture_logs() as logs:
        assert schedules.start_due() == 1
    assert ExportRun.objects.get().schedule == other
    assert [entry["schedule"] for entry in logs if entry["event"] == "schedule_not_started"] == [daily.pk]


def test_the_owner_is_told_once_what_cannot_be_started_and_the_page_says_since_when(client, daily, clock, operator, monkeypatch):
    clock(2026, 3, 5, 0)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "start", lambda *_args, **_more: 1 / 0)
        assert [schedules.start_due(), schedules.start_due()] == [0, 0]
    mail = OutgoingMail.objects.get()
    assert (mail.recipient, mail.subject) == (operator.email, "Not started: the scheduled export “Sales”")
    assert "Something went wrong on our side" in mail.body and f"/exports/{daily.pk}/" in mail.body
    client.force_login(operator)
    place = reverse("program-export-schedules", kwargs={"app_id": daily.place.app_id})
    pages = [place, f"{place}{daily.pk}/"]
    for page in pages:
        text = client.get(page).content.decode()
        assert "Not started" in text and "Something went wrong on our side" in text and "5 Mar 2026, 00:00" in text
    assert schedules.start_due() == 1, "the period is made up for"
    assert all("Not started" not in client.get(page).content.decode() for page in pages)


def test_it_pauses_when_its_filters_cannot_be_understood_any_more(client, daily, clock, operator, senior):
    ExportSchedule.objects.update(query="payment=stolen")
    clock(2026, 3, 5, 0)
    assert [schedules.start_due(), schedules.start_due()] == [0, 0] and not Job.objects.exists()
    mails = OutgoingMail.objects.filter(subject__startswith="Paused: ", body__contains="Payment: “stolen” is not one of")
    assert sorted(mail.recipient for mail in mails) == sorted([operator.email, senior.email])
    client.force_login(senior)
    url = reverse("program-export-schedule", kwargs={"app_id": daily.place.app_id, "pk": daily.pk})
    text = client.get(url).content.decode()
    assert "5 Mar 2026, 00:00" in text and "“stolen” is not one of" in text and 'value="resume"' not in text
    told = client.post(url, {"act": "resume"}, follow=True).content.decode()
    assert "The filters of the list cannot be understood" in told and "Its filters cannot be understood any more." in told
    assert ExportSchedule.objects.get().is_paused


def test_what_could_not_be_started_waits_behind_the_others(daily, clock, starfall, operator, monkeypatch):
    other = actions.create(starfall, "orders", name="Other", query="", recipients=[operator], actor=operator, **FIELDS)
    ExportSchedule.objects.filter(pk=daily.pk).update(trouble="fault", trouble_since=daily.due_at)
    clock(2026, 3, 5, 0)
    monkeypatch.setattr(schedules, "MOST_AT_ONCE", 1)
    schedules.start_due()
    assert ExportRun.objects.get().schedule == other


def test_a_day_of_23_hours_ends_at_midnight_too(daily, operator, clock):
    clock(2026, 3, 8, 12)  # New York sets its clocks forward
    row = actions.edit(daily, recipients=[operator], actor=operator, **FIELDS | {"zone": "America/New_York"})
    assert row.due_at == datetime(2026, 3, 9, 4, tzinfo=UTC)


def run(schedule):
    """The job of the schedule with a file, as its worker leaves it; the file itself is tested with the exports."""
    Job.objects.update(state="succeeded", result={"filename": "a.csv"})
    job = Job.objects.get()
    job.file.save("a.csv", ContentFile(b"rows"))
    exports.tell_ready(job, exports._hand_out(job, schedule.place))
    return job


def test_recipients_who_still_may_get_a_link_and_download(client, daily, clock, operator, senior, developer, northlight):
    clock(2026, 3, 5, 0)
    schedules.start_due()
    leave_team(TeamMembership.objects.get(user=senior, team=northlight), actor=SETUP)
    job = run(daily)
    assert set(job.readers.all()) == {operator}
    mail = OutgoingMail.objects.get(subject__startswith="The file is ready")
    assert mail.recipient == operator.email and f"/jobs/{job.uid}/" in mail.body and "Sales: 2026-03-04" in mail.subject
    assert Notice.objects.filter(kind="export").count() == 1
    for person, status in ((operator, 200), (developer, 404)):
        client.force_login(person)
        assert client.get(reverse("job-file", kwargs={"uid": job.uid})).status_code == status
    assert AuditEntry.objects.filter(verb="console.job.download").count() == 1


def test_recipients_and_owner_are_told_that_it_failed(client, daily, clock, operator, senior, developer, northlight, starfall):
    actions.edit(daily, recipients=[senior, developer], actor=operator, **FIELDS)
    clock(2026, 3, 5, 0)
    schedules.start_due()
    leave_team(TeamMembership.objects.get(user=developer, team=northlight), actor=SETUP)
    Job.objects.update(state="running")
    job = jobs.fail(Job.objects.get(), error="The disk is full.")
    mails = OutgoingMail.objects.filter(subject__startswith="The export failed: Sales: 2026-03-04")
    assert {mail.recipient for mail in mails} == {operator.email, senior.email}
    assert all("The disk is full." in mail.body and f"/jobs/{job.uid}/" in mail.body for mail in mails)
    client.force_login(senior)
    assert "The disk is full." in client.get(reverse("job-detail", kwargs={"uid": job.uid})).content.decode()


def test_a_recipient_downloads_until_they_lose_the_permission(client, daily, clock, operator, senior, northlight):
    clock(2026, 3, 5, 0)
    schedules.start_due()
    job = run(daily)
    url = reverse("job-file", kwargs={"uid": job.uid})
    client.force_login(senior)
    assert client.get(url).status_code == 200
    assert client.post(reverse("job-cancel", kwargs={"uid": job.uid})).status_code == 404
    leave_team(TeamMembership.objects.get(user=senior, team=northlight), actor=SETUP)
    senior.refresh_from_db()
    client.force_login(senior)
    assert client.get(url).status_code == 404
    page = reverse("job-detail", kwargs={"uid": job.uid})
    assert client.get(page).status_code == 404, "its page has totals, so it goes with the file"


def test_it_pauses_when_its_owner_may_no_longer_export(daily, clock, operator, senior, northlight):
    leave_team(TeamMembership.objects.get(user=operator, team=northlight), actor=SETUP)
    clock(2026, 3, 5, 0)
    assert schedules.start_due() == 0 and not Job.objects.exists()
    daily.refresh_from_db()
    assert daily.is_paused and AuditEntry.objects.filter(verb="console.export_schedule.pause", actor=None).exists()
    assert actions.resume(daily, actor=senior).owner == senior


def test_owner_and_recipients_are_told_that_it_pauses(daily, clock, operator, senior, developer, northlight):
    actions.edit(daily, recipients=[operator, senior, developer], actor=operator, **FIELDS)
    for person in (operator, developer):
        leave_team(TeamMembership.objects.get(user=person, team=northlight), actor=SETUP)
    clock(2026, 3, 5, 0)
    schedules.start_due()
    schedules.start_due()
    mails = {mail.recipient: mail for mail in OutgoingMail.objects.filter(subject="Paused: the scheduled export “Sales”")}
    assert set(mails) == {operator.email, senior.email}, "each once, and no recipient who lost the permission"
    page = reverse("program-export-schedule", kwargs={"app_id": daily.place.app_id, "pk": daily.pk})
    assert page in mails[senior.email].body and page not in mails[operator.email].body
    assert Notice.objects.get(user=senior, kind="export").url == page


@pytest.mark.parametrize("wrong", ["payment=stolen", "q=" + "+".join(f"N{number}" for number in range(201))])
def test_an_address_with_wrong_filters_is_answered_with_a_sentence(client, operator, starfall, wrong):
    client.force_login(operator)
    place = {"app_id": starfall.app_id}
    url = reverse("program-export-schedule-create", kwargs=place) + f"?record=orders&{wrong}"
    for response in (client.get(url, follow=True), client.post(url, FIELDS, follow=True)):
        assert response.redirect_chain == [(reverse("program-export-schedules", kwargs=place), 302)]
        assert "The filters of the list cannot be understood" in response.content.decode()
    assert not ExportSchedule.objects.exists()


def test_present_recipients_stay_where_there_are_more_people_than_room(client, daily, operator, senior, starfall, monkeypatch):
    url = reverse("program-export-schedule", kwargs={"app_id": starfall.app_id, "pk": daily.pk})
    client.force_login(operator)
    assert "More people may see this list" not in client.get(url).content.decode()
    monkeypatch.setattr(export_schedules, "MOST_PEOPLE", 1)
    page = client.get(url)
    assert "the first 1 by name" in page.content.decode()
    kept = page.context["form"]["recipients"].value()
    assert client.post(url, FIELDS | {"name": "Sales", "recipients": kept}).status_code == 302
    assert set(daily.recipients.all()) == {operator, senior}


@pytest.mark.parametrize("typed", ["player-0001-abcd", "player-0001-abcd%2C", "+%3Bplayer-0001-abcd+"])
def test_a_searched_open_id_is_masked_for_who_sees_players_masked(client, clock, starfall, operator, superapp_operator, typed):
    place(starfall, "ORDER-1", open_id="player-0001-abcd")
    who = {"recipients": [operator], "actor": operator}
    row = actions.create(starfall, "orders", name="One player", query=f"q={typed}", **who, **FIELDS)
    url = reverse("program-export-schedule", kwargs={"app_id": starfall.app_id, "pk": row.pk})
    for person, told in ((operator, "Search: player-0001-abcd"), (superapp_operator, "Search: pla…abcd")):
        client.force_login(person)
        text = client.get(url).content.decode()
        assert told in text and ("player-0001-abcd" in text) == (person == operator)


def test_who_may_not_see_the_list_is_no_recipient(daily, operator, stranger, approver):
    for person in (stranger, approver):
        with pytest.raises(Refused, match="Not allowed to see this list"):
            actions.edit(daily, recipients=[person], actor=operator, **FIELDS)


@pytest.mark.parametrize(
    ("language", "chips"),
    [("en", ["Orders · Virtual payment · Live", "Payment: Paid"]), ("zh-hans", ["订单 · 虚拟支付 · 正式", "支付：已支付"])],
)
def test_its_page_says_what_it_exports_and_no_days_but_those_of_its_periods(client, daily, operator, language, chips):
    operator.language = language
    operator.save()
    client.force_login(operator)
    url = reverse("program-export-schedule", kwargs={"app_id": daily.place.app_id, "pk": daily.pk})
    assert [shown["label"] for shown in client.get(url).context["chips"]] == chips


def test_the_page_of_a_run_is_linked_for_those_who_may_open_it(client, daily, clock, operator, developer):
    clock(2026, 3, 5, 0)
    schedules.start_due()
    job = reverse("job-detail", kwargs={"uid": Job.objects.get().uid})
    url = reverse("program-export-schedule", kwargs={"app_id": daily.place.app_id, "pk": daily.pk})
    for person, linked in ((operator, True), (developer, False)):
        client.force_login(person)
        assert (job in client.get(url).content.decode(), client.get(job).status_code == 200) == (linked, linked)


def test_who_may_not_export_schedules_nothing(clock, starfall, approver):
    with pytest.raises(Forbidden):
        actions.create(starfall, "orders", name="Mine", query="", recipients=[approver], actor=approver, **FIELDS)


def test_made_paused_resumed_changed_and_deleted_on_its_pages(client, clock, operator, starfall):
    client.force_login(operator)
    place = {"app_id": starfall.app_id}
    create = reverse("program-export-schedule-create", kwargs=place) + "?record=orders&payment=paid&since=2026-01-01"
    assert "Payment: Paid" in client.get(create).content.decode()
    typed = FIELDS | {"name": "Sales", "recipients": [str(operator.pk)]}
    assert client.post(create, typed).status_code == 302
    row = ExportSchedule.objects.get()
    assert (row.query, row.next_since) == ("payment=paid", date(2026, 3, 4))
    url = reverse("program-export-schedule", kwargs=place | {"pk": row.pk})
    for act, paused in (("pause", True), ("resume", False)):
        client.post(url, {"act": act})
        assert ExportSchedule.objects.get().is_paused is paused
    client.post(url, typed | {"name": "Weekly", "every": "week"})
    assert "Weekly" in client.get(reverse("program-export-schedules", kwargs=place)).content.decode()
    client.post(url, {"act": "delete"})
    entries = AuditEntry.objects.filter(verb__startswith="console.export_schedule").order_by("id")
    assert [entry.verb.rpartition(".")[2] for entry in entries] == ["create", "pause", "resume", "edit", "delete"]


def test_what_a_change_leaves_in_no_file_is_said(client, daily, clock, operator, starfall):
    client.force_login(operator)
    url = reverse("program-export-schedule", kwargs={"app_id": starfall.app_id, "pk": daily.pk})
    typed = FIELDS | {"name": "Sales", "recipients": [str(operator.pk)]}

    def said(**changes):
        page = client.post(url, changes, follow=True).content.decode()
        return re.findall("No file of it will hold the time from (.*?) to (.*?) \\((.*?)\\)", page)

    clock(2026, 3, 4, 16, 30)  # the fourth is over in Shanghai and under way in New York
    assert schedules.start_due() == 1
    assert said(**typed) == []
    assert said(**typed | {"zone": "America/New_York"}) == [("4 Mar 2026, 11:00", "5 Mar 2026, 00:00", "America/New_York")]
    assert said(act="pause") == []
    clock(2026, 3, 9, 12)
    client.force_login(operator)
    assert said(act="resume") == [("5 Mar 2026, 00:00", "9 Mar 2026, 00:00", "America/New_York")]
    assert said(act="resume") == []


def test_the_list_asks_as_much_for_one_as_for_ten(client, daily, clock, operator, starfall, django_assert_max_num_queries):
    for number in range(10):
        actions.create(starfall, "orders", name=f"S{number}", query="", recipients=[operator], actor=operator, **FIELDS)
    client.force_login(operator)
    with django_assert_max_num_queries(22):
        client.get(reverse("program-export-schedules", kwargs={"app_id": starfall.app_id}))


def test_a_stranger_finds_no_schedules(client, daily, stranger, starfall):
    client.force_login(stranger)
    url = reverse("program-export-schedule", kwargs={"app_id": starfall.app_id, "pk": daily.pk})
    assert client.get(url).status_code == 404 and client.post(url, {"act": "delete"}).status_code == 404
    assert ExportSchedule.objects.count() == 1


def test_jobs_are_started_after_the_commit_only(daily, clock, django_capture_on_commit_callbacks):
    clock(2026, 3, 5, 0)
    with django_capture_on_commit_callbacks() as callbacks:
        schedules.start_due()
    assert len(callbacks) == 1 and jobs.Job.objects.get().state == "queued"
