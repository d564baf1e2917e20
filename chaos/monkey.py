"""What goes wrong, and when: at drawn places among the orders, so that everything happens while orders run."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psycopg
import redis

from chaos.processes import Supervised

#: How often each role is drawn.
ROLES = {"web worker": 4, "web": 2, "deliver": 6, "worker": 2, "beat": 1}
END_LEASES = (
    "UPDATE orders_delivery SET lease_until = now() WHERE state = 'delivering'",
    "UPDATE orders_order SET prepay_lease_until = now() WHERE payment_state = 'created' AND prepay_lease_until IS NOT NULL",
)


@dataclass
class Disruptions:
    """How many of each; `done` counts what was really carried out. With `hurry` a kill ends all leases at once."""

    kills: int
    flushes: int
    restarts: int
    hurry: bool
    done: Counter[str] = field(default_factory=Counter)

    def plan(self, chance: random.Random, orders: int) -> list[tuple[int, str]]:
        """Number of bought orders → what happens then, in turn. Every role is killed once before any is drawn twice."""
        roles = [*ROLES, *chance.choices(list(ROLES), list(ROLES.values()), k=max(self.kills - len(ROLES), 0))]
        if self.kills < len(ROLES):
            roles = ["deliver", "web worker", "web", "worker"][: self.kills]
        events = [*roles, *["FLUSHALL"] * self.flushes, *["postgres"] * self.restarts]
        chance.shuffle(events)
        places = sorted(chance.sample(range(orders // 20, orders * 19 // 20), len(events)))
        return list(zip(places, events, strict=True))


@dataclass
class Monkey:
    """Carries the disruptions out. `bought` says how many orders the players have been answered for."""

    disruptions: Disruptions
    processes: list[Supervised]
    postgres: Supervised
    database: str
    redis: str
    chance: random.Random
    bought: Callable[[], int]

    async def run(self, orders: int) -> None:
        """All of the plan, each at its place."""
        for place, event in self.disruptions.plan(self.chance, orders):
            while self.bought() < place:
                await asyncio.sleep(0.02)
            doings: dict[str, Callable[[], Awaitable[None]]] = {"FLUSHALL": self._flush, "postgres": self._stop_postgres}
            await doings[event]() if event in doings else await self._kill(event)
            print(f"  {place:>6} orders: {event}", file=sys.stderr, flush=True)

    async def _kill(self, role: str) -> None:
        while not (pids := self._pids(role)):
            await asyncio.sleep(0.1)  # it was killed just now and is on its way back
        os.kill(self.chance.choice(pids), signal.SIGKILL)
        self.disruptions.done[f"kill -9 {role}"] += 1
        if self.disruptions.hurry:
            await asyncio.to_thread(self._end_leases)

    def _pids(self, role: str) -> list[int]:
        name = role.removesuffix(" worker")
        own = [process for process in self.processes if process.name.split("-")[0] == name and process.pid]
        return [pid for process in own for pid in process.children()] if role == "web worker" else [each.pid for each in own]

    def _end_leases(self) -> None:
        """What waiting for 30 seconds would do, and more: the leases of the living end too, so that fencing has to work."""
        try:
            with psycopg.connect(self.database, autocommit=True, connect_timeout=5) as connection:
                for statement in END_LEASES:
                    connection.execute(statement)
        except psycopg.Error:
            pass  # the database is down just now: they end by themselves

    async def _flush(self) -> None:
        await asyncio.to_thread(lambda: redis.Redis.from_url(self.redis).flushall())
        self.disruptions.done["FLUSHALL"] += 1

    async def _stop_postgres(self) -> None:
        """As after a power cut; the supervisor starts it again, and it recovers from its log."""
        binary, data = self.postgres.command[0].with_name("pg_ctl"), self.postgres.command[2]
        command = [binary, "stop", "-m", "immediate", "-D", data]
        await asyncio.to_thread(
            lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True, **self.postgres.options)
        )
        self.disruptions.done["PostgreSQL stopped at once"] += 1
