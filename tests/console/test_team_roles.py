"""Roles of a team's own, and grants that follow roles."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.urls import reverse

from console.actions import team_role
from console.actions.grants import sync_grants
from console.actions.membership import set_team_role
from console.errors import Forbidden, Refused, WrongState
from console.matrix import complete
from console.models import SuperappGrant, TeamGrant, TeamMembership, TeamRole, User
from console.permissions import can
from tests.people import person


def fresh(user) -> User:
    """The person as the next request reads them."""
    return User.objects.get(pk=user.pk)


@pytest.fixture
def redeliverer(northlight, team_admin) -> TeamRole:
    return team_role.create(northlight, name="Redeliverer", permissions=["orders.redeliver"], actor=team_admin)


def test_a_role_holds_what_was_chosen_and_what_that_needs(northlight, redeliverer):
    assert redeliverer.permissions == ["console.view_mini_program", "orders.view_order", "orders.redeliver"]


def test_team_admin_makes_gives_edits_and_removes_a_role(client, northlight, starfall, team_admin, operator):
    client.force_login(team_admin)
    names = {"team": northlight.code}
    client.post(reverse("team-role-create", kwargs=names), {"name": "Helper", "permissions": ["items.edit_item"]})
    role = TeamRole.objects.get()
    row = operator.team_memberships.get()
    page = client.post(reverse("team-member-role", kwargs={**names, "pk": row.pk}), {"role": str(role.pk)}, follow=True)
    assert "Otto Operator has the role now: Helper." in page.content.decode()
    assert can(fresh(operator), "items.edit_item", starfall) and not can(fresh(operator), "orders.view_order", starfall)
    edit = reverse("team-role", kwargs={**names, "pk": role.pk})
    assert "Otto Operator" in client.get(edit).content.decode()
    client.post(edit, {"name": "Helper", "permissions": ["orders.view_order"]})
    assert can(fresh(operator), "orders.view_order", starfall) and not can(fresh(operator), "items.edit_item", starfall)
    remove = reverse("team-role-remove", kwargs={**names, "pk": role.pk})
    assert client.post(remove).status_code == 409
    set_team_role(operator, northlight, "developer", actor=team_admin)
    assert client.post(remove).status_code == 302
    assert not TeamRole.objects.exists()
    assert can(fresh(operator), "items.edit_item", starfall)


@pytest.mark.parametrize("permission", ["console.manage_members", "payments.decide", "nonsense"])
def test_what_is_not_the_teams_to_give_cannot_be_in_a_role(northlight, team_admin, permission):
    with pytest.raises(Refused, match="out of the list"):
        team_role.create(northlight, name="Too much", permissions=[permission], actor=team_admin)
    assert permission not in complete([permission])


@pytest.mark.parametrize("name", ["operator", " Team Admin ", "redeliverer", ""])
def test_names_are_not_mistaken_for_others(northlight, team_admin, redeliverer, name):
    with pytest.raises(Refused):
        team_role.create(northlight, name=name, permissions=["items.view_item"], actor=team_admin)


def test_only_team_admins_make_roles(northlight, senior, platform, redeliverer):
    for actor in (senior, platform):
        with pytest.raises(Forbidden):
            team_role.create(northlight, name="Mine", permissions=["items.view_item"], actor=actor)
        with pytest.raises(Forbidden):
            team_role.edit(redeliverer, name="Mine", permissions=["items.view_item"], actor=actor)


def test_a_role_of_another_team_cannot_be_given(harbor, stranger, redeliverer):
    with pytest.raises(Refused, match="one of the roles"):
        set_team_role(person("Nina New"), harbor, redeliverer, actor=stranger)


def test_the_last_team_admin_does_not_take_a_role_of_the_teams_own(northlight, team_admin, redeliverer):
    with pytest.raises(Refused, match="last team admin"):
        set_team_role(team_admin, northlight, redeliverer, actor=team_admin)


def test_a_role_in_use_stays(northlight, team_admin, operator, redeliverer):
    set_team_role(operator, northlight, redeliverer, actor=team_admin)
    with pytest.raises(WrongState, match="1 member has this role"):
        team_role.remove(redeliverer, actor=team_admin)


def test_the_members_list_shows_the_roles_name(client, northlight, team_admin, operator, redeliverer):
    set_team_role(operator, northlight, redeliverer, actor=team_admin)
    client.force_login(team_admin)
    page = client.get(reverse("team-members", kwargs={"team": northlight.code}), {"role": "own"}).content.decode()
    assert "Redeliverer" in page and "Otto Operator" in page and "Tara Admin" not in page.partition("<tbody>")[2]


# Grants follow roles


def test_a_new_row_of_the_matrix_reaches_those_who_have_the_role(northlight, team_admin, operator, approver, redeliverer):
    set_team_role(operator, northlight, redeliverer, actor=team_admin)
    before = set(TeamGrant.objects.values_list("user_id", "permission_id"))
    TeamGrant.objects.filter(permission__codename="orders_redeliver").delete()
    SuperappGrant.objects.filter(permission__codename="payments_decide").delete()
    assert not can(fresh(team_admin), "orders.redeliver", northlight)
    said = StringIO()
    call_command("sync_grants", stdout=said)
    assert said.getvalue() == "3 grants added, 0 removed.\n"
    assert set(TeamGrant.objects.values_list("user_id", "permission_id")) == before
    assert can(fresh(approver), "payments.decide", northlight.superapp)
    assert sync_grants() == (0, 0)


def test_grants_that_no_role_says_are_taken_away(northlight, team_admin, operator):
    permission = TeamGrant.objects.filter(permission__codename="items_remove_item").get().permission
    TeamGrant.objects.create(user=operator, content_object=northlight, permission=permission)
    TeamGrant.objects.create(user=person("Nina New"), content_object=northlight, permission=permission)
    assert sync_grants() == (0, 2)
    assert not can(fresh(operator), "items.remove_item", northlight)


def test_the_database_wants_a_role_of_the_teams_own_where_the_membership_says_so(northlight, operator):
    with pytest.raises(IntegrityError):
        TeamMembership.objects.filter(user=operator).update(role="own")
