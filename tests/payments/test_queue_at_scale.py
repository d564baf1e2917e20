"""10,000 pending requests: the desk asks as many queries as for ten, and none of them reads the whole table of requests."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from console.models import MiniProgram
from payments.models import Request

PENDING, DECIDED = 10_000, 10_000
TABLES = ("payments_request", "payments_paymentrequest")
KINDS = ("payment", "merchant_binding", "exemption", "release")
#: A part of one mini program's name, of a team's, of a person's, of many names, of none.
PARTS = ("ame 17", "arbo", "tara", "game", "nowhere")


@pytest.fixture
def requests(orbit, northlight, harbor, team_admin, approver):
    """Pending and decided requests of two teams, made over a year."""
    programs = [
        MiniProgram.objects.create(name=f"Game {2 * number + place}", kind="mini_game", team=team, superapp=orbit)
        for number in range(10)
        for place, team in enumerate((northlight, harbor))
    ]
    now, rows = timezone.now(), []
    for number in range(PENDING + DECIDED):
        program, asked = programs[number // 2 % len(programs)], now - timedelta(minutes=25 * (number // 2 + 1))
        row = Request(
            team_id=program.team_id,
            superapp=orbit,
            mini_program=program,
            kind=KINDS[number // 2 // len(programs) % len(KINDS)],
            requested_by=team_admin,
            requested_at=asked,
        )
        if number % 2:
            row.__dict__["state"] = "rejected"
            row.decided_by, row.decided_at = approver, asked + timedelta(hours=1)
        rows.append(row)
    Request.objects.bulk_create(rows, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_paymentrequest (request_ptr_id, type, program_id)"
            " SELECT id, CASE WHEN id % 2 = 0 THEN 'virtual' ELSE 'standard' END, mini_program_id FROM payments_request"
            " WHERE kind = 'payment'"
        )
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def whole_reads(statements: list[str]) -> list[str]:
    """The statements whose plan reads all of a table of requests. A count stops at its cap, and half of the table is less."""
    found = []
    for sql in (sql for sql in statements if "COUNT(" not in sql or "LIMIT" not in sql):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            plan = cursor.fetchone()[0]
        plan = json.loads(plan) if isinstance(plan, str) else plan
        scans = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") in TABLES]
        found += [sql for node in scans if node["Node Type"] == "Seq Scan"]
    return found


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's")
def test_ten_thousand_pending_requests_stay_fast(client, orbit, requests, approver):
    client.force_login(approver)
    url = reverse("payments:approvals", kwargs={"superapp": orbit.code})
    first = client.get(url)
    later = first.context["listing"].next_url
    for query in ("", later, "?sort=newest", "?mine=1", "?kind=payment", "?tab=decided", "?tab=in-force"):
        with CaptureQueriesContext(connection) as asked:
            page = client.get(url + query)
        statements = [found["sql"] for found in asked.captured_queries]
        about = [sql for sql in statements if '"payments_request"' in sql and sql.startswith("SELECT")]
        assert (page.status_code, len(statements) <= 12, bool(about)) == (200, True, True), query
        assert whole_reads(about) == [], query
    assert len(first.context["listing"].page.rows) == 50
    assert first.context["pending_count"] == "999+"


def asked_by(client, url) -> list[str]:
    """The statements of a page."""
    with CaptureQueriesContext(connection) as asked:
        page = client.get(url)
    assert page.status_code == 200, url
    return [found["sql"] for found in asked.captured_queries]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's")
def test_a_search_for_a_part_of_a_name_reads_no_table_as_a_whole(client, orbit, requests, approver):
    client.force_login(approver)
    url = reverse("payments:approvals", kwargs={"superapp": orbit.code})
    usual = len(asked_by(client, url))
    for tab, kind, part in product(("pending", "decided"), KINDS, PARTS):
        statements = asked_by(client, f"{url}?tab={tab}&kind={kind}&q={part}")
        about = [sql for sql in statements if '"payments_request"' in sql and sql.startswith("SELECT")]
        assert (len(statements) <= usual + 3, whole_reads(about)) == (True, []), (tab, kind, part)
    found = {part: client.get(f"{url}?q={part}").context["listing"].count for part in PARTS}
    assert found == {"ame 17": 500, "arbo": 5_000, "tara": 10_000, "game": 10_000, "nowhere": 0}
