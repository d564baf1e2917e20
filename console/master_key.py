"""Wrap every stored secret with the current master key, so that an old one can be taken out (docs/operations.md, "Keys").

A field that begins with `sealed_` holds a sealed text, and its model says in `sealed_binding(field)` what the text is bound to.
Nothing notes how far the work has got: what is not wrapped by the current key is what is left. So it can be killed at any
moment, run twice at once, and run again.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet

from console.adapter import PLACE as FACTOR_BINDING
from console.crash import mark
from console.secrets import SecretError, rewrap

PREFIX = "sealed_"
BATCH = 500  # rows


class Place:
    """A field of a model that holds sealed texts."""

    def __init__(self, model: Any, field: str) -> None:
        self.model, self.field = model, field

    def __str__(self) -> str:
        return f"{self.model._meta.label_lower}.{self.field}"

    def rows(self) -> "QuerySet[Any]":
        """The rows that hold one."""
        return self.model._base_manager.exclude(**{self.field: ""})

    def text(self, row: Any) -> str:
        """The sealed text."""
        return str(getattr(row, self.field))

    def binding(self, row: Any) -> str:
        """What it is bound to."""
        return str(row.sealed_binding(self.field))

    def left(self) -> "QuerySet[Any]":
        """The rows that are not wrapped by the current key."""
        current = f"v1.{next(iter(settings.MASTER_KEYS))}."
        return self.rows().filter(~Q(**{f"{self.lookup}__startswith": current}))

    @property
    def lookup(self) -> str:
        """The path of the text in a query."""
        return self.field

    def rewrap(self, row: Any) -> int:
        """One guarded update: a text that was replaced meanwhile is newer, and stays."""
        again = rewrap(self.text(row), bound_to=self.binding(row))
        before, after = self.change(row, again)
        return int(self.model._base_manager.filter(pk=row.pk, **before).update(**after))

    def change(self, row: Any, again: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The columns as they were read, and with the new text."""
        return {self.field: self.text(row)}, {self.field: again}


class FactorPlace(Place):
    """A key of allauth's JSON field that console.adapter seals: secrets of authenticator apps, seeds of recovery codes."""

    def __init__(self, field: str) -> None:
        super().__init__(Authenticator, field)

    def rows(self) -> "QuerySet[Any]":
        """The rows that hold one."""
        return self.model._base_manager.filter(data__has_key=self.field)

    def text(self, row: Any) -> str:
        """The sealed text."""
        return str(row.data[self.field])

    def binding(self, row: Any) -> str:
        """All rows share one: allauth seals before it knows the row."""
        return FACTOR_BINDING

    @property
    def lookup(self) -> str:
        """The path of the text in a query."""
        return f"data__{self.field}"

    def change(self, row: Any, again: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The whole JSON, which also notes the recovery codes that were used."""
        return {"data": row.data}, {"data": {**row.data, self.field: again}}


def places() -> list[Place]:
    """Every field of every model that holds sealed texts."""
    fields = [
        Place(model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith(PREFIX) and isinstance(field, models.TextField)
    ]
    return [*fields, FactorPlace("secret"), FactorPlace("seed")]


def left() -> dict[str, int]:
    """How many texts of each place are not wrapped by the current key; places with none are left out."""
    counts = {str(place): place.left().count() for place in places()}
    return {place: count for place, count in counts.items() if count}


class Done(NamedTuple):
    """How many were wrapped anew, and a sentence for each text that does not open, at most one for each reason."""

    wrapped: int
    faults: list[str]


def rotate() -> Done:
    """Wrap all that is left, by the current key. The texts themselves are not opened."""
    wrapped, faults = 0, Counter[str]()
    for place in places():
        for row in _rows(place):
            try:
                wrapped += place.rewrap(row)
            except SecretError as error:
                faults[f"{place}, id {row.pk}: {error}"] += 1
            mark("after-secret-rewrapped")
    return Done(wrapped, sorted(faults))


def _rows(place: Place) -> Iterator[Any]:
    """In the order of their ids, a batch at a time: a row that does not open is passed once."""
    after = 0
    while True:
        batch = list(place.left().filter(pk__gt=after).order_by("pk")[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        after = batch[-1].pk

