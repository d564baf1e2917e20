"""Write the code of docs/samples into docs/integrating.md, so that the document shows what the tests run."""

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from openserver.workbench.samples import FOLDER

DOCUMENT = settings.BASE_DIR / "docs" / "integrating.md"
LANGUAGES = {".py": "python", ".js": "js", ".go": "go", ".java": "java"}
_BLOCK = re.compile(r"<!-- begin ([\w.]+) -->\n.*?<!-- end \1 -->", re.DOTALL)


def with_samples(text: str) -> str:
    """The document with fresh code between its markers. Raises FileNotFoundError when a marker names no file."""
    return _BLOCK.sub(lambda match: _block(match[1]), text)


def _block(name: str) -> str:
    code = (FOLDER / name).read_text(encoding="utf-8").strip()
    return f"<!-- begin {name} -->\n\n```{LANGUAGES[Path(name).suffix]}\n{code}\n```\n\n<!-- end {name} -->"


class Command(BaseCommand):
    help = "Write the code of docs/samples into docs/integrating.md."

    def handle(self, **options: Any) -> None:
        DOCUMENT.write_text(with_samples(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
        self.stdout.write(f"{DOCUMENT} is up to date.")
