"""What the people of the platform did: listed for the platform's two roles, in all superapps and teams."""

import csv
import io

import pytest
from django.db import connection
from django.urls import reverse

from console.actions import membership, superapp, team, user
from console.activity import object_key
from console.audit import entry_mac, record, record_many
from console.models import AuditEntry, Job, User

URL = "/platform/activity/"


def listed(client, person, query: str = "") -> list[tuple[str, str, str]]:
    """Who, which verb, where: the rows as the page has them."""
    client.force_login(person)
    rows = client.get(URL + query).context["listing"].page.rows
    return [(row["col_who"], row["col_what"], row["col_where"]) for row in rows]


@pytest.fixture
def acts(orbit, northlight, superadmin, platform, team_admin, operator):
    """Two of the platform, one of a team."""
    superapp.edit(orbit, name="Orbit Two", actor=superadmin)
    team.edit(northlight, name="Northlight", actor=platform)
    membership.set_team_role(operator, northlight, "developer", actor=team_admin)


def test_both_roles_read_what_the_platform_did_and_where(client, acts, superadmin, platform):
    expected = [
        ("Pat Platform", "console.team.edit", "Northlight"),
        ("Sue Super", "console.superapp.edit", "Orbit Two"),
    ]
    assert listed(client, superadmin) == expected
    assert listed(client, platform) == expected
    page = client.get(URL).text
    assert "Name: Northlight Games → Northlight" in page
    assert "renamed the team" in page


def test_somebody_who_was_dismissed_stays_in_the_list(client, acts, superadmin, platform):
    user.dismiss_platform_admin(platform, actor=superadmin)
    assert ("Pat Platform", "console.team.edit", "Northlight") in listed(client, superadmin)
    client.force_login(User.objects.get(pk=platform.pk))
    assert client.get(URL).status_code == 404


def test_who_joins_the_platform_later_does_not_bring_what_they_did_before(client, acts, superadmin, team_admin):
    user.appoint_platform_admin(team_admin, actor=superadmin)
    assert [who for who, _verb, _where in listed(client, superadmin)].count("Tara Admin") == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [("?person=sue", 1), ("?verb=console.team.edit", 1), ("?q=nothing", 0), ("?since=2100-01-01", 0), ("?sort=oldest", 2)],
)
def test_it_is_filtered_like_every_activity(client, acts, superadmin, query, count):
    assert len(listed(client, superadmin, query)) == count


def test_the_history_of_an_object_holds_what_everybody_did_to_it(client, acts, superadmin, operator):
    row = operator.team_memberships.get()
    found = listed(client, superadmin, f"?object={object_key('console.teammembership', row.pk)}")
    assert ("Tara Admin", "console.team_membership.set", "Northlight") in found


def test_nobody_else_finds_it(client, acts, everyone):
    for person in (everyone.team_admin, everyone.superapp_admin, everyone.approver):
        client.force_login(person)
        assert (client.get(URL).status_code, client.get(URL + "export").status_code) == (404, 404)


def test_the_mark_is_part_of_what_is_sealed(acts, northlight, superadmin):
    record_many("console.team.edit", [northlight], actor=superadmin, changes=[{}])
    for entry in AuditEntry.objects.all():
        assert entry.mac == entry_mac(entry)
        assert entry.by_platform is (entry.actor_label in {"Sue Super", "Pat Platform"})
        entry.by_platform = not entry.by_platform
        assert entry.mac != entry_mac(entry)


@pytest.mark.parametrize("many", [1, 40])
def test_query_counts_do_not_grow(client, orbit, superadmin, many, django_assert_max_num_queries):
    for _number in range(many):
        record("console.superapp.edit", orbit, actor=superadmin)
    client.force_login(superadmin)
    with django_assert_max_num_queries(8):
        assert len(client.get(URL).context["listing"].page.rows) == many


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plan is PostgreSQL's")
def test_it_reads_its_own_index_and_not_the_trail(orbit, superadmin, team_admin):
    record_many("console.superapp.edit", [orbit] * 2_000, actor=team_admin, changes=[{}] * 2_000)
    record_many("console.superapp.edit", [orbit] * 20, actor=superadmin, changes=[{}] * 20)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE console_auditentry")
        rows = AuditEntry.objects.filter(by_platform=True).order_by("-created_at", "-id")[:51]
        cursor.execute(f"EXPLAIN {rows.query}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "audit_platform_people" in plan, plan


@pytest.mark.django_db(transaction=True)
def test_it_is_exported(client, acts, superadmin):
    client.force_login(superadmin)
    client.post(URL + "export", {"scope": "all", "columns": ["who", "what", "where"], "file": "csv"})
    job = Job.objects.get()
    rows = list(csv.DictReader(io.StringIO(job.file.read().decode("utf-8-sig"))))
    assert [tuple(row.values()) for row in rows] == [
        ("Pat Platform", "renamed the team", "Northlight"),
        ("Sue Super", "renamed the superapp", "Orbit Two"),
    ]
    assert job.result["filename"].startswith("activity-platform-")
    assert User.objects.filter(pk=job.actor_id).get() == superadmin
    assert reverse("platform-activity-export") == URL + "export"
