"""The activity as a file."""

import csv
import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from console.audit import record
from console.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def url(northlight, starfall, team_admin):
    record("payments.delivery.configure", starfall, actor=team_admin, changes={"url": ["", "https://a.example"]}, note="=Moved")
    record("console.team_membership.set", northlight, actor=team_admin, changes={"role": [None, "developer"]})
    return reverse("team-activity-export", kwargs={"team": northlight.code})


FORM = {"scope": "all", "columns": ["who", "what", "changes"], "file": "csv"}


def test_writes_what_the_page_says(client, team_admin, url):
    client.force_login(team_admin)
    page = client.get(url).content.decode()
    assert "Export: Activity" in page and "add up to" not in page
    client.post(url, FORM)
    job = Job.objects.get()
    rows = list(csv.DictReader(io.StringIO(job.file.read().decode("utf-8-sig"))))
    assert [row["Before → after, note"] for row in rows][:2] == ["Role: – → Developer", "URL: – → https://a.example · =Moved"]
    assert rows[0]["Who"] == "Tara Admin" and job.result["rows"] == len(rows) and job.result["totals"] == []


def test_the_workbook_holds_the_same_rows(client, team_admin, url):
    client.force_login(team_admin)
    client.post(url, FORM | {"file": "xlsx"})
    book = load_workbook(io.BytesIO(Job.objects.get().file.read()))
    cells = [row[2] for row in book.worksheets[0].iter_rows(values_only=True, min_row=2)]
    assert cells[:2] == ["Role: – → Developer", "URL: – → https://a.example · =Moved"]


def test_the_ticked_entries_of_the_list(client, team_admin, url):
    client.force_login(team_admin)
    listed = client.get(url.removesuffix("export")).context["listing"].page.rows
    address = f"{url}?scope=selected&ids={listed[0]['id']}"
    client.post(address, FORM | {"scope": "selected"})
    assert Job.objects.get().result["rows"] == 1


def test_is_hidden_from_strangers(client, stranger, url):
    client.force_login(stranger)
    assert client.get(url).status_code == 404 and client.post(url, FORM).status_code == 404
    assert not Job.objects.exists()


def test_the_link_to_the_export_keeps_the_place_in_the_list(client, team_admin, northlight, url):
    for number in range(60):
        record("console.team_membership.set", northlight, actor=team_admin, note=f"Change {number}")
    client.force_login(team_admin)
    second = client.get(url.removesuffix("export") + client.get(url.removesuffix("export")).context["listing"].next_url)
    link = second.context["listing"].here_url
    assert "after=" in link and f'href="export{link}"' in second.content.decode()
    client.post(url + link, FORM | {"scope": "page"})
    assert Job.objects.get().params["ids"] == [row["id"] for row in second.context["listing"].page.rows]
