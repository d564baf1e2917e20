"""Wakes the dispatcher of this process, if one runs here; those of other processes find the row at their next poll."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction

_sleepers: set[Callable[[], object]] = set()


@contextmanager
def woken_by(call: Callable[[], object]) -> Iterator[None]:
    """Within the block `call` is called, from any thread, whenever something may be due."""
    _sleepers.add(call)
    try:
        yield
    finally:
        _sleepers.discard(call)


def wake_on_commit() -> None:
    """Say, once the transaction is committed, that something is due."""
    transaction.on_commit(_wake)


def _wake() -> None:
    for call in list(_sleepers):
        call()
