"""All states × all moves of every life cycle: a move works from its declared sources and from nowhere else."""

import django_fsm
import pytest
from django.apps import apps

from console.errors import Refused, WrongState
from console.lifecycle import fsm_fields, guarded_move, moves
from console.matrix import PERMISSIONS

MODELS = [model for model in apps.get_models() if fsm_fields(model)]
CASES = [
    (model, move, state)
    for model in MODELS
    for move in moves(model).values()
    for state in dict(model._meta.get_field(move.field).choices)
]


def label(value):
    return getattr(value, "__name__", None) or getattr(value, "name", None) or str(value)


def test_every_life_cycle_of_the_domain_is_here():
    names = {model.__name__ for model in MODELS}
    expected = {"PaymentRequest", "MerchantBinding", "ExemptionRequest", "Item", "Release", "ReleaseEntry", "Order", "Refund"}
    assert expected | {"Credential", "Delivery", "Job"} <= names
    assert len(CASES) > 300


@pytest.mark.parametrize(("model", "declared", "state"), CASES, ids=label)
def test_a_move_is_allowed_from_its_sources_only(model, declared, state):
    row = model(**{declared.field: state})
    allowed = django_fsm.can_proceed(getattr(row, declared.name), check_conditions=False)
    assert allowed == (state in declared.sources)


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_states_are_protected_and_moves_name_known_permissions_and_states(model):
    for field in fsm_fields(model):
        row = model()
        with pytest.raises(AttributeError):
            setattr(row, field, "anything")
    for declared in moves(model).values():
        states = dict(model._meta.get_field(declared.field).choices)
        assert declared.target in states
        assert declared.sources <= set(states)
        assert not declared.permission or declared.permission in PERMISSIONS


#: The arrows of docs/domain.md, written out a second time: a changed declaration has to be meant.
ARROWS = {
    "PaymentRequest.state": "in_progress>approved in_progress>rejected in_progress>cancelled approved>disabled",
    "MerchantBinding.state": "in_progress>effective in_progress>rejected in_progress>cancelled effective>unbound",
    "ExemptionRequest.state": "in_progress>approved in_progress>rejected in_progress>cancelled approved>revoked",
    "Credential.state": "active>overlapping overlapping>retired active>revoked overlapping>revoked retired>revoked",
    "Refund.state": "processing>success processing>closed processing>failed",
    "Order.payment_state": (
        "created>unpaid created>paid unpaid>paid closed>paid expired>paid failed>paid created>closed unpaid>closed "
        "created>expired unpaid>expired created>failed unpaid>failed"
    ),
    "Order.refund_state": (
        "none>partially_refunded partially_refunded>partially_refunded none>refunded partially_refunded>refunded"
    ),
}


@pytest.mark.parametrize("name", ARROWS)
def test_the_arrows_are_those_of_the_domain(name):
    model_name, field = name.split(".")
    model = next(model for model in MODELS if model.__name__ == model_name)
    declared = {f"{source}>{m.target}" for m in moves(model).values() if m.field == field for source in m.sources}
    assert declared == set(ARROWS[name].split())


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=label)
def test_the_database_refuses_an_unknown_state(model):
    for field in fsm_fields(model):
        owner = next(
            parent for parent in [model, *model._meta.get_parent_list()] if field in {f.name for f in parent._meta.local_fields}
        )
        checks = " ".join(str(getattr(constraint, "condition", "")) for constraint in owner._meta.constraints)
        assert f"{field}__in" in checks, f"{owner.__name__}.{field} has no CHECK constraint"


@pytest.mark.django_db
def test_a_guarded_move_leaves_rows_in_other_states_alone(starfall, team_admin):
    from payments.models import PaymentRequest, owners_of

    request = PaymentRequest.objects.create(**owners_of(starfall), program=starfall, type="virtual", requested_by=team_admin)
    rows = PaymentRequest.objects.filter(pk=request.pk)
    assert guarded_move(rows, "cancel") == 1
    assert guarded_move(rows, "cancel") == 0
    assert rows.get().state == "cancelled"


def test_refusals_are_three_different_things():
    assert not issubclass(WrongState, Refused)
