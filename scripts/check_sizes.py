"""Sizes that keep the tree readable: functions ≤ 60 lines, Python files ≤ 400, templates ≤ 120. Migrations are exempt."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION, FILE, TEMPLATE = 60, 400, 120


def tracked() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.html", "*.txt", "*.svg"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / name for name in names if name and "/migrations/" not in name and (ROOT / name).is_file()]


def check_python(path: Path) -> Iterator[str]:
    text = path.read_text()
    lines = len(text.splitlines())
    if lines > FILE:
        yield f"{lines} lines, at most {FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION:
                yield f"{node.name}() has {length} lines, at most {FUNCTION}"


def check_template(path: Path) -> Iterator[str]:
    lines = len(path.read_text().splitlines())
    if lines > TEMPLATE:
        yield f"{lines} lines, at most {TEMPLATE}"


def findings() -> Iterator[str]:
    for path in tracked():
        if path.suffix == ".py":
            check = check_python
        elif "templates" in path.parts:
            check = check_template
        else:
            continue
        yield from (f"{path.relative_to(ROOT)}: {finding}" for finding in check(path))


if __name__ == "__main__":
    found = list(findings())
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
