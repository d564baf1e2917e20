"""The first five links of the chain, and what openServer is told about it."""

import pytest

from payments.actions import delivery, merchant, payment
from payments.models import DeliveryConfig, MerchantBinding
from payments.readiness import steps
from payments.selling import selling_state

pytestmark = pytest.mark.sqlite


def states(program, actor):
    return {step.key: step.state for step in steps(program, actor=actor)}


def test_a_newcomer_starts_with_the_merchant(starfall, team_admin):
    chain = steps(starfall, actor=team_admin)
    assert [(step.key, step.state) for step in chain] == [
        ("feature", "done"), ("merchant", "now"), ("payment", "todo"), ("delivery", "todo"), ("push", "todo"),
    ]  # fmt: skip
    assert chain[1].url == f"/t/{starfall.team.code}/merchant/"
    assert chain[1].who == "Tara Admin"
    assert all(step.who for step in chain)  # of every step, also of one that is done
    assert [step.url for step in chain if step.state == "todo"] == ["", "", ""]


def test_who_may_not_do_the_next_step_sees_who_may_and_no_link(starfall, team_admin, operator):
    step = steps(starfall, actor=operator)[1]
    assert (step.who, step.url) == ("Tara Admin", "")


def test_the_chain_to_the_push_switch(starfall, merchant_requested, team_admin, approver, senior):
    assert states(starfall, team_admin)["merchant"] == "waiting"
    merchant.approve(merchant_requested, actor=approver)
    assert states(starfall, team_admin) | {"push": "todo"} == {
        "feature": "done", "merchant": "done", "payment": "now", "delivery": "todo", "push": "todo",
    }  # fmt: skip
    request = payment.request_payment(starfall, actor=team_admin, message="Please.")
    waiting = steps(starfall, actor=team_admin)[2]
    assert (waiting.state, waiting.who) == ("waiting", "Ada Approver")
    payment.approve(request, actor=approver)
    assert states(starfall, senior)["delivery"] == "now"
    delivery.configure(starfall, actor=senior, url="https://93.184.215.14/push")
    assert states(starfall, senior) == {**dict.fromkeys(["feature", "merchant", "payment", "delivery"], "done"), "push": "now"}
    DeliveryConfig.objects.update(enabled=True)
    assert set(states(starfall, senior).values()) == {"done"}


@pytest.fixture
def merchant_requested(northlight, team_admin):
    from payments.models import Merchant

    row = Merchant.objects.create(superapp=northlight.superapp, merchant_id="1", name="Northlight Ltd", currency="USD")
    return merchant.bind(northlight, row, actor=team_admin)


def test_a_rejection_blocks_with_its_reason(starfall, requested, team_admin, approver):
    payment.reject(requested, actor=approver, reason="Say what is sold.")
    step = steps(starfall, actor=team_admin)[2]
    assert (step.state, step.sentence) == ("blocked", "Rejected: Say what is sold.")
    assert step.url.endswith("/payment/")


def test_a_cancelled_request_is_the_next_step_again(starfall, requested, team_admin):
    payment.cancel(requested, actor=team_admin)
    assert states(starfall, team_admin)["payment"] == "now"


def test_without_the_feature_the_superapp_is_next(starfall, orbit, superapp_admin, team_admin):
    orbit.currencies = []
    orbit.save()
    starfall.superapp.refresh_from_db()
    step = steps(starfall, actor=team_admin)[0]
    assert (step.state, step.who) == ("now", "Sven Superapp")
    assert "no currency" in step.sentence


def test_the_number_of_queries_does_not_depend_on_the_state(starfall, approved, team_admin, django_assert_max_num_queries):
    program = type(starfall).objects.select_related("team", "superapp").get()
    team_admin = type(team_admin).objects.get(pk=team_admin.pk)
    with django_assert_max_num_queries(7):
        steps(program, actor=team_admin)


def test_selling_needs_the_permission(starfall, bound):
    assert (selling_state(starfall).enabled, selling_state(starfall).code) == (False, "PAYMENT_NOT_ENABLED")


def test_selling_through_the_effective_merchant(starfall, approved, merchant):
    selling = selling_state(starfall)
    assert (selling.enabled, selling.code, selling.merchant) == (True, "", merchant)


def test_selling_is_suspended_while_the_feature_is_off(starfall, approved, orbit):
    starfall.superapp.payment_enabled = False
    selling = selling_state(starfall)
    assert (selling.code, selling.suspended_reason, selling.suspended) == ("PAYMENT_SUSPENDED", "feature_off", True)
    starfall.superapp.payment_enabled = True
    assert selling_state(starfall).enabled


def test_selling_ends_when_payment_is_disabled(starfall, approved, approver):
    payment.disable(approved, actor=approver, reason="Complaints.")
    assert selling_state(starfall).code == "PAYMENT_NOT_ENABLED"


def test_a_team_that_never_had_a_merchant(starfall, approved):
    MerchantBinding.objects.update(effective=None)
    assert selling_state(starfall).code == "MERCHANT_NOT_BOUND"


def test_the_other_type_of_payment_is_another_permission(starfall, approved):
    assert selling_state(starfall, type="standard").code == "PAYMENT_NOT_ENABLED"
