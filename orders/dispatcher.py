"""The dispatcher: one event loop that claims due pushes, posts them and writes what came back (docs/deliveries.md).

`run(stop)` is a thread of `make run`; `manage.py deliver` is a process. Several share the rows. Nothing here is needed to keep a
push from being lost: what is in hand when the process dies is due again when its lease ends.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from console import loops
from console.crash import mark
from console.http import Client
from console.http_messages import DEADLINE
from orders.models import Attempt
from orders.outbox import LEASE, Claim, claim
from orders.results import Result, write_results
from orders.sender import Endpoint, Push, outgoing, tried, unsent
from orders.sweeping import leave, sweep
from orders.wake import woken_by

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Times in seconds. What an endpoint is: orders.lanes."""

    deadline: float = DEADLINE
    lease: timedelta = LEASE
    batch: int = 500  # rows of one claim or of one transaction of results
    in_hand: int = 4000  # rows claimed and not yet written
    sockets: int = 800  # posts at once: below the usual limit of open files
    endpoint_sockets: int = 8  # posts at once to one endpoint
    endpoint_quick: int = 256  # rows in hand of an endpoint that answers quickly
    endpoint_unknown: int = 8
    endpoint_silent: int = 2  # of one that did not answer the last time
    endpoint_pace: float = field(default_factory=lambda: settings.PUSHES_PER_SECOND)  # begun at one endpoint; 0 is no limit
    quick: float = 1.0
    poll: float = 0.5  # while nothing is due
    sweep: float = 2.0  # between looks for leases that ran out and held rows that may go
    stop: float = 18.0  # to finish or give back what is in hand


@dataclass(slots=True)
class Receiver:
    """What this dispatcher knows of an endpoint."""

    sockets: asyncio.Semaphore
    allowed: int
    in_hand: int = 0
    paced_until: float = float("-inf")  # monotonic seconds: the pace is used up to here

    def room(self, pace: float, now: float) -> int:
        """How many more rows to take at `now`, at most `pace` a second; what was not used for longer than that is lost."""
        free = self.allowed - self.in_hand
        return min(free, int(min(pace, (now - self.paced_until) * pace))) if pace else free

    def take(self, pace: float, now: float) -> None:
        """One row is in hand from now on."""
        self.in_hand += 1
        if pace:
            self.paced_until = max(self.paced_until, now - 1) + 1 / pace


@dataclass
class Dispatcher:
    """One event loop's work. `stop` may be set from any thread."""

    stop: threading.Event
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.receivers: dict[Endpoint, Receiver] = {}
        self.in_hand = 0
        self.posts: set[asyncio.Task[None]] = set()
        self.swept_at = float("-inf")
        # One connection each: a claim never waits behind results, nor they behind a claim.
        self.claimer = ThreadPoolExecutor(1, thread_name_prefix="claim")
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="results")

    async def run(self) -> None:
        """Dispatch until `stop` is set, then finish or give back what is in hand."""
        loop = asyncio.get_running_loop()
        self.due, self.results = asyncio.Event(), asyncio.Queue[Result]()
        self.sockets = asyncio.Semaphore(self.limits.sockets)
        writing = asyncio.create_task(self._write_all())
        try:
            with woken_by(lambda: loop.call_soon_threadsafe(self.due.set)):
                async with Client() as self.client:
                    await self._claim_until_stopped()
                    await self._finish()
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await self._close()

    async def _claim_until_stopped(self) -> None:
        while not self.stop.is_set():
            self.due.clear()
            claimed = await self._claim()
            for push in claimed.pushes:
                self._start(push, give_up_at=claimed.give_up_at)
            if not claimed.more or self.in_hand >= self.limits.in_hand:
                await self._rest(self.limits.poll)
            elif not claimed.pushes:
                await self._rest(0.02)  # what is due belongs to others, or to endpoints that have enough in hand

    async def _claim(self) -> "InHand":
        # Measured from before the claim: what is not begun by then would outlive its lease.
        give_up_at = time.monotonic() + self.limits.lease.total_seconds() - self.limits.deadline - 2
        found = await self._database(self.claimer, self._claim_rows) or Claim([], False)
        return InHand(found.pushes, found.more, give_up_at)

    def _claim_rows(self) -> Claim:
        if time.monotonic() - self.swept_at >= self.limits.sweep:
            sweep()
            self.swept_at = time.monotonic()
        limit = min(self.limits.batch, self.limits.in_hand - self.in_hand)
        if limit <= 0:
            return Claim([], False)
        pace, now = self.limits.endpoint_pace, time.monotonic()
        room = {endpoint: receiver.room(pace, now) for endpoint, receiver in list(self.receivers.items())}
        usual = min(self.limits.endpoint_unknown, int(pace) or self.limits.endpoint_unknown)
        return claim(limit=limit, room=room, usual_room=usual, lease=self.limits.lease)

    def _start(self, push: Push, *, give_up_at: float) -> None:
        receiver = self._receiver(push)
        receiver.take(self.limits.endpoint_pace, time.monotonic())
        self.in_hand += 1
        task = asyncio.create_task(self._deliver(push, receiver, give_up_at))
        self.posts.add(task)
        task.add_done_callback(self.posts.discard)

    def _receiver(self, push: Push) -> Receiver:
        if push.endpoint not in self.receivers:
            sockets = asyncio.Semaphore(self.limits.endpoint_sockets)
            self.receivers[push.endpoint] = Receiver(sockets, self.limits.endpoint_unknown)
        return self.receivers[push.endpoint]

    async def _deliver(self, push: Push, receiver: Receiver, give_up_at: float) -> None:
        result = Result(push, None)
        try:
            async with receiver.sockets, self.sockets:
                if not self.stop.is_set() and time.monotonic() < give_up_at:
                    result = await self._post(push, receiver)
        except Exception:  # a fault of ours with one push must not stop the others, nor be tried again without pause
            log.exception("push_not_posted", delivery=push.row.pk)
            result = Result(push, unsent(push, outcome=Attempt.Outcome.NO_ANSWER, error="internal"))
        finally:
            self.results.put_nowait(result)

    async def _post(self, push: Push, receiver: Receiver) -> Result:
        mark("before-post")
        if not push.app_keys:
            return Result(push, unsent(push, outcome=Attempt.Outcome.NOT_CONFIGURED, error="no_app_key"))
        started, request = timezone.now(), outgoing(push, deadline=self.limits.deadline)
        answer = await self.client.send(request)
        mark("after-post")
        receiver.allowed = self._allowed(answer.status, answer.durations.get("total", 0.0))
        return Result(push, tried(push, request, answer, started_at=started))

    def _allowed(self, status: int | None, seconds: float) -> int:
        """How many rows of an endpoint to have in hand after this answer: few of one that would keep us waiting."""
        if status is None:
            return self.limits.endpoint_silent
        return self.limits.endpoint_quick if seconds < self.limits.quick else self.limits.endpoint_unknown

    async def _write_all(self) -> None:
        while True:
            results = [await self.results.get()]
            while not self.results.empty() and len(results) < self.limits.batch:
                results.append(self.results.get_nowait())
            while await self._database(self.writer, write_results, results) is None:
                pass  # kept until the database is back; if that takes longer than the lease, they are fenced off
            for result in results:
                self._written(result)

    def _written(self, result: Result) -> None:
        self._receiver(result.push).in_hand -= 1
        self.in_hand -= 1
        self.results.task_done()
        self.due.set()  # there is room again

    async def _database(self, thread: ThreadPoolExecutor, call: Callable[..., T], *arguments: Any) -> T | None:
        """The call's result; None after a database fault, which is logged and waited out for a second."""
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, call, *arguments)
        except (DatabaseError, InterfaceError) as error:
            log.warning("dispatcher_database_fault", error=type(error).__name__)
            await asyncio.get_running_loop().run_in_executor(thread, connections.close_all)
            await self._rest(1.0)
            return None

    async def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stop.is_set() and (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.due.wait(), min(left, 0.5))
                return

    async def _finish(self) -> None:
        """Posts under way end by their own deadline; what was not posted is given back at once."""
        log.info("dispatcher_stopping", in_hand=self.in_hand)
        try:
            async with asyncio.timeout(self.limits.stop):
                await asyncio.gather(*self.posts)
                await self.results.join()
        except TimeoutError:
            log.warning("dispatcher_stopped_late", in_hand=self.in_hand)

    async def _close(self) -> None:
        loop = asyncio.get_running_loop()
        await self._database(self.claimer, leave)
        for thread in (self.claimer, self.writer):
            await loop.run_in_executor(thread, connections.close_all)
            thread.shutdown()


@dataclass(frozen=True, slots=True)
class InHand:
    """What a claim brought; a push that is not begun at `give_up_at` (monotonic seconds) is given back."""

    pushes: list[Push]
    more: bool
    give_up_at: float


def run(stop: threading.Event, *, limits: Limits | None = None) -> None:
    """Dispatch until `stop` is set; ends within 20 seconds of that."""
    with loops.seldom_collected():
        loops.run(Dispatcher(stop, limits or Limits()).run())
