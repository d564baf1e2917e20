"""Exports of the order record and the after-sales record."""

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from console import exporting
from console.actions.membership import leave_team
from console.models import AuditEntry, Job
from orders.listings import order_listing
from orders.models import Order
from payments.models import owners_of
from tests.people import SETUP

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 3, 1, 20, 30, tzinfo=UTC)


class Quiet:
    """A progress that nobody watches."""

    def advance(self, done, total=None):
        self.done, self.total = done, total


def place(program, number, **fields):
    values = {"open_id": "player-0001-abcd", "amount": 990, "currency": "USD", "product_name": "Gem", "created_at": AT}
    return Order.objects.create(**owners_of(program), out_trade_no=number, **(values | fields))


def written(program, query="since=2026-01-01&until=2026-12-31", columns=None):
    listing = order_listing(program, QueryDict(query))
    target = io.BytesIO()
    done = exporting.write_csv(listing, listing.matching, columns or listing.columns, target, progress=Quiet())
    return target.getvalue(), done


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


@pytest.fixture
def url(starfall):
    return reverse("orders:export", kwargs={"app_id": starfall.app_id}) + "?since=2026-01-01&until=2026-12-31"


def test_makes_a_file_that_its_starter_downloads(client, operator, starfall, url):
    place(starfall, "ORDER-1")
    client.force_login(operator)
    assert "1 order" in client.get(url).content.decode()
    page = client.post(url, {"scope": "all", "columns": ["number", "amount", "created"], "zipped": "no"}, follow=True)
    job = Job.objects.get()
    assert job.state == "succeeded" and job.result["sha256"] in page.content.decode()
    data = b"".join(client.get(reverse("job-file", kwargs={"uid": job.uid})).streaming_content)
    assert table(data) == [
        {"Order number": "ORDER-1", "Amount": "9.90", "Amount (minor units)": "990", "Created (UTC)": "2026-03-01 20:30:00"}
    ]
    assert AuditEntry.objects.filter(verb="console.job.download").count() == 1
