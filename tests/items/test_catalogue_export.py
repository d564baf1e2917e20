"""The catalogue: all items in the template's own format; importing it again changes nothing."""

import csv
import io

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console import jobs
from console.models import Job
from console.spreadsheets import Workbook
from items.actions import item as items
from items.images import read_picture
from items.importing.template import write_template
from items.models import Item
from items.rules import clean_description, clean_name
from payments.models import owners_of
from tests.items.conftest import edit, upload
from tests.items.workbooks import uploaded

pytestmark = pytest.mark.sqlite

AWKWARD = [
    "=1+1", "+1", "-1", "@x", "'quoted", '"x"', "a,b;c", "<b>&amp;</b>", "_x0041_", "_x005F_", "x_x000D_y", "😀 👩‍👩‍👧", "日本語",
    "العربية", "e\u0301", "0012", "1E5", "TRUE", "#N/A", "2026-01-01", "a  b", "%s %(x)s {}", "\\n", "]]>", "￾" "a", "\u00a0x",
]  # fmt: skip


def exported(client, program, person, kind="xlsx"):
    client.force_login(person)
    response = client.post(reverse("items:catalogue", kwargs={"app_id": program.app_id}), {"kind": kind})
    job = Job.objects.get(kind="items.catalogue")
    jobs.run_job(job.pk)
    return response.url, b"".join(client.get(reverse("job-file", kwargs={"uid": job.uid})).streaming_content)


def add(program, person, number, name, description=""):
    content = {"name": clean_name(name), "description": clean_description(description), "price": number + 1, "currency": "USD"}
    return Item(**owners_of(program), product_id=f"item-{number:05}", edited_by=person, **content)


def test_the_catalogue_imported_again_reports_no_changes(client, starfall, developer, operator, merchant):
    Item.objects.bulk_create(
        [add(starfall, developer, n, AWKWARD[n % len(AWKWARD)], AWKWARD[-n % len(AWKWARD)]) for n in range(5_000)]
    )
    url, content = exported(client, starfall, operator)
    assert url.startswith("/jobs/")
    run = uploaded(starfall, content, by=developer)
    assert (run.rows, run.new, run.changed, run.unchanged, run.faulty) == (5_000, 0, 0, 5_000, 0)
    assert run.findings == []


def test_images_keep_their_place_through_the_round_trip(client, starfall, developer, merchant):
    content = {"name": "Coin", "price": 100, "currency": "USD", "description": "two\nlines"}
    items.add(starfall, actor=developer, product_id="coin", picture=read_picture(upload()), **content)
    run = uploaded(starfall, exported(client, starfall, developer)[1], by=developer)
    assert (run.unchanged, run.findings) == (1, [])


def test_deleted_items_are_left_out(client, starfall, developer, team_admin, gem, sword):
    items.delete(gem, actor=team_admin)
    with Workbook(io.BytesIO(exported(client, starfall, developer)[1])) as book:
        assert [row.cells[1].text for row in book.rows(book.sheets[0])] == ["Item ID", "product_id", "sword"]


def test_a_price_in_another_currency_is_left_empty(client, starfall, developer, gem):
    Item.objects.filter(pk=gem.pk).update(currency="JPY")
    page = reverse("items:catalogue", kwargs={"app_id": starfall.app_id})
    client.force_login(developer)
    assert "1 price is left empty" in client.get(page).content.decode()
    with Workbook(io.BytesIO(exported(client, starfall, developer)[1])) as book:
        assert 3 not in list(book.rows(book.sheets[0]))[2].cells


def test_the_csv_holds_the_same_and_guards_formulas(client, starfall, developer, gem):
    edit(gem, by=developer, name="=1+1", description='two\n"lines"')
    text = exported(client, starfall, developer, kind="csv")[1].decode("utf-8-sig")
    header, row = csv.reader(io.StringIO(text, newline=""))
    assert header == ["Item ID", "Name", "Price in USD", "Description", "Image file name"]
    assert row == ["gem", "'=1+1", "9.90", 'two\n"lines"', ""]


def test_strangers_get_no_catalogue_and_without_a_merchant_there_is_none(client, starfall, developer, stranger):
    page = reverse("items:catalogue", kwargs={"app_id": starfall.app_id})
    client.force_login(stranger)
    assert client.post(page).status_code == 404
    client.force_login(developer)
    assert client.get(page).status_code == 200 and client.post(page).status_code == 409
    assert not Job.objects.exists()


def cleaned(text):
    try:
        return clean_description(text)
    except Exception:
        return "x"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=60).map(cleaned).filter(bool), min_size=1, max_size=8))
def test_any_text_that_the_rules_allow_survives_the_workbook(texts):
    out = io.BytesIO()
    write_template(out, "USD", [[f"i{number}", "n", None, text, ""] for number, text in enumerate(texts)])
    with Workbook(out) as book:
        assert [clean_description(row.cells[4].text) for row in list(book.rows(book.sheets[0]))[2:]] == texts


@pytest.mark.parametrize("currency", [""])
def test_a_job_of_a_team_that_lost_its_merchant_says_so(client, starfall, developer, gem, monkeypatch, currency):
    client.force_login(developer)
    client.post(reverse("items:catalogue", kwargs={"app_id": starfall.app_id}))
    monkeypatch.setattr("items.imports.settlement_currency", lambda _program: currency)
    job = Job.objects.get(kind="items.catalogue")
    jobs.run_job(job.pk)
    assert "no currency" in Job.objects.get(pk=job.pk).error
