"""The shape of the code: imports run one way (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ["console", "payments", "items", "orders", "openserver", "simulator"]
LAYERS = [{"models"}, {"actions"}, {"forms", "listings", "imports", "tasks"}, {"views"}, {"urls"}]
# Settings name apps as strings; the one-process server starts what the demo needs.
FILES = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]


def imported_modules(path: Path) -> list[tuple[str, bool]]:
    """Module names a file imports, each with whether the import stands inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = {id(node) for node in ast.walk(tree) if isinstance(node, ast.stmt) and node in tree.body}
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        found += [(name, id(node) not in top_level) for name in names]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    own = APPS.index(path.relative_to(ROOT).parts[0])
    later = [name for name, _inner in imported_modules(path) if name.split(".")[0] in APPS[own + 1 :]]
    assert not later, f"{path.relative_to(ROOT)} imports {later}, which stand to its right in {' ← '.join(APPS)}"


def layer_of(parts: tuple[str, ...]) -> int | None:
    """The layer of a module of an app, by the second part of its name."""
    name = parts[1].removesuffix(".py") if len(parts) > 1 else ""
    return next((number for number, layer in enumerate(LAYERS) if name in layer), None)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_within_an_app_views_come_after_actions_and_actions_after_models(path):
    relative = path.relative_to(ROOT)
    own = layer_of(relative.parts)
    if own is None:
        return
    for name, _inner in imported_modules(path):
        parts = tuple(name.split("."))
        other = layer_of(parts) if parts[0] == relative.parts[0] else None
        assert other is None or other <= own, f"{relative} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_utils_no_star_imports_no_bare_delay(path):
    text = path.read_text(encoding="utf-8")
    assert path.stem not in {"utils", "helpers", "common"}
    assert "import *" not in text
    assert ".delay(" not in text, "Use delay_on_commit: a worker must not see rows that are not committed yet."


def test_outgoing_http_has_one_door():
    doors = {"console/http.py"}
    users = {
        str(path.relative_to(ROOT))
        for path in FILES
        for name, _inner in imported_modules(path)
        if name.split(".")[0] in {"aiohttp", "requests", "httpx", "urllib3"} or name == "urllib.request"
    }
    assert {user for user in users if not user.startswith(("console/http", "simulator/"))} == set(), f"only {doors} may send"
