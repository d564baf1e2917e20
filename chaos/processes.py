"""What runs: the processes of the Procfile, PostgreSQL and Valkey, each started again when it dies, as systemd would."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services import Service, end_with_parent

ROOT = Path(__file__).resolve().parent.parent
PAUSE = 0.5  # seconds between a death and the next start
STOP_SECONDS = 20.0  # docs/reliability.md, "Clean stop"


@dataclass
class Supervised:
    """One process that is kept running. `exits` are the codes it ended with by itself or by a kill."""

    name: str
    command: list[Any]
    log: Path
    env: Mapping[str, str] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    exits: list[int] = field(default_factory=list)
    process: "subprocess.Popen[Any] | None" = None
    stopping: bool = False

    @property
    def pid(self) -> int:
        """Of the process that runs now; 0 when none does."""
        return self.process.pid if self.process and self.process.poll() is None else 0

    def start(self) -> None:
        """Start it, in a session of its own, so that Ctrl-C reaches only us."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdout=output, stderr=output, start_new_session=True,
                preexec_fn=end_with_parent, **({"cwd": ROOT} | self.options),
            )  # fmt: skip

    async def watch(self) -> None:
        """Start it again whenever it ends, until `stop`."""
        while not self.stopping:
            if self.process and (code := self.process.poll()) is not None:
                self.exits.append(code)
                await asyncio.sleep(PAUSE)
                if not self.stopping:
                    self.start()
            await asyncio.sleep(0.1)

    async def stop(self, number: int = signal.SIGTERM) -> tuple[float, int]:
        """End it cleanly; returns how many seconds that took, and the exit status (-9 when it had to be killed)."""
        self.stopping, began = True, time.monotonic()
        if self.process is None:
            return 0.0, 0
        self.process.send_signal(number)
        while self.process.poll() is None:
            if time.monotonic() - began > STOP_SECONDS + 10:
                self.process.kill()
            await asyncio.sleep(0.05)
        return time.monotonic() - began, self.process.returncode

    def end(self, number: int) -> None:
        """Send a signal if it still runs, and wait."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()

    def children(self) -> list[int]:
        """The process ids of gunicorn's workers; none where there is no /proc."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:
            return []


def of_service(name: str, service: Service, directory: Path) -> Supervised:
    """PostgreSQL or Valkey."""
    return Supervised(name, service.command, directory / f"{name}.log", options=service.options)


def of_procfile(directory: Path, env: Mapping[str, str], *, web_ports: list[int], workers: int) -> list[Supervised]:
    """The processes of the Procfile: a gunicorn for each port, two dispatchers, a worker and beat."""

    def process(name: str, *command: str, **more: str) -> Supervised:
        return Supervised(name, [sys.executable, *command], directory / f"{name}.log", {**os.environ, **env, **more})

    gunicorn = ("-m", "gunicorn", "-c", "console/gunicorn_conf.py", "console.wsgi")
    webs = [process(f"web-{n}", *gunicorn, PORT=str(port), WEB_CONCURRENCY=str(workers)) for n, port in enumerate(web_ports, 1)]
    celery = ("-m", "celery", "-A", "console")
    return [
        *webs,
        process("deliver-1", "manage.py", "deliver"),
        process("deliver-2", "manage.py", "deliver"),
        process("worker", *celery, "worker", "--pool", "threads", "--concurrency", "4"),
        process("beat", *celery, "beat", "--scheduler", "celery.beat:Scheduler", "--schedule", str(directory / "beat")),
    ]
