"""docs/architecture.md, kept by reading every file: the direction of imports and the habits a machine can see."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["console", "payments", "items", "orders", "openserver", "simulator"]
# Within an app, left never imports right; what is not named here is a foundation of its app.
LAYERS = ["models", "actions", ("forms", "listings", "imports", "tasks"), "views", "urls"]
RANK = {
    name: rank for rank, layer in enumerate(LAYERS) for name in ((layer,) if isinstance(layer, str) else layer)
}
FILES = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and module of every import; `from a import b` gives `a.b`, which covers modules and names alike."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = list(path.relative_to(ROOT).parts[: -node.level]) if node.level else []
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def layer(parts: list[str]) -> int | None:
    return RANK.get(parts[1].removesuffix(".py")) if len(parts) > 1 else None


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_app_imports_one_to_its_right(path):
    app = path.relative_to(ROOT).parts[0]
    right = set(APPS[APPS.index(app) + 1 :])
    assert [(line, module) for line, module in imports(path) if module.split(".")[0] in right] == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_layer_imports_one_above_it(path):
    parts = list(path.relative_to(ROOT).parts)
    own = layer(parts)
    if own is None:
        return
    in_app = [(line, module) for line, module in imports(path) if module.split(".")[0] == parts[0]]
    above = [(line, module) for line, module in in_app if (layer(module.split(".")) or 0) > own]
    assert above == []


def test_no_drawer_for_everything():
    drawers = {"utils", "helpers", "common", "misc"}
    assert [name(path) for path in FILES if drawers & {path.stem, *path.relative_to(ROOT).parts}] == []


def test_no_star_imports():
    assert [(name(path), line) for path in FILES for line, module in imports(path) if module.endswith(".*")] == []


def test_nothing_calls_delay_before_the_commit():
    calls = [
        (name(path), node.lineno)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "delay"
    ]
    assert calls == []

