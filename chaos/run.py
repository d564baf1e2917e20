"""One trial: start everything, let players buy while the monkey works, wait until all is delivered, stop, compare."""

import argparse
import asyncio
import importlib
import os
import random
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import psycopg
from aiohttp import web

from chaos.callers import Openserver, Players, Superapp
from chaos.ledgers import Ledgers
from chaos.monkey import Disruptions, Monkey
from chaos.processes import STOP_SECONDS, of_procfile, of_service
from chaos.receiver import Receiver
from console import keys
from tests.services import free_port, postgres_service, valkey_service

if TYPE_CHECKING:
    from chaos.verdict import Results

#: Durable, as it comes: only the number of connections is set.
POSTGRES = {"max_connections": "200"}
UNDELIVERED = "SELECT count(*) FROM orders_order WHERE payment_state <> 'paid' OR delivery_state <> 'delivered'"


class Trial:
    """Everything that runs, on ports of its own below one directory."""

    def __init__(self, options: argparse.Namespace, directory: Path, disruptions: Disruptions) -> None:
        self.options, self.disruptions, self.ledgers, self.directory = options, disruptions, Ledgers(), directory
        self.superapp_port, self.receiver_port = free_port(), free_port()
        self.web_ports, self.secret = [free_port(), free_port()], secrets.token_hex(16)
        database, redis = postgres_service(directory, POSTGRES), valkey_service(directory)
        self.database, self.redis = database.url, redis.url
        self.begun = time.monotonic()
        self.postgres, self.valkey = of_service("postgres", database, directory), of_service("valkey", redis, directory)
        self.env = self._environment()
        workers = 2 if options.orders >= 1000 else 1
        self.processes = of_procfile(directory, self.env, web_ports=self.web_ports, workers=workers)

    def _environment(self) -> dict[str, str]:
        """A trial's kind of process: local receivers are allowed, the schedule's waits are short; all else as in production."""
        (self.directory / "var" / "static").mkdir(parents=True)
        for name in ("DEBUG", "SIMULATOR", "CRASH_POINT"):
            os.environ.pop(name, None)
        local = f"127.0.0.1:{self.superapp_port},127.0.0.1:{self.receiver_port}"
        return {
            "DEMO": "1", "DATABASE_URL": self.database, "REDIS_URL": self.redis, "VAR_DIR": str(self.directory / "var"),
            "LOCAL_DESTINATIONS": local, "SCHEDULE_FACTOR": str(self.options.factor), "EMAIL_URL": "dummymail://",
            "DJANGO_SETTINGS_MODULE": "console.settings", "WEB_THREADS": "16", **keys.generate(),
        }  # fmt: skip

    def run(self) -> "Results":
        """All of it; everything that was started has ended when this returns."""
        try:
            for process, port_of in ((self.postgres, self.database), (self.valkey, self.redis)):
                process.start()
                _await_port(port_of)
            os.environ |= self.env
            _await(lambda: psycopg.connect(self.database, connect_timeout=5).close())
            django.setup()
            # Imported late: they read the settings, which the lines above make.
            self.programs = importlib.import_module("chaos.world").build(
                self.options.programs, secret=self.secret, superapp_url=f"http://127.0.0.1:{self.superapp_port}",
                receiver_url=f"http://127.0.0.1:{self.receiver_port}",
            )  # fmt: skip
            verdict = importlib.import_module("chaos.verdict")
            results: Results = verdict.Results()
            asyncio.run(self._storm(results))
            verdict.compare(self.ledgers, results)
            return results
        finally:
            for process in (*self.processes, self.valkey, self.postgres):
                process.end(signal.SIGKILL if process in self.processes else signal.SIGINT)

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self.begun:6.1f} s: {text}", file=sys.stderr, flush=True)

    async def _storm(self, results: "Results") -> None:
        watched = [*self.processes, self.postgres, self.valkey]
        for process in self.processes:
            process.start()
        watching = [asyncio.create_task(process.watch()) for process in watched]
        async with Openserver(self.web_ports, self.ledgers) as openserver, self._parties(openserver) as players:
            self._say("processes are started")
            await openserver.until_up()
            self._say("the web processes answer")
            began = time.monotonic()
            await self._buy(players)
            self._say("all is paid")
            results.counts |= {"orders a second": round(self.options.orders / (time.monotonic() - began), 1)}
            results.broken["not delivered when patience ended"] = await self._until_delivered()
            results.counts |= {"seconds until all was delivered": round(time.monotonic() - began, 1)}
            self._say("all is delivered")
            await self._stop(results)
            self._say("all processes have ended")
        self.postgres.stopping = self.valkey.stopping = True
        await asyncio.gather(*watching)

    @asynccontextmanager
    async def _parties(self, openserver: Openserver) -> AsyncIterator[Players]:
        """The superapp and the receiver listen; yields the players."""
        superapp = Superapp(self.options.seed, self.secret, openserver, self.ledgers)
        receiver = Receiver(self.options.seed, self.options.failing, self.ledgers)
        receiver.programs = self.programs
        application = web.Application()
        application.router.add_post("/create-prepay-order", superapp.prepay)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.superapp_port).start()
        server = await asyncio.start_server(receiver.handle, "127.0.0.1", self.receiver_port, backlog=1024)
        programs = list(self.programs.values())
        try:
            yield Players(self.options.seed, programs, superapp, openserver, self.ledgers)
        finally:
            server.close()
            await runner.cleanup()

    async def _buy(self, players: Players) -> None:
        monkey = Monkey(
            self.disruptions, self.processes, self.postgres, self.database, self.redis,
            random.Random(f"{self.options.seed}:monkey"), bought=lambda: len(self.ledgers.amounts),
        )  # fmt: skip
        numbers = iter(range(self.options.orders))

        async def shopping() -> None:
            for number in numbers:
                await players.buy(number)

        async with asyncio.TaskGroup() as group:
            group.create_task(monkey.run(self.options.orders))
            for _player in range(self.options.clients):
                group.create_task(shopping())

    async def _until_delivered(self) -> int:
        """Wait; returns how many are missing when patience ends."""
        end = time.monotonic() + self.options.patience
        while (left := await asyncio.to_thread(self._undelivered)) and time.monotonic() < end:
            await asyncio.sleep(0.5)
        return left

    def _undelivered(self) -> int:
        try:
            with psycopg.connect(self.database, connect_timeout=5) as connection:
                return int(connection.execute(UNDELIVERED).fetchone()[0])  # type: ignore[index]
        except psycopg.OperationalError:
            return self.options.orders

    async def _stop(self, results: "Results") -> None:
        """End all processes by SIGTERM, as a deployment does; each must end by itself within 20 seconds."""
        ends = zip(self.processes, await asyncio.gather(*(each.stop() for each in self.processes)), strict=True)
        late = [f"{each.name}: {taken:.1f} s, status {code}" for each, (taken, code) in ends if taken > STOP_SECONDS or code]
        results.broken["processes that did not stop cleanly within 20 s"] = len(late)
        results.details += late
        results.counts["disruptions"] = dict(self.disruptions.done)
        own = {each.name: [code for code in each.exits if code != -9] for each in self.processes}
        results.counts["started again"] = sum(len(each.exits) for each in self.processes)
        results.counts["ended by themselves (exit status)"] = {name: codes for name, codes in own.items() if codes}


def _await_port(url: str) -> None:
    where: Any = url.rpartition("@")[2].rpartition("//")[2].partition("/")[0].rpartition(":")
    _await(lambda: socket.create_connection((where[0], int(where[2]))).close())


def _await(ready: Callable[[], object]) -> None:
    while True:
        try:
            ready()
            return
        except (OSError, psycopg.OperationalError):
            time.sleep(0.05)
