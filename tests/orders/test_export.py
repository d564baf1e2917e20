"""Exports of the order record and the after-sales record."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from console import exporting, exports, jobs, zones
from console.actions.membership import leave_team
from console.errors import Refused
from console.exports import LONG, start_export
from console.jobs import Cancelled, Progress
from console.middleware import known_zone
from console.models import AuditEntry, Job, Notice, OutgoingMail, TeamMembership
from orders.listings import SuperappOrderListing, order_listing
from orders.models import Order
from tests.orders import records
from tests.orders.records import give_back
from tests.people import SETUP

# The export reads on a connection of its own, which does not see what a test's transaction holds back.
pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
YEAR = "since=2026-01-01&until=2026-12-31"
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="compares COPY with the plain path")


class Quiet:
    """A progress that nobody watches."""

    def advance(self, done, total=None):
        self.done, self.total = done, total


def place(program, number, **fields):
    return records.place(program, number, **({"created_at": AT} | fields))


def written(program, query=YEAR, listing=order_listing):
    listing = listing(program, QueryDict(query))
    target = io.BytesIO()
    done = exporting.write_csv(listing, listing.matching, listing.columns, target, progress=Quiet())
    return target.getvalue(), done


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


@pytest.fixture
def url(starfall):
    return reverse("orders:export", kwargs={"app_id": starfall.app_id}) + f"?{YEAR}"


@pytest.fixture
def form():
    return {"scope": "all", "columns": ["number", "amount", "created"], "file": "csv"}


def test_makes_a_file_that_its_starter_downloads(client, operator, starfall, url, form):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    assert "1 order" in client.get(url).content.decode()
    page = client.post(url, form, follow=True)
    job = Job.objects.get()
    assert job.state == "succeeded" and job.result["sha256"] in page.content.decode()
    data = b"".join(client.get(reverse("job-file", kwargs={"uid": job.uid})).streaming_content)
    row = {"Order number": "ORDER-1", "Created (UTC)": "2026-03-01 20:30:00", "Amount": "9.90", "Amount (minor units)": "990"}
    assert table(data) == [row]
    assert AuditEntry.objects.filter(verb="console.job.download").count() == 1


def test_its_page_warns_that_a_spreadsheet_takes_long_ids_for_numbers(client, operator, starfall, url):
    place(starfall, "00001234567890123456")
    client.force_login(operator)
    assert "may show 20 digits as 2.0E+19 and leave out zeros in front" in client.get(url).text


def test_is_hidden_from_strangers_and_refused_to_the_approver(client, stranger, approver, url, form):
    for person, status in ((stranger, 404), (approver, 403)):
        client.force_login(person)
        assert client.get(url).status_code == status
        assert client.post(url, form).status_code == status
    assert not Job.objects.exists()


def test_nothing_to_export_leads_back_to_the_list(client, operator, url):
    client.force_login(operator)
    assert client.get(url).headers["Location"].startswith("./?since=")


def test_without_a_column_nothing_is_started(client, operator, starfall, url, form):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    response = client.post(url, form | {"columns": []})
    assert response.status_code == 422 and "Choose at least one column." in response.content.decode()
    assert not Job.objects.exists()


def test_who_lost_the_permission_gets_no_file(client, operator, northlight, starfall, url, form):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    client.post(url, form)
    leave_team(TeamMembership.objects.get(user=operator, team=northlight), actor=SETUP)
    operator.refresh_from_db()  # leaving ended the sessions
    client.force_login(operator)
    assert client.get(reverse("job-file", kwargs={"uid": Job.objects.get().uid})).status_code == 404


def test_a_cancelled_job_leaves_no_file(operator, starfall, form):
    place(starfall, "ORDER-1")
    job = start_export("orders", starfall, actor=operator, query=YEAR, **form)
    Job.objects.filter(pk=job.pk).update(state="running", file="")
    row = Job.objects.get(pk=job.pk)
    jobs.cancel(row, actor=operator)
    with pytest.raises(Cancelled):
        jobs._kinds["console.export"](row, Progress(row))
    assert not Job.objects.get(pk=job.pk).file


def test_times_stand_in_the_readers_zone_and_the_header_names_it(starfall):
    place(starfall, "ORDER-1")
    with timezone.override(known_zone("Asia/Kolkata")):
        data, _done = written(starfall)
    assert table(data)[0]["Created (Asia/Kolkata)"] == "2026-03-02 02:00:00"


def test_amounts_have_the_decimals_of_their_currency(starfall):
    for number, currency in enumerate(("USD", "JPY", "KWD")):
        place(starfall, f"ORDER-{number}", amount=1990, currency=currency)
    data, done = written(starfall)
    assert sorted(row["Amount"] for row in table(data)) == ["1.990", "19.90", "1990"]
    assert {row["Amount (minor units)"] for row in table(data)} == {"1990"}
    assert done.totals.sums["KWD", ""]["amount"] == 1990


def test_what_looks_like_a_formula_is_text_and_numbers_stay_numbers(starfall):
    place(starfall, "-1+2", product_name="=HYPERLINK(1)", attach="＝1", platform="\t=1", paid_amount=990, refunded_amount=90)
    row = table(written(starfall)[0])[0]
    assert (row["Order number"], row["Item"], row["Attach"], row["Platform"]) == ("'-1+2", "'=HYPERLINK(1)", "'＝1", "'\t'=1")
    assert row["Refunded amount"] == "-0.90" and row["Refunded amount (minor units)"] == "-90"


def test_open_ids_are_masked(starfall):
    place(starfall, "ORDER-1")
    data, _done = written(starfall)
    assert b"player-0001-abcd" not in data and table(data)[0]["Player"] == "pla…abcd"


def test_refunds_are_negative_and_their_sum_too(client, operator, starfall):
    refund = give_back(place(starfall, "ORDER-1", paid_amount=990), "R-1")
    client.force_login(operator)
    url = reverse("orders:refund-export", kwargs={"app_id": starfall.app_id})
    client.post(url, {"scope": "all", "columns": ["number", "amount"], "file": "csv"})
    job = Job.objects.get()
    assert table(job.file.read()) == [{"Refund number": "R-1", "Amount": "-1.00", "Amount (minor units)": "-100"}]
    assert job.result["totals"] == [{"currency": "USD", "sums": [["Amount", -refund.amount]]}]


def test_a_zip_holds_the_file_and_its_totals(client, operator, starfall, url, form):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    client.post(url, form | {"file": "zip"})
    with zipfile.ZipFile(Job.objects.get().file) as archive:
        names = sorted(archive.namelist())
        about = archive.read("about.txt").decode()
        assert len(table(archive.read(names[1]))) == 1
    assert names[0] == "about.txt" and names[1].endswith(".csv")
    assert "Rows: 1" in about and "USD: Amount 990 (minor units)" in about
    assert about.startswith("Orders · Virtual payment · Live\n")


def test_page_and_file_say_which_record_they_are_of(client, operator, starfall, url, form):
    place(starfall, "ORDER-1", env=1, kind="standard")
    client.force_login(operator)
    title = "Orders · Standard payment · Sandbox"
    assert f"Export: {title}" in client.get(f"{url}&env=1&kind=standard").content.decode()
    for file in ("zip", "xlsx"):
        client.post(f"{url}&env=1&kind=standard", form | {"file": file})
    zipped, book = Job.objects.order_by("pk")
    with zipfile.ZipFile(zipped.file) as archive:
        assert archive.read("about.txt").decode().startswith(title)
    assert load_workbook(book.file)["About"]["A1"].value == title
    both = order_listing(starfall, QueryDict("q=ORDER-1,ORDER-2"))
    assert exporting.title_of(both) == "Orders · Virtual payment · Live and sandbox"


def test_no_file_holds_an_open_id_that_was_searched_for(client, superapp_operator, starfall, form):
    """Neither in its rows nor among its filters; what is no player's id stays as it was typed."""
    place(starfall, "ORDER-1", open_id="player-0001-abcd")
    client.force_login(superapp_operator)
    url = reverse("orders:superapp-export", kwargs={"superapp": starfall.superapp.code})
    masked = "Search: pla…abcd"
    for word, told in (("player-0001-abcd", masked), ("player-0001-abcd%2C", masked), ("ORDER-1", "Search: ORDER-1")):
        client.post(f"{url}?{YEAR}&q={word}", form | {"file": "zip", "columns": ["number", "player"]})
        with zipfile.ZipFile(Job.objects.latest("pk").file) as archive:
            texts = b"".join(map(archive.read, archive.namelist())).decode()
        assert told in texts and "player-0001-abcd" not in texts and texts.count("pla…abcd") >= 1


def test_a_superapp_exports_the_orders_of_its_mini_programs(client, superapp_operator, starfall, harbor_reader, form):
    place(starfall, "OURS")
    place(harbor_reader, "THEIRS")
    client.force_login(superapp_operator)
    url = reverse("orders:superapp-export", kwargs={"superapp": starfall.superapp.code}) + f"?{YEAR}"
    client.post(url, form | {"columns": ["number", "program"]})
    programs = {row["Mini program"] for row in table(Job.objects.get().file.read())}
    assert programs == {"Starfall", "Harbor Reader"}


def test_rows_and_totals_are_of_one_moment(starfall, monkeypatch):
    place(starfall, "ORDER-1")
    header = exporting.header

    def header_after_an_order(*arguments):
        place(starfall, f"LATE-{Order.objects.count()}")
        return header(*arguments)

    monkeypatch.setattr(exporting, "header", header_after_an_order)
    data, done = written(starfall)
    assert [row["Order number"] for row in table(data)] == ["ORDER-1"]
    assert done.totals.rows == 1 and Order.objects.count() == 2


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
formulas = st.text(st.sampled_from(";\t\r\n\"=+-@＝ 'x"), max_size=12)
rows = st.lists(st.tuples(texts | formulas, st.integers(0, 10**12), st.sampled_from(["USD", "JPY", "KWD", "CNY"])), max_size=8)


@on_postgresql
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_the_rows_of_the_list_are_the_rows_of_the_file_by_either_path(starfall, monkeypatch, made):
    Order.objects.all().delete()
    for number, (text, amount, currency) in enumerate(made):
        fields = {"product_name": text, "attach": text, "open_id": text or "x", "amount": amount, "currency": currency}
        place(starfall, f"ORDER-{number}", **fields)
    copied, done = written(starfall)
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_copied", exporting._plain)
        plain, again = written(starfall)
    assert copied == plain
    assert (done.sha256, done.totals) == (again.sha256, again.totals)
    listed = [row["col_number"] for row in order_listing(starfall, QueryDict(YEAR)).page.rows]
    assert [row["Order number"] for row in table(copied)] == listed


@on_postgresql
def test_every_column_is_the_same_by_either_path(starfall, monkeypatch):
    states = {"payment_state": "paid", "delivery_state": "delivered", "refund_state": "partially_refunded"}
    place(starfall, "ORDER-1", **states, paid_at=AT, delivered_at=AT, paid_amount=990, refunded_amount=90, env=1)
    place(starfall, "ORDER-2", kind="standard", product_name="")
    places = {"listing": lambda place, query: SuperappOrderListing(Order.objects.filter(superapp=place), query, owner=place)}
    copied, _done = written(starfall.superapp, **places)
    monkeypatch.setattr(exporting, "_copied", exporting._plain)
    assert copied == written(starfall.superapp, **places)[0]
    assert connection.vendor == "postgresql"


@on_postgresql
@pytest.mark.parametrize("columns", [["attach"], ["number", "attach"]])
def test_what_ended_a_copy_once_is_the_same_by_either_path(starfall, monkeypatch, columns):
    for number, text in enumerate((r"\.", r"\.,", r"\\.", "")):
        place(starfall, f"ORDER-{number}", attach=text)
    listing = order_listing(starfall, QueryDict(YEAR))

    def lines():
        target = io.BytesIO()
        exporting.write_csv(listing, listing.matching, exports.chosen(listing, columns), target, progress=Quiet())
        return target.getvalue()

    copied = lines()
    monkeypatch.setattr(exporting, "_copied", exporting._plain)
    assert copied == lines() and rb"\." in copied


@on_postgresql
def test_where_the_database_counts_a_zone_otherwise_the_file_says_what_the_page_says(starfall, monkeypatch):
    """One of two copies of the time zone database is older: Python, as on the pages, writes the times."""
    place(starfall, "ORDER-1")
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SELECT 1")
        assert zones.agrees(connection, "Asia/Kathmandu") and not zones.agrees(connection, "No/Where")
        known = zones.offsets
        monkeypatch.setattr(zones, "offsets", lambda moments, zone: [seconds + 3600 for seconds in known(moments, zone)])
        assert not zones.agrees(connection, "Asia/Kathmandu")
    monkeypatch.setattr(exporting, "_copied", None)
    with timezone.override(known_zone("Asia/Kathmandu")):
        (row,) = table(written(starfall)[0])
        assert row["Created (Asia/Kathmandu)"] == f"{timezone.localtime(Order.objects.get().created_at):%Y-%m-%d %H:%M:%S}"


def test_the_ticked_rows_are_exported_and_nothing_else(client, operator, starfall, url, form):
    ids = [place(starfall, f"ORDER-{number}", amount=100 + number).pk for number in range(3)]
    client.force_login(operator)
    chosen = f"{url}&scope=selected&ids={ids[0]}&ids={ids[2]}"
    page = client.get(chosen).content.decode()
    assert "The selected rows: 2 orders" in page and "USD 2.02" in page
    client.post(chosen, form | {"scope": "selected"})
    job = Job.objects.get()
    assert [row["Order number"] for row in table(job.file.read())] == ["ORDER-2", "ORDER-0"]
    assert job.result["totals"][0]["sums"][0] == ["Amount", 202]


def test_ids_of_other_mini_programs_are_not_exported(client, operator, starfall, harbor_reader, url):
    theirs = place(harbor_reader, "THEIRS")
    client.force_login(operator)
    response = client.get(f"{url}&scope=selected&ids={theirs.pk}&ids=x", follow=True)
    assert "Nothing was selected." in response.content.decode()


def test_more_ticked_rows_than_a_form_holds_are_refused(operator, starfall, form):
    with pytest.raises(Refused, match="At most 1000 rows"):
        start_export("orders", starfall, actor=operator, query=YEAR, **form | {"scope": "selected", "ids": range(1001)})


def test_the_list_offers_the_ticked_rows_with_its_filters(client, operator, starfall, url):
    order = place(starfall, "ORDER-1")
    client.force_login(operator)
    page = client.get(url.replace("export", "")).content.decode()
    assert f'name="ids" value="{order.pk}"' in page and 'name="since" value="2026-01-01"' in page
    assert '<button type="submit" class="button button-small" name="scope" value="selected"' in page


@pytest.mark.parametrize(("waited", "mails"), [(timedelta(0), 0), (timedelta(minutes=5), 1)])
def test_who_waited_long_is_told_where_the_file_is(operator, starfall, form, waited, mails, monkeypatch):
    place(starfall, "ORDER-1")
    monkeypatch.setattr(exports, "LONG", LONG - waited)
    job = start_export("orders", starfall, actor=operator, query=YEAR, **form)
    told = Notice.objects.filter(user=operator, kind="export", url=f"/jobs/{job.uid}/")
    assert (told.count(), OutgoingMail.objects.filter(recipient=operator.email).count()) == (mails, mails)
    assert all(f"/jobs/{job.uid}/" in mail.body for mail in OutgoingMail.objects.all())


def test_who_waited_long_is_told_that_it_failed(client, operator, starfall, url, form, monkeypatch):
    def full(*_rows, **_how):
        raise OSError("No space left on device: /secret/place")

    place(starfall, "ORDER-1")
    client.force_login(operator)
    monkeypatch.setattr(exports, "write_csv", full)
    client.post(url, form)
    assert Job.objects.get().state == "failed" and not OutgoingMail.objects.exists()
    monkeypatch.setattr(exports, "LONG", timedelta(0))
    client.post(url, form)
    job, mail = Job.objects.latest("pk"), OutgoingMail.objects.get()
    assert mail.recipient == operator.email and mail.subject.startswith("The export failed: ")
    assert job.error in mail.body and f"/jobs/{job.uid}/" in mail.body and "secret" not in mail.body
    assert Notice.objects.get().url == f"/jobs/{job.uid}/" and not job.file


def test_who_lost_the_permission_meanwhile_reads_why_there_is_no_file(operator, northlight, starfall, form):
    with transaction.atomic():  # the worker begins when this is committed
        job = start_export("orders", starfall, actor=operator, query=YEAR, **form)
        leave_team(TeamMembership.objects.get(user=operator, team=northlight), actor=SETUP)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.file.name) == ("failed", "") and "permission" in job.error


def test_a_failure_is_told_in_the_language_of_the_one_who_waits(client, operator, starfall, url, form, monkeypatch):
    place(starfall, "ORDER-1")
    operator.language = "zh-hans"
    operator.save()
    monkeypatch.setattr(exports, "LONG", timedelta(0))
    monkeypatch.setattr(exports, "write_csv", lambda *_rows, **_how: 1 / 0)
    start_export("orders", starfall, actor=operator, query=YEAR, **form)
    with translation.override("zh-hans"):
        expected = gettext("Something went wrong on our side. Start it again; nothing was changed.")
    assert Job.objects.get().error == expected != "Something went wrong on our side. Start it again; nothing was changed."
    assert expected in OutgoingMail.objects.get().body


def test_after_seven_days_the_file_is_gone_and_the_page_says_so(client, operator, starfall, url, form):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    client.post(url, form)
    job = Job.objects.get()
    assert timedelta(days=6, hours=23) < job.expires_at - timezone.now() <= timedelta(days=7)
    Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    jobs.sweep()
    assert not Job.objects.get().file and not job.file.storage.exists(job.file.name)
    assert "deleted after its 7 days" in client.get(reverse("job-detail", kwargs={"uid": job.uid})).content.decode()
