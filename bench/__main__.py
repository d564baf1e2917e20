"""`python -m bench [NAME[:ROWS] …] [--rows N] [--check]`: measure on a PostgreSQL that is started for it (bench/README.md)."""

import argparse
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from bench.measuring import Measure, Result
from console import keys
from tests.services import postgres

HERE = Path(__file__).parent
ROWS = 1_000_000
#: Durable as production is; memory as a small production server has it.
SETTINGS = {
    "shared_buffers": "512MB", "max_connections": "200", "max_wal_size": "4GB", "work_mem": "32MB",
    "maintenance_work_mem": "512MB",
}  # fmt: skip


def names() -> list[str]:
    """The measurements there are: the modules of this directory that have a `measure`."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.py"))}
    return [name for name, text in texts.items() if "\ndef measure(" in text]


def main() -> int:
    """Run what is named, all without names; the exit status is 1 when --check is given and a goal is missed."""
    options = arguments()
    results: list[Result] = []
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="console-bench-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = postgres(directory, stack, SETTINGS)
        prepare(server, directory)
        for name in options.name or names():
            name, _colon, rows = name.partition(":")
            for result in run(name, int(rows or options.rows)):
                print(json.dumps(result.line()), flush=True)
                results.append(result)
    print(table(results))
    return int(options.check and not all(result.met for result in results))


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, as ratios (bench/README.md).")
    told = f"measurements: {', '.join(names())}; all by default; NAME:ROWS for one with tables of another size"
    parser.add_argument("name", nargs="*", help=told)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"size of the tables, {ROWS:,} by default")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    options = parser.parse_args()
    if unknown := {name for name in options.name if not re.fullmatch(f"({'|'.join(names())})(:[1-9][0-9]*)?", name)}:
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    return options


def prepare(server: str, directory: Path) -> None:
    """Point the settings at the server and directory, as a demo process with generated keys."""
    for name in ("DEBUG", "DEMO", "REDIS_URL"):
        os.environ.pop(name, None)
    (directory / "var" / "static").mkdir(parents=True)
    os.environ |= {
        "DEMO": "1", "DATABASE_URL": server, "VAR_DIR": str(directory / "var"), "DJANGO_SETTINGS_MODULE": "console.settings",
        **keys.generate(),
    }  # fmt: skip


def run(name: str, rows: int) -> list[Result]:
    """One measurement on an empty, migrated database of its own."""
    django.setup()
    # Imported late: what they import reads the settings, which prepare() makes.
    measure: Measure = importlib.import_module(f"bench.{name}").measure
    with importlib.import_module("bench.database").fresh_database():
        print(f"{name}: {rows:,} rows …", file=sys.stderr, flush=True)
        found = measure(rows)
    return found if isinstance(found, list) else [found]


def table(results: list[Result]) -> str:
    """The results for people."""
    lines = [("name", "ours", "limit", "peer", "unit", "to limit", "to peer", "goal", "met")]
    for result in results:
        cells = [_number(value) for value in (result.ours, result.limit, result.peer)]
        ratios = [_number(value, "×") for value in (result.to_limit, result.to_peer)]
        lines.append((result.name, *cells, result.unit, *ratios, result.goal, "yes" if result.met else "NO"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.3g}{unit}" if value < 1000 else f"{value:,.0f}{unit}"


if __name__ == "__main__":
    sys.exit(main())
