"""The documents point to things that exist."""

import re
from pathlib import Path

import pytest

from openserver.errors import ERRORS, HTTP_ERRORS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")
CODE = re.compile(r"`((?:console|payments|items|orders|openserver|simulator|tests|scripts|docs)/[\w/.-]+\.(?:py|md|json|sh))`")
FENCED = re.compile(r"```.*?```", re.DOTALL)


def prose(document: Path) -> str:
    return FENCED.sub("", document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    broken = [target for target, _anchor in LINK.findall(prose(document)) if not (document.parent / target).exists()]
    assert not broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(document):
    missing = [name for name in CODE.findall(prose(document)) if not (ROOT / name).exists()]
    # The recipe names the file that its worked example adds.
    assert [name for name in missing if name != "tests/items/test_item_restore.py"] == []


def test_docstrings_name_documents_that_exist():
    named = re.compile(r"docs/[\w-]+\.md")
    apps = ("console", "payments", "items", "orders", "openserver", "simulator")
    sources = [path for app in apps for path in (ROOT / app).rglob("*.py")]
    found = {name for path in sources for name in named.findall(path.read_text(encoding="utf-8"))}
    assert found
    assert not [name for name in sorted(found) if not (ROOT / name).exists()]


def test_every_test_that_reliability_names_exists():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)` `(test_\w+)`", text)
    assert named
    assert not [name for file, name in named if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]


def test_the_domain_names_every_error_code_of_openserver():
    text = (ROOT / "docs" / "domain.md").read_text(encoding="utf-8")
    assert not [code for code in ERRORS | HTTP_ERRORS if f"`{code}`" not in text]
