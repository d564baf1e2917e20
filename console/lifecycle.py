"""States and moves, declared once with django-fsm on the model; these functions carry them out and answer from them.

A move is a method decorated with `@transition(field=…, source=…, target=…, permission=…, custom={"label": …, "verb": …})`:
`permission` names a row of the matrix, `label` is the button, `verb` the audit verb. Nothing else changes a state.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils.translation import gettext as _
from django_fsm import FSMFieldMixin, Transition, can_proceed

from console import bulk
from console.audit import record, record_many
from console.errors import Invisible, WrongState
from console.models import User
from console.permissions import System, can, require

M = TypeVar("M", bound=models.Model)


class Move(NamedTuple):
    """One declared arrow set of a model: from any of `sources` to `target` of one state field."""

    name: str
    field: str
    sources: frozenset[str]
    target: str
    permission: str
    label: str
    verb: str


def fsm_fields(model: type[models.Model]) -> list[str]:
    """The state fields of a model; an order has three."""
    return [field.name for field in model._meta.get_fields() if isinstance(field, FSMFieldMixin)]


@cache
def moves(model: type[models.Model]) -> dict[str, Move]:
    """All moves the model declares, by name."""
    found: dict[str, Move] = {}
    for field in fsm_fields(model):
        declared = list(getattr(model, f"get_all_{field}_transitions")(model()))
        for name in sorted({arrow.name for arrow in declared}):
            found[name] = _move(model, field, [arrow for arrow in declared if arrow.name == name])
    return found


def _move(model: type[models.Model], field: str, arrows: list[Transition]) -> Move:
    first = arrows[0]
    return Move(
        name=first.name,
        field=field,
        sources=frozenset(str(arrow.source) for arrow in arrows),
        target=str(first.target),
        permission=str(first.permission or ""),
        label=first.custom.get("label", first.name),
        verb=first.custom.get("verb", f"{model._meta.app_label}.{model._meta.model_name}.{first.name}"),
    )


def move(obj: M, name: str, *, actor: User | System, **data: Any) -> M:
    """Carry out one move and return the row as it is afterwards.

    Permission, then lock and re-read, then source state, then the transition's body, save and audit entry, in one
    transaction. Bodies take `actor` and `data` as keyword arguments. Raises Invisible, Forbidden, WrongState, or Refused
    from the body's own rules; then nothing has changed. Mail and HTTP belong into tasks after the commit.
    """
    declared = moves(type(obj))[name]
    if declared.permission:
        require(actor, declared.permission, obj)  # type: ignore[arg-type]
    with transaction.atomic():
        locked = lock(obj)
        before = getattr(locked, declared.field)
        method = getattr(locked, name)
        if not can_proceed(method, check_conditions=False):
            raise WrongState(wrong_state_message(locked, declared))
        method(actor=actor, **data)
        locked.save()
        changes = {declared.field: [before, getattr(locked, declared.field)]}
        record(
            declared.verb,
            locked,
            actor=actor,
            changes=changes,
            note=str(data.get("reason") or data.get("message") or ""),
        )
    return locked


def lock(obj: M) -> M:
    """The row, read again under a lock that lasts until the transaction ends (SQLite's write transaction is the lock there).

    Columns that `obj` came without are left out again; save() leaves them alone. Raises Invisible when it is not there any more.
    """
    manager = type(obj)._base_manager
    # Not what its nullable foreign keys point to. But the rows of its parents, where a request keeps its state: PostgreSQL
    # reads only locked rows again after waiting, so a second decider would see the state of before.
    parents = [link.name for link in obj._meta.parents.values() if link]
    # NO KEY: rows that point here (audit entries, orders) can be inserted meanwhile; FOR UPDATE made them wait and deadlock.
    rows = manager.select_for_update(of=("self", *parents), no_key=True)
    try:
        return rows.defer(*obj.get_deferred_fields()).get(pk=obj.pk)
    except ObjectDoesNotExist:
        raise Invisible from None


def move_many(rows: "models.QuerySet[M]", name: str, *, actor: User | System, **data: Any) -> list[M]:
    """The same move for all rows of a queryset, all of them or none, with a handful of statements whatever their number.

    As `move()` row by row: permission for each container, lock and re-read in the order of ids, source state, the transition's
    body with `data`, audit entries. Written is what the bodies changed; save() does not run. What `scope` and the bodies look up
    has to be prefetched. Raises Invisible, Forbidden, WrongState, or Refused from a body; then nothing has changed.
    """
    declared = moves(rows.model)[name]
    with transaction.atomic():
        locked = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk"))
        if declared.permission:
            for row in {row.scope: row for row in locked}.values():  # type: ignore[attr-defined]
                require(actor, declared.permission, row)  # type: ignore[arg-type]
        before = [dict(vars(row)) for row in locked]
        for row in locked:
            method = getattr(row, name)
            if not can_proceed(method, check_conditions=False):
                raise WrongState(wrong_state_message(row, declared))
            method(actor=actor, **data)
        _write_moved(locked, before)
        note = str(data.get("reason") or data.get("message") or "")
        field = declared.field
        changes = [{field: [old[field], getattr(row, field)]} for row, old in zip(locked, before, strict=True)]
        record_many(declared.verb, locked, actor=actor, changes=changes, note=note)
    return locked


def _write_moved(rows: Sequence[M], before: Sequence[dict[str, Any]]) -> None:
    """Write the columns that differ from `before` in at least one row."""
    columns = [field.attname for field in rows[0]._meta.concrete_fields] if rows else []
    pairs = list(zip(rows, before, strict=True))
    changed = [name for name in columns if any(vars(row)[name] != old[name] for row, old in pairs)]
    bulk.write(rows, changed)


def wrong_state_message(obj: models.Model, declared: Move) -> str:
    """A sentence that says why not; a model with `decided_by` says who was first."""
    decider, at = getattr(obj, "decided_by", None), getattr(obj, "decided_at", None)
    if decider and at:
        return _("This was already decided by %(name)s at %(time)s UTC.") % {
            "name": decider,
            "time": f"{at:%Y-%m-%d %H:%M:%S}",
        }
    state = getattr(obj, f"get_{declared.field}_display")()
    return _("“%(action)s” is not possible while the state is “%(state)s”.") % {
        "action": declared.label,
        "state": state,
    }


def available(obj: models.Model, *, actor: User) -> list[Move]:
    """The moves whose source state fits and which `actor` may make: the buttons to show."""
    return [
        declared
        for declared in moves(type(obj)).values()
        if getattr(obj, declared.field) in declared.sources and declared.permission and can(actor, declared.permission, obj)  # type: ignore[arg-type]
    ]


def eligible(queryset: "models.QuerySet[M]", name: str) -> "models.QuerySet[M]":
    """The rows of a bulk selection that may make the move."""
    declared = moves(queryset.model)[name]
    return queryset.filter(**{f"{declared.field}__in": declared.sources})


def guarded_move(queryset: "models.QuerySet[M]", name: str, **changes: Any) -> int:
    """Make the move in one guarded UPDATE, for hot paths; returns how many rows moved.

    Rows that are not in a source state stay as they are, so a late caller cannot undo what another did. `changes` are set in the
    same statement. The caller writes the audit entries in the same transaction.
    """
    declared = moves(queryset.model)[name]
    return eligible(queryset, name).update(**{declared.field: declared.target}, **changes)


def state_check(field: str, states: Iterable[str], *, name: str) -> models.CheckConstraint:
    """The CHECK constraint that backs a state field."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": sorted(states)}), name=name)
