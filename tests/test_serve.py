"""`make run`: one process that answers, runs the work of rows, and ends cleanly."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import free_port

ROOT = Path(__file__).resolve().parent.parent
CLEARED = ("DATABASE_URL", "REDIS_URL", "DEBUG", "SIMULATOR", "SECRET_KEY", "MASTER_KEYS", "AUDIT_KEY")
# A job of a kind nobody knows: the sweeper wakes it, the worker takes it, and it must end as failed.
RUN_A_JOB = """
import time
from console.models import Job, User
actor = User.objects.create_user(email="ada@example.com", name="Ada")
job = Job.objects.create(kind="unknown", actor=actor, title="x", params={})
Job.objects.update(created_at="2026-01-01T00:00:00Z")
for _ in range(600):
    job = Job.objects.get(pk=job.pk)
    if job.state not in ("queued", "running"):
        break
    time.sleep(0.1)
print("state:", job.state)
"""


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int
    env: dict[str, str]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The console as `make run` starts it, with an empty SQLite database and without the demo data."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
    env = {**kept, "DEMO": "1", "VAR_DIR": str(tmp_path), "PORT": str(port)}
    command = manage("serve")
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "The console is ready" in line:
            break
    yield Served(process, port, env)
    process.kill()
    process.wait()


def test_it_answers_runs_jobs_and_ends_with_zero(served: Served):
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/accounts/login/") as answer:
        assert answer.status == 200
    command = manage("shell", "-v", "0", "-c", RUN_A_JOB)
    job = subprocess.run(command, env=served.env, cwd=ROOT, capture_output=True, text=True)
    assert job.stdout.strip().endswith("state: failed"), job.stderr
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait() == 0


def test_a_taken_port_gets_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
        env = {**kept, "DEMO": "1", "VAR_DIR": str(tmp_path), "PORT": str(port)}
        result = subprocess.run(manage("serve"), env=env, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [
        f"CommandError: Port {port} is not free (Address already in use). Choose another one: make run PORT={port + 1}"
    ]
