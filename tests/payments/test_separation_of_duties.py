"""Nobody decides what they asked for, edited or what their team asked for, whatever roles they get before or after."""

import pytest
from django.db import IntegrityError, transaction

from console.actions.membership import leave_team, set_superapp_role, set_team_role
from console.errors import Forbidden, Invisible, Refused
from console.models import User
from payments.actions import payment
from payments.models import Merchant, MerchantBinding, PaymentRequest
from tests.people import SETUP, own_role, staff


def fresh(user) -> User:
    """The person as the next request reads them."""
    return User.objects.get(pk=user.pk)


@pytest.fixture
def asked(starfall, team_admin) -> PaymentRequest:
    """Asked for by the team admin."""
    merchant = Merchant.objects.create(superapp=starfall.superapp, merchant_id="M-1", name="Northlight", currency="USD")
    team, superapp = starfall.team, starfall.superapp
    MerchantBinding.objects.create(
        team=team, superapp=superapp, merchant=merchant, bound_team=team, requested_by=team_admin, state="effective",
        effective=True, pending=None,
    )  # fmt: skip
    return payment.request_payment(starfall, actor=team_admin, type="virtual", message="Starfall sells gems.")


def refused(asked, person) -> bool:
    try:
        payment.approve(asked, actor=fresh(person))
    except (Refused, Forbidden, Invisible):
        return PaymentRequest.objects.get().state == "in_progress"
    return False


def test_the_requester_who_becomes_approver_later_does_not_decide(asked, orbit, team_admin):
    set_superapp_role(team_admin, orbit, "approver", actor=SETUP)
    assert refused(asked, team_admin)


def test_nor_after_leaving_the_team(asked, orbit, northlight, team_admin, senior):
    set_superapp_role(team_admin, orbit, "superapp_admin", actor=SETUP)
    set_team_role(senior, northlight, "team_admin", actor=SETUP)
    leave_team(team_admin.team_memberships.get(), actor=SETUP)
    assert refused(asked, team_admin)


def test_an_approver_who_joins_the_team_stops_deciding_its_requests(asked, northlight, approver):
    set_team_role(approver, northlight, "operator", actor=SETUP)
    assert refused(asked, approver)
    leave_team(approver.team_memberships.get(), actor=SETUP)
    assert payment.approve(asked, actor=fresh(approver)).state == "approved"


def test_a_role_of_the_teams_own_is_membership_too(asked, northlight, team_admin, approver):
    own_role(approver, northlight, team_admin, "orders.view_order")
    assert refused(asked, approver)


def test_an_approver_who_lost_the_role_decides_nothing(asked, orbit, approver):
    staff("Sven Second", orbit, "superapp_admin")
    set_superapp_role(approver, orbit, "superapp_operator", actor=SETUP)
    assert refused(asked, approver)


def test_a_platform_admin_who_becomes_nothing_else_only_looks(asked, platform, superadmin):
    assert refused(asked, platform)
    assert refused(asked, superadmin)


def test_the_database_refuses_a_decider_who_asked(asked, team_admin):
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentRequest.objects.filter(pk=asked.pk).update(decided_by=team_admin)
