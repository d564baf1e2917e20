"""`make test`: the tests marked sqlite on SQLite, then all of them on PostgreSQL. Arguments go to pytest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = os.environ.get("TEST_WORKERS", "2")
MISSING = "Browser tests are skipped: Chromium was not found. Install it (Debian: apt-get install chromium) or set CHROMIUM."


def install_chromium() -> bool:
    """Install Chromium where we may, on Debian as root; return whether one is there."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    release = Path("/etc/os-release")
    debian = release.exists() and "ID=debian" in release.read_text().splitlines()
    if not any(shutil.which(name) for name in names if name) and debian and os.getuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            subprocess.run(command, check=False, **quiet)  # type: ignore[call-overload]
    return any(shutil.which(name) for name in names if name)


def pytest(*arguments: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-n", WORKERS, "--dist", "worksteal", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


def main(arguments: list[str]) -> int:
    if not install_chromium():
        print(MISSING, flush=True)
    on_sqlite = 0
    if not arguments:
        print("On SQLite:", flush=True)
        on_sqlite = pytest("-q", "-m", "sqlite and not browser", TEST_SQLITE="1")
    print("On PostgreSQL:", flush=True)
    return pytest(*arguments) or on_sqlite


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
