"""Write the two tables of docs/roles.md from the permission matrix, so that the document says what the code does."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from console.matrix import COLUMNS, MATRIX, PLATFORM, ROLES, SUPERAPP, TEAM

DOCUMENT = settings.BASE_DIR / "docs" / "roles.md"
MARKS = {"R": "R", "Y": "✓", "-": "–"}


def table(container: str) -> str:
    """The rows of one kind of container as a Markdown table."""
    with override("en"):
        head = ["Permission", *(str(ROLES[role]) for role in COLUMNS[container]), "Name in the code"]
        lines = [head, ["---"] * len(head)]
        for row in MATRIX:
            if row.container == container:
                lines.append([str(row.label), *(MARKS[mark] for mark in row.cells), f"`{row.permission}`"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_tables(text: str) -> str:
    """The document with fresh tables between its markers. Raises ValueError when a marker is missing."""
    for container in (TEAM, SUPERAPP, PLATFORM):
        begin, end = f"<!-- begin {container} -->\n\n", f"\n\n<!-- end {container} -->"
        before, rest = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        text = before + table(container) + rest
    return text


class Command(BaseCommand):
    help = "Write the permission tables of docs/roles.md from console/matrix.py."

    def handle(self, **options: Any) -> None:
        path = Path(DOCUMENT)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
        self.stdout.write(f"{path} is up to date.")
