"""The second factor: required for approvers, superapp admins and key holders; fresh for what decides, issues or gives rights."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse
from django.views import View

from console import checks
from console.checks import every_route_states_its_permission
from console.models import MiniProgram, Team, TeamMembership
from console.views.base import ConsoleView
from payments.models import DeliveryConfig, PaymentRequest, owners_of
from tests.people import force_login

SECRET = generate_totp_secret()
PERIOD = 30  # seconds
MINUTES = 60


@pytest.fixture(autouse=True)
def no_codes_used_yet(db):
    """A code counts once; counters of other tests must not count here."""
    cache.clear()


def code_now() -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // PERIOD))


@pytest.fixture
def approver_with_app(approver):
    TOTP.activate(approver, SECRET)
    return approver


@pytest.fixture
def asked(starfall, team_admin) -> PaymentRequest:
    own = owners_of(starfall)
    return PaymentRequest.objects.create(**own, program=starfall, type="virtual", requested_by=team_admin, kind="payment")


def review(asked, page="payments:review") -> str:
    return reverse(page, kwargs={"superapp": asked.superapp.code, "pk": asked.pk})


def sign_in(client, person, *, with_code=True) -> None:
    client.post("/accounts/login/", {"login": person.email, "password": "demo"})
    if with_code:
        assert client.post("/accounts/2fa/authenticate/", {"code": code_now()}).status_code == 302


def age(client, seconds) -> None:
    """The codes of this session were entered so many seconds earlier."""
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - seconds} for record in session["account_authentication_methods"]
    ]
    session.save()


def approve(client, asked, **data):
    page = client.get(review(asked)).content.decode()
    shown = re.search(r'name="approve-shown" value="([^"]*)"', page)
    sent = {"approve-shown": shown[1] if shown else "", **data}
    return client.post(review(asked, "payments:approve"), sent, headers={"referer": f"http://testserver{review(asked)}"})


def test_signing_in_with_a_code_is_fresh_enough_to_decide(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    assert approve(client, asked).status_code == 302
    assert PaymentRequest.objects.get().state == "approved"


def test_without_a_factor_the_way_leads_to_set_it_up_with_the_reason(client, approver, asked):
    sign_in(client, approver, with_code=False)
    answer = client.post(review(asked, "payments:approve"), {})
    assert answer["Location"] == reverse("mfa_activate_totp")
    page = client.get(answer["Location"], follow=True).content.decode()
    assert "This act needs a second factor" in page
    assert PaymentRequest.objects.get().state == "in_progress"


def test_after_setting_it_up_one_goes_on(client, approver, asked):
    sign_in(client, approver, with_code=False)
    assert client.get(review(asked))["Location"] == reverse("mfa_activate_totp")
    client.post("/accounts/reauthenticate/?next=/accounts/2fa/totp/activate/", {"password": "demo"})
    page = client.get(reverse("mfa_activate_totp")).content.decode()
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', page)
    assert secret
    code = format_hotp_value(hotp_value(secret[1], int(time.time()) // PERIOD))
    page = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True).content.decode()
    assert f'href="{review(asked)}"' in page and "Go on" in page
    assert secret[1] not in str(Authenticator.objects.get(type="totp").data)  # sealed


def test_a_stale_factor_asks_when_the_page_is_opened_and_leads_back(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    age(client, 10 * MINUTES + 1)
    answer = client.get(review(asked))
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    cache.clear()
    back = client.post(answer["Location"], {"code": code_now()})
    assert back["Location"] == review(asked)
    assert client.get(back["Location"]).status_code == 200


def test_a_factor_that_ran_out_meanwhile_decides_nothing_and_loses_nothing(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    assert client.get(review(asked)).status_code == 200
    age(client, 10 * MINUTES + 1)
    sent = {"reject-reason": "Say what the gem is for.", "reject-shown": "x"}
    answer = client.post(review(asked, "payments:reject"), sent, headers={"referer": f"http://testserver{review(asked)}"})
    assert PaymentRequest.objects.get().state == "in_progress"
    assert "Nothing was done yet." in client.get(answer["Location"]).content.decode()
    cache.clear()
    back = client.post(answer["Location"], {"code": code_now()})
    assert back["Location"] == review(asked)
    assert "Say what the gem is for." in client.get(back["Location"]).content.decode()
    assert "Say what the gem is for." not in client.get(back["Location"]).content.decode()  # once


def test_ten_minutes_are_still_fresh(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    age(client, 10 * MINUTES - 5)
    assert client.get(review(asked)).status_code == 200


def test_a_password_is_no_second_factor(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    age(client, 11 * MINUTES)
    client.post("/accounts/reauthenticate/", {"password": "demo"})
    assert client.get(review(asked))["Location"].startswith(reverse("mfa_reauthenticate"))
    # nor does it switch the factor off
    assert client.post(reverse("mfa_deactivate_totp"))["Location"].startswith(reverse("mfa_reauthenticate"))
    assert Authenticator.objects.filter(user=approver_with_app, type="totp").exists()
    # nor one that was entered before the factor was set up
    session = client.session
    session["account_authentication_methods"] += [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    assert client.get(review(asked))["Location"].startswith(reverse("mfa_reauthenticate"))


def test_who_only_looks_is_not_asked(client, platform, asked):
    force_login(client, platform)
    assert client.get(review(asked)).status_code == 200


def form_pages(starfall, operator) -> dict[str, str]:
    """Acts of a team admin that need a fresh factor: keys, the delivery URL, roles."""
    app, team = {"app_id": starfall.app_id}, {"team": starfall.team.code}
    return {
        "configure": reverse("payments:delivery-configure", kwargs=app),
        "issue": reverse("payments:credential-issue", kwargs=app),
        "add": reverse("team-member-add", kwargs=team),
        "role": reverse("team-member-role", kwargs={**team, "pk": operator.team_memberships.get().pk}),
        "own role": reverse("team-role-create", kwargs=team),
    }


@pytest.mark.parametrize("act", ["configure", "issue", "add", "role", "own role"])
def test_keys_urls_and_roles_need_a_fresh_factor(client, team_admin, operator, starfall, act):
    TOTP.activate(team_admin, SECRET)
    url = form_pages(starfall, operator)[act]
    sign_in(client, team_admin)
    assert client.get(url).status_code == 200
    age(client, 11 * MINUTES)
    for answer in (client.get(url), client.post(url, {"url": "https://shop.example.com", "role": "developer"})):
        assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert not DeliveryConfig.objects.exists()
    assert TeamMembership.objects.get(user=operator).role == "operator"


def test_what_was_typed_in_a_form_comes_back(client, team_admin, starfall):
    TOTP.activate(team_admin, SECRET)
    url = reverse("payments:delivery-configure", kwargs={"app_id": starfall.app_id})
    sign_in(client, team_admin)
    age(client, 11 * MINUTES)
    answer = client.post(url, {"url": "https://typed.example.com/push"}, headers={"referer": f"http://testserver{url}"})
    cache.clear()
    page = client.post(answer["Location"], {"code": code_now()}, follow=True).content.decode()
    assert "https://typed.example.com/push" in page
    assert not DeliveryConfig.objects.exists()


def test_a_foreign_referer_leads_nowhere(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    age(client, 11 * MINUTES)
    answer = client.post(review(asked, "payments:approve"), {}, headers={"referer": "https://evil.example/"})
    assert "evil" not in answer["Location"]


# A trial


def test_a_trial_asks_those_only_who_have_a_factor(client, approver, asked, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    sign_in(client, approver, with_code=False)
    assert client.get(review(asked)).status_code == 200
    TOTP.activate(approver, SECRET)
    assert client.get(review(asked))["Location"].startswith(reverse("mfa_reauthenticate"))


def test_deployment_is_refused_without_it(settings):
    settings.SECOND_FACTOR_REQUIRED = False
    with pytest.raises(SystemCheckError, match="SECOND_FACTOR_REQUIRED is off"):
        call_command("check", deploy=True, tags=["security"])


# Declarations


def test_a_page_that_decides_without_saying_whether_it_needs_a_factor_does_not_start(monkeypatch):
    class Undecided(ConsoleView):
        permission = "payments.decide"

        def post(self, request):
            """Decides."""

    class Decided(Undecided):
        fresh_factor = False

    for page, expected in [(Undecided, ["console.E003"]), (Decided, [])]:
        monkeypatch.setattr(checks, "routes", lambda page=page: [("page", "page", View.as_view.__func__(page))])
        assert [problem.id for problem in every_route_states_its_permission(None)] == expected


def test_recovery_codes_are_sealed_and_work_once(client, approver_with_app, asked):
    sign_in(client, approver_with_app)
    client.post("/accounts/2fa/reauthenticate/", {"code": "000000"})
    cache.clear()
    client.post("/accounts/2fa/reauthenticate/", {"code": code_now()})
    client.post(reverse("mfa_generate_recovery_codes"))
    row = Authenticator.objects.get(type="recovery_codes")
    assert row.data["seed"].startswith("v1.")
    code = row.wrap().get_unused_codes()[0]
    age(client, 11 * MINUTES)
    url = client.get(review(asked))["Location"]
    assert client.post(url, {"code": code})["Location"] == review(asked)
    age(client, 11 * MINUTES)
    assert client.post(url, {"code": code}).status_code == 200  # used


# Sessions


def test_sessions_end_on_signing_out_and_on_a_new_password(team_admin):
    here, there = Client(), Client()
    force_login(here, team_admin)
    force_login(there, team_admin)
    team = Team.objects.get()
    page = reverse("team-members", kwargs={"team": team.code})
    kept = here.cookies["sessionid"].value
    here.post("/accounts/logout/")
    here.cookies["sessionid"] = kept
    assert here.get(page).status_code == 302
    team_admin.set_password("another long password")
    team_admin.save()
    assert there.get(page).status_code == 302
    assert MiniProgram.objects.count() == 0
