"""Signing in: e-mail and password, lock-out that survives the loss of a cache server, nothing learnt about who exists."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from console.actions.membership import leave_team
from console.models import User
from tests.people import SETUP

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def no_failures_yet(db):
    """Counters of other tests must not count here."""
    cache.clear()


def sign_in(client, email, password="demo"):
    return client.post(LOGIN, {"login": email, "password": password})


def test_the_right_password_signs_in_whatever_the_case_of_the_address(client, team_admin):
    answer = sign_in(client, team_admin.email.upper())
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(team_admin.pk)


def text_of(answer) -> str:
    """The page without its one-time tokens and without the address that was typed."""
    return re.sub(r"[A-Za-z0-9]{64}|[\w.-]+@demo\.test", "", answer.content.decode())


def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(client, team_admin):
    wrong, unknown = sign_in(client, team_admin.email, "nope"), sign_in(client, "nobody@demo.test", "nope")
    assert (wrong.status_code, text_of(wrong)) == (unknown.status_code, text_of(unknown))
    assert "_auth_user_id" not in client.session


def test_after_five_failures_even_the_right_password_is_refused(client, team_admin):
    for _attempt in range(5):
        sign_in(client, team_admin.email, "nope")
    answer = sign_in(client, team_admin.email)
    assert answer.status_code != 302
    assert "_auth_user_id" not in client.session


def test_a_lock_out_of_one_person_leaves_others_alone(client, team_admin, operator):
    for _attempt in range(6):
        sign_in(client, team_admin.email, "nope")
    assert sign_in(client, operator.email).status_code == 302


def test_the_counters_and_sessions_stand_in_the_database():
    assert settings.CACHES["default"]["BACKEND"] == "django.core.cache.backends.db.DatabaseCache"
    assert settings.SESSION_ENGINE == "django.contrib.sessions.backends.db"


def test_nobody_signs_up_by_themselves(client, db):
    answer = client.post("/accounts/signup/", {"email": "new@demo.test", "password1": "a-long-enough-one", "password2": "x"})
    assert answer.status_code in {200, 403, 404}
    assert not User.objects.exists()


def test_nobody_changes_the_address_that_the_platform_knows_them_by(client, team_admin):
    client.force_login(team_admin)
    url, before = reverse("account_email"), team_admin.email
    assert client.get(url).status_code == 404
    for act in ("action_add", "action_primary"):
        assert client.post(url, {act: "", "email": "another@demo.test"}).status_code == 404
    assert User.objects.get(pk=team_admin.pk).email == before


def test_an_inactive_account_cannot_sign_in(client, team_admin):
    User.objects.filter(pk=team_admin.pk).update(is_active=False)
    sign_in(client, team_admin.email)
    assert "_auth_user_id" not in client.session


def test_passwords_are_kept_with_argon2_outside_the_tests():
    production = (settings.BASE_DIR / "console" / "settings.py").read_text()
    hashers = production.partition("PASSWORD_HASHERS = [")[2]
    assert hashers.lstrip().startswith('"django.contrib.auth.hashers.Argon2PasswordHasher"')
    encoded = Argon2PasswordHasher().encode("demo", "somesaltsomesalt")
    assert encoded.startswith("argon2$argon2id$")


def test_a_changed_password_ends_all_other_sessions(team_admin):
    mine, other = Client(), Client()
    for client in (mine, other):
        sign_in(client, team_admin.email)
    new = "a long new password"
    mine.post("/accounts/password/change/", {"oldpassword": "demo", "password1": new, "password2": new})
    assert other.get("/roles/").status_code == 302
    assert sign_in(Client(), team_admin.email, new).status_code == 302


def test_signing_out_ends_the_session_and_not_only_the_cookie(client, team_admin):
    sign_in(client, team_admin.email)
    cookie = client.cookies["sessionid"].value
    client.post("/accounts/logout/")
    client.cookies["sessionid"] = cookie
    assert client.get("/roles/").status_code == 302


def test_losing_a_role_works_on_the_next_request(client, operator, starfall):
    client.force_login(operator)
    page = reverse("orders:list", kwargs={"app_id": starfall.app_id})
    assert client.get(page).status_code == 200
    leave_team(operator.team_memberships.get(), actor=SETUP)
    assert "/accounts/login/" in client.get(page)["Location"]
    client.force_login(User.objects.get(pk=operator.pk))
    assert client.get(page).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_an_unsafe_request_without_a_token_is_refused(team_admin, method):
    client = Client(enforce_csrf_checks=True)
    client.force_login(team_admin)
    assert getattr(client, method)("/preferences", {"theme": "dark"}).status_code == 403


def test_the_content_security_policy_allows_nothing_inline(client, team_admin):
    client.force_login(team_admin)
    policy = client.get("/jobs/")["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
