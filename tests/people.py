"""People with names and the places they work in: the fixtures of most tests."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.test import Client

from console.actions import team_role
from console.actions.membership import set_superapp_role, set_team_role
from console.models import MiniProgram, Superapp, Team, User
from console.permissions import System

SETUP = System("test setup")


@pytest.fixture
def orbit(db) -> Superapp:
    """The superapp most tests happen in: payment on, four currencies."""
    return Superapp.objects.create(name="Orbit", payment_enabled=True, currencies=["USD", "JPY", "KWD", "CNY"])


@pytest.fixture
def northlight(orbit) -> Team:
    """The team most tests happen in."""
    return Team.objects.create(name="Northlight Games", superapp=orbit, linked_email="payments@northlight.test")


@pytest.fixture
def harbor(orbit) -> Team:
    """Another team of the same superapp: its people are the strangers."""
    return Team.objects.create(name="Harbor Studio", superapp=orbit, linked_email="payments@harbor.test")


@pytest.fixture
def starfall(northlight) -> MiniProgram:
    """A mini game where nothing is set up yet."""
    return MiniProgram.objects.create(name="Starfall", kind="mini_game", team=northlight, superapp=northlight.superapp)


@pytest.fixture
def harbor_reader(harbor) -> MiniProgram:
    """A mini program of the other team."""
    return MiniProgram.objects.create(name="Harbor Reader", kind="mini_program", team=harbor, superapp=harbor.superapp)


def person(name: str, **fields) -> User:
    """Somebody who can sign in with the password "demo"."""
    email = name.lower().replace(" ", "-") + "@demo.test"
    return User.objects.create_user(email, "demo", name=name, **fields)


def sign_in_with_a_code(client: Client, user: User, backend: str | None = None) -> None:
    """What Client.force_login does, and a code of an authenticator app entered just now.

    `client.force_login` is this in all tests; tests/console/test_factor.py signs in by the pages.
    """
    force_login(client, user, backend)
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, defaults={"data": {"secret": ""}})
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


force_login = Client.force_login


@pytest.fixture(scope="session", autouse=True)
def everybody_enters_a_code() -> Iterator[None]:
    """Signing in for a test includes a fresh second factor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "force_login", sign_in_with_a_code)
        yield


def member(name: str, team: Team, role: str) -> User:
    user = person(name)
    set_team_role(user, team, role, actor=SETUP)
    return user


def own_role(person: User, team: Team, admin: User, *permissions: str) -> None:
    """The person has nothing in the team but a role of the team's own with these permissions and what they need."""
    role = team_role.create(team, name="Their own", permissions=list(permissions), actor=admin)
    set_team_role(person, team, role, actor=admin)


def staff(name: str, superapp: Superapp, role: str) -> User:
    user = person(name)
    set_superapp_role(user, superapp, role, actor=SETUP)
    return user


@pytest.fixture
def team_admin(northlight) -> User:
    return member("Tara Admin", northlight, "team_admin")


@pytest.fixture
def senior(northlight) -> User:
    return member("Sam Senior", northlight, "senior_developer")


@pytest.fixture
def developer(northlight) -> User:
    return member("Devi Developer", northlight, "developer")


@pytest.fixture
def operator(northlight) -> User:
    return member("Otto Operator", northlight, "operator")


@pytest.fixture
def stranger(harbor) -> User:
    """Team admin of another team."""
    return member("Sally Stranger", harbor, "team_admin")


@pytest.fixture
def approver(orbit) -> User:
    return staff("Ada Approver", orbit, "approver")


@pytest.fixture
def superapp_admin(orbit) -> User:
    return staff("Sven Superapp", orbit, "superapp_admin")


@pytest.fixture
def superapp_developer(orbit) -> User:
    return staff("Dora Superapp", orbit, "superapp_senior_developer")


@pytest.fixture
def superapp_operator(orbit) -> User:
    return staff("Olga Superapp", orbit, "superapp_operator")


@pytest.fixture
def superadmin(db) -> User:
    return person("Sue Super", platform_role="super_admin")


@pytest.fixture
def platform(db) -> User:
    return person("Pat Platform", platform_role="platform_admin")


@pytest.fixture
def everyone(
    superadmin,
    platform,
    team_admin,
    senior,
    developer,
    operator,
    stranger,
    approver,
    superapp_admin,
    superapp_developer,
    superapp_operator,
):
    """All of them by the name of their fixture."""
    return SimpleNamespace(**{name: value for name, value in locals().items() if name != "request"})
