"""Wakes dispatchers when something may be due: those of this process by a call, those of others by NOTIFY of PostgreSQL.

Nothing depends on it: a dispatcher that is not woken looks for due rows at its next poll.
"""

import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from socket import socket, socketpair
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from psycopg import Error

log = structlog.get_logger(__name__)
CHANNEL = "orders_due"
AGAIN = 1.0  # seconds to wait after a fault of the database

_sleepers: set[Callable[[], object]] = set()


@contextmanager
def woken_by(call: Callable[[], object]) -> Iterator[None]:
    """Within the block `call` is called, from any thread, whenever something may be due."""
    _sleepers.add(call)
    try:
        with _listening(call) if connection.vendor == "postgresql" else nullcontext():
            yield
    finally:
        _sleepers.discard(call)


def wake_on_commit() -> None:
    """Say, once the transaction is committed, that something is due."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    for call in list(_sleepers):
        call()
    if connection.vendor == "postgresql":
        # Not inside the transaction: commits with a NOTIFY wait for each other while they are written to disk.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


@contextmanager
def _listening(call: Callable[[], object]) -> Iterator[None]:
    ours, its = socketpair()  # a byte in it ends the listener
    thread = threading.Thread(target=_listen, args=(call, its), name="listener", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ours.send(b".")
        thread.join(2)  # a database that hangs must not keep the process
        ours.close()
        its.close()


def _listen(call: Callable[[], object], stop: socket) -> None:
    while True:
        try:
            return _hear(call, stop)
        except (DatabaseError, InterfaceError, Error) as error:
            log.warning("listener_database_fault", error=type(error).__name__)
            if _readable([stop], AGAIN):
                return None
        finally:
            connection.close()


def _hear(call: Callable[[], object], stop: socket) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    try:
        call()  # what became due before we listened
        while stop not in _readable([stop, connection.connection]):
            if any(True for _notice in connection.connection.notifies(timeout=0)):
                call()
    finally:
        with connection.cursor() as cursor:  # the connection may go back to a pool
            cursor.execute(f"UNLISTEN {CHANNEL}")


def _readable(things: list[Any], seconds: float | None = None) -> list[Any]:
    poll, by_number = select.poll(), {thing.fileno(): thing for thing in things}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _event in poll.poll(None if seconds is None else seconds * 1000)]
