"""The ready-made code of docs/samples, one source for the page, for docs/integrating.md and for the tests that run it."""

from functools import cache
from typing import NamedTuple

from django.conf import settings

FOLDER = settings.BASE_DIR / "docs" / "samples"


class Sample(NamedTuple):
    """A file of code, and the language it is in."""

    language: str
    name: str

    @property
    def text(self) -> str:
        """What stands in the file."""
        return _read(self.name)


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


SIGNATURES = (
    Sample("Python", "signatures.py"),
    Sample("Node.js", "signatures.js"),
    Sample("Go", "signatures.go"),
    Sample("Java", "Signatures.java"),
)
