"""Wrap every stored secret with the current master key, so that an old one can be taken out (docs/operations.md, "Keys").

A field that begins with `sealed_` holds a sealed text, and its model says in `sealed_binding(field)` what the text is bound to.
Nothing notes how far the work has got: what is not wrapped by the current key is what is left. So it can be killed at any
moment, run twice at once, and run again.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet

from console.crash import mark
from console.secrets import SecretError, rewrap

PREFIX = "sealed_"
BATCH = 500  # rows


class Place(NamedTuple):
    """A field that holds sealed texts."""

    model: Any
    field: str

    def __str__(self) -> str:
        return f"{self.model._meta.label_lower}.{self.field}"

    def left(self) -> "QuerySet[Any]":
        """The rows that are not wrapped by the current key."""
        current = f"v1.{next(iter(settings.MASTER_KEYS))}."
        rows: QuerySet[Any] = self.model._base_manager.exclude(**{self.field: ""})
        return rows.filter(~Q(**{f"{self.field}__startswith": current}))


def places() -> list[Place]:
    """Every field of every model that holds sealed texts."""
    return [
        Place(model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith(PREFIX) and isinstance(field, models.TextField)
    ]


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
                wrapped += _rewrap(place, row)
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


def _rewrap(place: Place, row: Any) -> int:
    """One guarded update: a text that was replaced meanwhile is newer, and stays."""
    sealed = getattr(row, place.field)
    again = rewrap(sealed, bound_to=row.sealed_binding(place.field))
    return int(place.model._base_manager.filter(pk=row.pk, **{place.field: sealed}).update(**{place.field: again}))
