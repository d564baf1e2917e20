"""Members of teams and superapps: list, add, change of role, end; the last admin; who can do what."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from console.actions import membership
from console.errors import Forbidden, Refused, WrongState
from console.matrix import MATRIX
from console.models import AuditEntry, SuperappMembership, TeamMembership, User
from console.permissions import can
from tests.people import person


def url(page, place):
    return reverse(f"team-{page}", kwargs={"team": place.code})


def role_url(row, page="member-role"):
    return reverse(f"team-{page}", kwargs={"team": row.team.code, "pk": row.pk})


def role_of(user) -> str:
    return TeamMembership.objects.get(user=user).role


def test_team_admin_adds_somebody_by_email(client, northlight, team_admin):
    newcomer = person("Nina New")
    client.force_login(team_admin)
    page = client.post(url("member-add", northlight), {"email": " Nina-New@Demo.test ", "role": "operator"}, follow=True)
    assert "Nina New is a member now: Operator." in page.content.decode()
    assert can(newcomer, "orders.view_order", northlight)
    assert AuditEntry.objects.last().changes == {"role": [None, "operator"]}


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("nobody@demo.test", "Nobody with this e-mail address"),
        ("otto-operator@demo.test", "is a member already"),
        ("closed@demo.test", "Nobody with this e-mail address"),
        ("not an address", "no e-mail address"),
        ("", "Enter the e-mail address"),
    ],
)
def test_who_cannot_be_added_is_said(client, northlight, team_admin, operator, email, sentence):
    User.objects.create_user("closed@demo.test", name="Closed", is_active=False)
    client.force_login(team_admin)
    page = client.post(url("member-add", northlight), {"email": email, "role": "developer"})
    assert (page.status_code, TeamMembership.objects.count()) == (422, 2)
    assert sentence in page.content.decode()


def test_a_change_of_role_counts_from_the_next_request(client, northlight, starfall, team_admin, developer):
    client.force_login(developer)
    merchant = reverse("payments:merchant-bind", kwargs={"team": northlight.code})
    assert client.get(merchant).status_code == 403
    membership.set_team_role(developer, northlight, "team_admin", actor=team_admin)
    assert client.get(merchant).status_code == 200
    membership.leave_team(developer.team_memberships.get(), actor=team_admin)
    assert "/accounts/login/" in client.get(merchant)["Location"]  # signed out, and a stranger from now on
    client.force_login(User.objects.get(pk=developer.pk))
    assert client.get(merchant).status_code == 404


def test_the_pages_change_and_end_a_membership(client, northlight, team_admin, operator):
    client.force_login(team_admin)
    row = operator.team_memberships.get()
    assert client.get(role_url(row)).status_code == 200
    assert client.post(role_url(row), {"role": "developer"}).status_code == 302
    assert role_of(operator) == "developer"
    assert client.get(role_url(row, "member-remove")).status_code == 200
    assert role_of(operator) == "developer"
    assert client.post(role_url(row, "member-remove")).status_code == 302
    assert not operator.team_memberships.exists()


def test_the_last_team_admin_stays(client, northlight, team_admin, senior):
    client.force_login(team_admin)
    row = team_admin.team_memberships.get()
    for address, data in [(role_url(row), {"role": "developer"}), (role_url(row, "member-remove"), {})]:
        page = client.post(address, data)
        assert page.status_code == 422
        assert "This is the last team admin" in page.content.decode()
    membership.set_team_role(senior, northlight, "team_admin", actor=team_admin)
    assert client.post(role_url(row), {"role": "developer"}).status_code == 302
    assert role_of(team_admin) == "developer"


def test_an_admin_who_cannot_sign_in_does_not_count(northlight, team_admin, senior):
    membership.set_team_role(senior, northlight, "team_admin", actor=team_admin)
    User.objects.filter(pk=senior.pk).update(is_active=False)
    with pytest.raises(Refused, match="last team admin"):
        membership.set_team_role(team_admin, northlight, "developer", actor=team_admin)


def test_the_last_superapp_admin_stays(orbit, superapp_admin, approver):
    row = superapp_admin.superapp_memberships.get()
    with pytest.raises(Refused, match="last superapp admin"):
        membership.leave_superapp(row, actor=superapp_admin)
    with pytest.raises(Refused, match="last superapp admin"):
        membership.set_superapp_role(superapp_admin, orbit, "approver", actor=superapp_admin)
    membership.set_superapp_role(approver, orbit, "superapp_admin", actor=superapp_admin)
    membership.leave_superapp(row, actor=superapp_admin)
    assert [found.user for found in SuperappMembership.objects.all()] == [approver]


def test_superapp_admin_adds_an_approver(client, orbit, superapp_admin):
    newcomer = person("Nina New")
    client.force_login(superapp_admin)
    add = reverse("superapp-member-add", kwargs={"superapp": orbit.code})
    assert client.post(add, {"email": newcomer.email, "role": "approver"}).status_code == 302
    assert can(newcomer, "payments.decide", orbit)
    assert client.post(add, {"email": newcomer.email, "role": "team_admin"}).status_code == 422


@pytest.mark.parametrize("name", ["senior", "developer", "operator", "platform", "superapp_admin"])
def test_nobody_else_changes_members(northlight, team_admin, name, request):
    actor, victim = request.getfixturevalue(name), person("Nina New")
    with pytest.raises(Forbidden):
        membership.set_team_role(victim, northlight, "operator", actor=actor)
    with pytest.raises(Forbidden):
        membership.leave_team(team_admin.team_memberships.get(), actor=actor)


def test_members_of_another_team_are_out_of_reach(client, northlight, team_admin, stranger):
    client.force_login(team_admin)
    foreign = stranger.team_memberships.get()
    address = reverse("team-member-remove", kwargs={"team": northlight.code, "pk": foreign.pk})
    assert client.post(address).status_code == 404
    assert TeamMembership.objects.filter(pk=foreign.pk).exists()


def test_repeating_changes_nothing(northlight, team_admin, operator):
    before = AuditEntry.objects.count()
    membership.set_team_role(operator, northlight, "operator", actor=team_admin)
    assert AuditEntry.objects.count() == before
    row = operator.team_memberships.get()
    membership.leave_team(row, actor=team_admin)
    with pytest.raises(WrongState, match="ended already"):
        membership.leave_team(row, actor=team_admin)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_two_admins_cannot_demote_each_other_at_once(northlight, team_admin, senior):
    membership.set_team_role(senior, northlight, "team_admin", actor=team_admin)
    barrier, refused = threading.Barrier(2), []

    def demote(actor, other):
        try:
            barrier.wait()
            membership.set_team_role(other, northlight, "developer", actor=actor)
        except (Refused, Forbidden) as fault:
            refused.append(fault)
        finally:
            connection.close()

    pairs = [(team_admin.pk, senior.pk), (senior.pk, team_admin.pk)]
    people = [[User.objects.get(pk=pk) for pk in pair] for pair in pairs]
    threads = [threading.Thread(target=demote, args=pair) for pair in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), TeamMembership.objects.filter(team=northlight, role="team_admin").count()) == (1, 1)


def test_readers_see_the_list_and_who_can_change_it(client, northlight, team_admin, operator, platform):
    client.force_login(platform)
    page = client.get(url("members", northlight)).content.decode()
    assert "Otto Operator" in page
    assert "Ask one of those who can: Tara Admin." in page
    assert url("member-add", northlight) not in page


def test_the_list_is_searched_and_filtered(client, northlight, team_admin, operator, django_assert_max_num_queries):
    client.force_login(team_admin)
    with django_assert_max_num_queries(10):
        page = client.get(url("members", northlight), {"q": "otto", "role": "operator"}).content.decode()
    assert "1 member<" in page or "1 member " in page or "1 member\n" in page
    assert role_url(operator.team_memberships.get()) in page


def test_who_can_do_what_is_the_matrix(client, stranger):
    client.force_login(stranger)
    page = client.get(reverse("roles")).content.decode()
    assert page.count("<tr>") == len(MATRIX) + 3
    assert page.count(">✓<") == sum(row.cells.count("Y") for row in MATRIX)
    assert page.count(">R<") == sum(row.cells.count("R") for row in MATRIX)
