"""The peak of the resident memory, of a process of its own: a process keeps the memory that it once had."""

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection


def in_a_process(call: str) -> list[float]:
    """Run `module:function(arguments)` in a new process on the same database; the numbers that it prints last."""
    module, _colon, expression = call.partition(":")
    name = expression.partition("(")[0]
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {**os.environ, "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}"}
    code = f"import django; django.setup(); from {module} import {name}; {expression}"
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.splitlines()[-1].split()]


def begin() -> float:
    """Let the peak of this process start anew; the MB that it has now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def grown(before: float) -> float:
    """MB by which the peak is above what it had."""
    return _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
