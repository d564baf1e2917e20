"""Who sees the schedules of which lists: those who may export the list, whatever else they may not."""

import pytest
from django.urls import reverse

from console import schedules
from console.actions import export_schedule as actions
from console.exports import exportable
from console.list_settings import place_of
from console.matrix import SCHEDULES
from console.models import ExportSchedule, SavedView, User
from console.views.export_schedules import RECORDS
from tests.orders.records import place
from tests.people import own_role

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
FIELDS = {"query": "", "columns": ["number"], "file": "csv", "every": "day", "zone": "UTC"}


@pytest.fixture
def program(starfall):
    return {"app_id": starfall.app_id}


@pytest.fixture
def rows(starfall, team_admin):
    """A schedule of each list, by the list."""
    who = {"recipients": [team_admin], "actor": team_admin}
    return {name: actions.create(starfall, name, name=f"Daily {name}", **who, **FIELDS) for name in RECORDS}


@pytest.fixture
def reader(northlight, team_admin, operator):
    """Gives the operator a role with one permission, and returns them as the next request reads them."""

    def give(permission):
        own_role(operator, northlight, team_admin, permission)
        return User.objects.get(pk=operator.pk)

    return give


def test_the_navigation_knows_the_permission_of_each_list():
    assert [exportable(name).permission for name in RECORDS] == list(SCHEDULES)


@pytest.mark.parametrize(("record", "permission"), [*zip(RECORDS, SCHEDULES, strict=True)])
def test_who_may_export_one_list_reaches_its_schedules_and_those_only(client, program, rows, reader, record, permission):
    client.force_login(reader(permission))
    url = reverse("program-export-schedules", kwargs=program)
    page = client.get(url)
    assert [shown["row"].record for shown in page.context["schedules"]] == [record]
    assert len(page.context["links"]) == 1 and f'href="{url}"' in client.get(reverse("orders:home", kwargs=program)).text
    for name, row in rows.items():
        own = 200 if name == record else 403
        assert client.get(schedules.url_of(row)).status_code == own
        assert client.post(schedules.url_of(row), {"act": "pause"}).status_code == (302 if name == record else 403)
    assert list(ExportSchedule.objects.filter(is_paused=True)) == [rows[record]]
    assert client.get(f"{url}create").status_code == 200
    assert client.get(f"{url}create?record={record}").status_code == 200


def test_who_may_export_no_list_has_no_schedules(client, program, rows, reader):
    client.force_login(reader("items.view_item"))
    page = client.get(reverse("program-export-schedules", kwargs=program))
    assert page.status_code == 403 and "Tara Admin" in page.text
    assert all(client.get(schedules.url_of(row)).status_code == 403 for row in rows.values())
    assert "/exports/" not in client.get(reverse("orders:home", kwargs=program)).text


def test_the_page_of_an_export_leads_to_a_schedule_of_its_list(client, program, rows, reader):
    client.force_login(reader("console.view_activity"))
    url = client.get(reverse("program-activity-export", kwargs=program)).context["schedule_url"]
    assert "record=activity" in url and client.get(url).status_code == 200


def test_a_shared_view_that_names_a_player_is_offered_to_the_team_only(
    client, program, starfall, operator, senior, superapp_operator
):
    place(starfall, "ORDER-1", open_id="player-0001-abcd")
    shared = {**place_of(starfall), "listing": "orders", "owner": operator, "is_shared": True}
    for name, query in (("One player", "q=player-0001-abcd"), ("Paid", "time=created&payment=paid")):
        SavedView.objects.create(**shared, name=name, query=query)
    url = reverse("program-export-schedule-create", kwargs=program)
    for person, offered in ((senior, ["One player", "Paid"]), (superapp_operator, ["Paid"])):
        client.force_login(person)
        page = client.get(url)
        assert [link["label"] for link in page.context["links"]] == offered
        assert ("player-0001-abcd" in page.text) == (person == senior)
        assert page.context["links"][-1]["url"] == "?record=orders&payment=paid"
