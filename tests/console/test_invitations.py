"""Invitations: a mailed link that works once makes the account and gives its role."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.actions import invitation as actions
from console.actions import team_role
from console.actions.membership import set_team_role
from console.errors import Forbidden, Refused, WrongState
from console.links import send_links, token_of, url_of
from console.models import AuditEntry, Invitation, TeamMembership, User
from console.permissions import can
from tests.people import SETUP, person

PASSWORD = "long enough to keep"
DATA = {"name": "Nina New", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def invitation(northlight, team_admin) -> Invitation:
    return actions.invite(northlight, email=" Nina@Demo.test ", role="operator", actor=team_admin)


def test_the_invited_chooses_a_password_and_has_the_role(client, northlight, team_admin, invitation):
    assert "Tara Admin invited you as Operator." in client.get(url_of(invitation)).content.decode()
    assert not User.objects.filter(email="nina@demo.test").exists()
    page = client.post(url_of(invitation), DATA, follow=True)
    assert "Your account is ready." in page.content.decode()
    nina = User.objects.get(email="nina@demo.test")
    assert nina.check_password(PASSWORD)
    assert can(nina, "orders.view_order", northlight) and not can(nina, "items.edit_item", northlight)
    verbs = list(AuditEntry.objects.order_by("id").values_list("verb", flat=True))[-3:]
    assert verbs == ["console.invitation.send", "console.team_membership.set", "console.invitation.accept"]


def test_the_link_works_once(client, invitation):
    client.post(url_of(invitation), DATA)
    again = Client().post(url_of(invitation), {**DATA, "password1": "another long one", "password2": "another long one"})
    assert (again.status_code, User.objects.filter(email="nina@demo.test").count()) == (409, 1)
    assert User.objects.get(email="nina@demo.test").check_password(PASSWORD)
    with pytest.raises(WrongState, match="accepted already"):
        actions.accept(token_of(invitation), name="Nina", password=PASSWORD)


def test_the_database_holds_no_token(invitation):
    token = token_of(invitation)
    row = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert token.partition(":")[2] not in str(row)
    assert row["token_hash"] and row["token_hash"] not in token


def test_the_mail_is_sent_again_until_a_server_takes_it(invitation, settings, team_admin):
    Invitation.objects.update(next_attempt_at=timezone.now())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert send_links() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Invitation.objects.update(next_attempt_at=timezone.now())
    assert (send_links(), send_links()) == (1, 0)
    assert mail.outbox[0].to == ["nina@demo.test"]
    assert f"{settings.BASE_URL}{url_of(invitation)}" in mail.outbox[0].body


@pytest.mark.parametrize("change", [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}])
def test_an_old_or_revoked_link_makes_no_account(client, invitation, change):
    Invitation.objects.update(**change)
    assert client.get(url_of(invitation)).status_code == 409
    assert client.post(url_of(invitation), DATA).status_code == 409
    assert not User.objects.filter(email="nina@demo.test").exists()


def test_sending_again_ends_the_link_before(client, invitation, team_admin):
    before = url_of(invitation)
    row = actions.resend(invitation, actor=team_admin)
    assert (client.get(before).status_code, client.get(url_of(row)).status_code) == (404, 200)


@pytest.mark.parametrize("token", ["x", "1.1:AAAA", "1.1", "%00"])
def test_a_token_that_we_did_not_sign_is_nothing(client, invitation, token):
    assert client.get(f"/invitations/{token}").status_code == 404


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"password2": "something else long"}, "not the same password"),
        ({"name": " "}, "1 to 100 visible characters"),
        ({"password1": "nina@demo.test", "password2": "nina@demo.test"}, "too similar"),
    ],
)
def test_what_is_typed_wrong_is_said(client, invitation, data, sentence):
    page = client.post(url_of(invitation), DATA | data)
    assert (page.status_code, sentence in page.content.decode()) == (422, True)
    assert not User.objects.filter(email="nina@demo.test").exists()


def test_the_role_is_not_given_when_the_inviter_lost_the_right(northlight, team_admin, senior, invitation):
    set_team_role(senior, northlight, "team_admin", actor=SETUP)
    set_team_role(team_admin, northlight, "developer", actor=SETUP)
    user = actions.accept(token_of(invitation), name="Nina", password=PASSWORD)
    assert not TeamMembership.objects.filter(user=user).exists()


def test_one_account_takes_all_its_invitations(northlight, harbor, team_admin, stranger, invitation):
    actions.invite(harbor, email="nina@demo.test", role="developer", actor=stranger)
    user = actions.accept(token_of(invitation), name="Nina", password=PASSWORD)
    roles = TeamMembership.objects.filter(user=user).values_list("team__name", "role")
    assert set(roles) == {("Northlight Games", "operator"), ("Harbor Studio", "developer")}


def test_a_role_of_the_teams_own_waits_in_the_invitation(northlight, team_admin):
    role = team_role.create(northlight, name="Redeliverer", permissions=["orders.redeliver"], actor=team_admin)
    row = actions.invite(northlight, email="nina@demo.test", role=role, actor=team_admin)
    with pytest.raises(WrongState, match="invited to this role"):
        team_role.remove(role, actor=team_admin)
    user = actions.accept(token_of(row), name="Nina", password=PASSWORD)
    assert can(user, "orders.redeliver", northlight)


def test_the_super_admin_invites_a_platform_admin(superadmin, platform):
    with pytest.raises(Forbidden):
        actions.invite_user(email="new@demo.test", platform_admin=True, actor=platform)
    row = actions.invite_user(email="new@demo.test", platform_admin=True, actor=superadmin)
    with pytest.raises(Forbidden):
        actions.resend(row, actor=platform)
    assert actions.accept(token_of(row), name="New", password=PASSWORD).pk
    assert User.objects.get(email="new@demo.test").platform_role == "platform_admin"


def test_who_is_there_or_invited_already_is_not_invited(northlight, team_admin, operator, invitation):
    for email, sentence in [(operator.email, "has an account already"), ("nina@demo.test", "invited already")]:
        with pytest.raises(Refused, match=sentence):
            actions.invite(northlight, email=email, role="operator", actor=team_admin)
    closed = person("Closed Carl", is_active=False)
    with pytest.raises(Refused, match="account is closed"):
        actions.invite(northlight, email=closed.email, role="operator", actor=team_admin)


def test_team_admin_invites_lists_and_revokes_from_the_members_pages(client, northlight, team_admin):
    client.force_login(team_admin)
    add = reverse("team-member-add", kwargs={"team": northlight.code})
    assert client.post(add, {"email": "nina@demo.test", "role": "operator"}).status_code == 422
    page = client.post(add, {"email": "nina@demo.test", "role": "operator", "invite": "on"}, follow=True).content.decode()
    assert "An invitation was mailed to nina@demo.test." in page
    row = Invitation.objects.get()
    names = {"team": northlight.code, "pk": row.pk}
    client.post(reverse("team-invitation-resend", kwargs=names))
    page = client.post(reverse("team-invitation-revoke", kwargs=names), follow=True).content.decode()
    assert "Revoked" in page
    assert client.post(reverse("team-invitation-revoke", kwargs=names)).status_code == 409


def test_another_teams_invitations_are_out_of_reach(client, northlight, harbor, stranger, invitation):
    client.force_login(stranger)
    for team in (northlight, harbor):
        assert client.get(reverse("team-invitation", kwargs={"team": team.code, "pk": invitation.pk})).status_code == 404
