"""The platform's pages: superapps, teams, mini programs, users; the first admin; the linked e-mail."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.actions import invitation as invitations
from console.actions import team as teams
from console.actions import user as users
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.links import find, token_of, url_of
from console.models import AuditEntry, LinkedEmailChange, MiniProgram, OutgoingMail, Superapp, Team, User
from console.permissions import can
from payments.actions import credential as credentials
from payments.models import Credential
from tests.people import person


def get(client, name, **names):
    return client.get(reverse(name, kwargs=names)).content.decode()


def post(client, name, data=None, **names):
    return client.post(reverse(name, kwargs=names), data or {}, follow=True)


def test_platform_admin_creates_superapp_team_and_mini_program(client, platform):
    client.force_login(platform)
    assert "Appoint its first admin now." in post(client, "platform-superapp-create", {"name": " Comet "}).content.decode()
    comet = Superapp.objects.get(name="Comet")
    data = {"superapp": comet.code, "name": "Tail Games", "linked_email": "pay@tail.test"}
    assert "pay@tail.test gets a mail" in post(client, "platform-team-create", data).content.decode()
    team = Team.objects.get(superapp=comet)
    post(client, "platform-program-create", {"name": "Dust", "kind": "mini_game", "app_id": "dust-1"}, code=team.code)
    post(client, "platform-program-create", {"name": "Ice", "kind": "mini_program", "app_id": ""}, code=team.code)
    rows = MiniProgram.objects.filter(team=team, superapp=comet).order_by("name")
    assert [(row.name, row.kind) for row in rows] == [("Dust", "mini_game"), ("Ice", "mini_program")]
    assert (rows[0].app_id, rows[1].app_id[:2]) == ("dust-1", "mp")
    page = get(client, "platform-team", code=team.code)
    assert "Dust" in page and "Not confirmed" in page
    verbs = AuditEntry.objects.filter(actor=platform).values_list("verb", flat=True)
    assert {"console.superapp.create", "console.team.create", "console.mini_program.create"} <= set(verbs)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\u202eb"])
def test_a_name_that_cannot_be_seen_is_refused(client, platform, orbit, name):
    client.force_login(platform)
    answer = client.post(reverse("platform-superapp-edit", kwargs={"code": orbit.code}), {"name": name})
    assert (answer.status_code, Superapp.objects.get().name) == (422, "Orbit")
    assert "1 to 100 visible characters" in answer.content.decode()


@pytest.mark.parametrize("app_id", ["x", "has space", "é" * 5, "a" * 33, "taken-id"])
def test_app_ids_are_well_formed_and_unique(client, platform, starfall, northlight, app_id):
    MiniProgram.objects.filter(pk=starfall.pk).update(app_id="taken-id")
    client.force_login(platform)
    data = {"name": "Dust", "kind": "mini_game", "app_id": app_id}
    answer = client.post(reverse("platform-program-create", kwargs={"code": northlight.code}), data)
    assert (answer.status_code, MiniProgram.objects.count()) == (422, 1)


def test_names_are_changed_and_ids_stay(client, platform, northlight, starfall):
    client.force_login(platform)
    post(client, "platform-team-edit", {"name": "North"}, code=northlight.code)
    post(client, "platform-program-edit", {"name": "Star"}, code=northlight.code, pk=starfall.pk)
    northlight.refresh_from_db()
    assert (northlight.name, MiniProgram.objects.get(app_id=starfall.app_id).name) == ("North", "Star")


def test_the_platform_appoints_the_first_admin_and_no_second(client, platform, northlight):
    nina = person("Nina New")
    client.force_login(platform)
    page = post(client, "platform-team-appoint", {"email": "Nina-New@demo.test", "name": ""}, code=northlight.code)
    assert "nina-new@demo.test is admin now" in page.content.decode().lower()
    assert can(User.objects.get(pk=nina.pk), "console.manage_members", northlight)
    again = client.post(reverse("platform-team-appoint", kwargs={"code": northlight.code}), {"email": "x@demo.test"})
    assert again.status_code == 409


def test_nobody_of_the_platform_is_appointed(platform, superadmin, northlight):
    with pytest.raises(Refused, match="role of the platform"):
        invitations.appoint(northlight, email=platform.email, actor=platform)
    with pytest.raises(Refused, match="role of the platform"):
        invitations.appoint(northlight, email=superadmin.email, actor=platform)


def test_an_admin_who_cannot_sign_in_makes_room_for_a_first_one(platform, team_admin, northlight):
    with pytest.raises(WrongState):
        invitations.appoint(northlight, email="new@demo.test", actor=platform)
    users.close(team_admin, actor=platform)
    assert invitations.appoint(northlight, email="new@demo.test", actor=platform).role == "team_admin"


@pytest.mark.parametrize("name", ["team_admin", "superapp_admin", "approver"])
def test_everybody_else_finds_no_platform(name, request, northlight):
    actor = request.getfixturevalue(name)
    with pytest.raises(Invisible):
        teams.create(northlight.superapp, name="Mine", linked_email="me@demo.test", actor=actor)
    with pytest.raises(Invisible):
        users.close(actor, actor=actor)


# Accounts


def test_a_closed_account_is_signed_out_and_opened_again_as_it_was(client, platform, operator, starfall):
    there = Client()
    there.force_login(operator)
    orders = reverse("orders:list", kwargs={"app_id": starfall.app_id})
    assert there.get(orders).status_code == 200
    client.force_login(platform)
    assert "cannot sign in any more" in get(client, "platform-user-close", pk=operator.pk)
    post(client, "platform-user-close", pk=operator.pk)
    assert there.get(orders).status_code == 302
    post(client, "platform-user-reopen", pk=operator.pk)
    assert there.get(orders).status_code == 302  # the session ended for good
    there.force_login(User.objects.get(pk=operator.pk))
    assert there.get(orders).status_code == 200


def test_platform_people_are_closed_by_the_super_admin_only(platform, superadmin):
    other = person("Petra Platform", platform_role="platform_admin")
    with pytest.raises(Forbidden):
        users.close(other, actor=platform)
    with pytest.raises(Forbidden, match="own account"):
        users.close(superadmin, actor=superadmin)
    assert not users.close(other, actor=superadmin).is_active
    with pytest.raises(WrongState, match="closed already"):
        users.close(other, actor=superadmin)


def test_the_super_admin_appoints_and_dismisses_platform_admins(client, superadmin, operator):
    there = Client()
    there.force_login(operator)
    client.force_login(superadmin)
    post(client, "platform-admin-appoint", pk=operator.pk)
    assert there.get(reverse("platform-users")).status_code == 200
    post(client, "platform-admin-dismiss", pk=operator.pk)
    assert there.get(reverse("platform-users")).status_code == 302
    there.force_login(User.objects.get(pk=operator.pk))
    assert there.get(reverse("platform-users")).status_code == 404


def test_platform_admins_make_no_platform_admins(client, platform, operator):
    client.force_login(platform)
    assert client.post(reverse("platform-admin-appoint", kwargs={"pk": operator.pk})).status_code == 403
    client.post(reverse("platform-user-invite"), {"email": "new@demo.test", "platform_admin": "on"})
    assert operator.invitations.model.objects.get().role == ""  # the field is not theirs


# The linked e-mail


@pytest.fixture
def change(northlight, platform) -> LinkedEmailChange:
    return teams.change_email(northlight, linked_email="new@northlight.test", actor=platform)


def test_a_new_linked_email_counts_once_its_reader_confirms_it(client, northlight, change):
    assert Team.objects.get().linked_email == "payments@northlight.test"
    told = OutgoingMail.objects.get(recipient="payments@northlight.test")
    assert "becomes new@northlight.test" in told.body
    page = client.get(url_of(change))
    assert (page.status_code, Team.objects.get().linked_email) == (200, "payments@northlight.test")  # looking confirms nothing
    assert client.post(url_of(change)).status_code == 200
    assert Team.objects.get().linked_email == "new@northlight.test"
    assert OutgoingMail.objects.filter(recipient="payments@northlight.test", body__contains="is now new@").count() == 1
    assert client.post(url_of(change)).status_code == 409


def test_nothing_is_issued_for_a_day_after_a_change(starfall, northlight, team_admin, change):
    prepared = credentials.prepare(starfall)
    teams.confirm_email(token_of(change))
    with pytest.raises(Refused, match="no certificate or key is issued"):
        credentials.issue(starfall, prepared, actor=team_admin)
    starfall.team.refresh_from_db()
    with pytest.raises(Refused, match="no certificate or key is issued"):
        credentials.prepare(starfall)
    assert not Credential.objects.exists()
    Team.objects.update(linked_email_changed_at=timezone.now() - timedelta(hours=24, seconds=1))
    row = credentials.issue(starfall, prepared, actor=team_admin)
    assert row.mail.recipient == "new@northlight.test"


def test_nothing_is_issued_to_an_address_that_nobody_confirmed(orbit, platform, team_admin):
    team = teams.create(orbit, name="New", linked_email="new@new.test", actor=platform)
    with pytest.raises(Refused, match="not confirmed yet"):
        teams.require_settled_email(team)
    teams.confirm_email(token_of(teams.waiting(team)))
    teams.require_settled_email(Team.objects.get(pk=team.pk))  # the first address is no change


def test_a_replaced_withdrawn_or_old_link_confirms_nothing(client, northlight, platform, change):
    first = url_of(change)
    newer = teams.change_email(northlight, linked_email="newer@northlight.test", actor=platform)
    assert client.post(first).status_code == 409
    old = token_of(newer)
    teams.resend(northlight, actor=platform)
    assert find(LinkedEmailChange, old) is None
    LinkedEmailChange.objects.filter(pk=newer.pk).update(expires_at=timezone.now())
    newer.refresh_from_db()
    assert client.post(url_of(newer)).status_code == 409
    teams.withdraw_email(northlight, actor=platform)
    with pytest.raises(WrongState):
        teams.resend(northlight, actor=platform)
    assert client.post(url_of(newer)[:-1] + "x").status_code == 404
    assert Team.objects.get(pk=northlight.pk).linked_email == "payments@northlight.test"


# The first account


def test_the_first_account_is_made_by_a_command(db, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("correct horse battery\n"))
    call_command("create_superadmin", "Sue@demo.test", "Sue", "--password-stdin", stdout=StringIO())
    user = User.objects.get()
    assert (user.email, user.platform_role, user.is_superuser) == ("sue@demo.test", "super_admin", False)
    assert user.check_password("correct horse battery")
    with pytest.raises(CommandError, match="only one"):
        call_command("create_superadmin", "two@demo.test", "Two", "--password-stdin")


def test_a_weak_first_password_is_refused(db, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("password\n"))
    with pytest.raises(CommandError, match="too short"):
        call_command("create_superadmin", "sue@demo.test", "Sue", "--password-stdin")
    assert not User.objects.exists()
