"""`make lint`: every linter runs, also after one has complained; the exit code says whether all were content."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PRODUCT = ["console", "payments", "items", "orders", "openserver", "simulator"]
OTHERS = ["tests", "bench", "chaos", "scripts"]


def commands() -> list[list[str]]:
    packages = [name for name in [*PRODUCT, *OTHERS] if any((ROOT / name).glob("*.py"))]
    return [
        [str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."],
        [str(BIN / "mypy"), "--no-error-summary", *packages],
        *([[str(BIN / "djlint"), "--lint", "--quiet", "templates"]] if (ROOT / "templates").is_dir() else []),
        [sys.executable, "scripts/check_sizes.py"],
    ]


def main() -> int:
    failed = []
    for command in commands():
        # mypy's Django plugin loads the settings; DEBUG takes the keys of development.
        result = subprocess.run(command, cwd=ROOT, env={**os.environ, "DEBUG": "1", "SIMULATOR": "1"}, check=False)
        name = Path(command[-1] if command[0] == sys.executable else command[0]).stem
        print(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}", flush=True)
        failed += [name] if result.returncode else []
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
