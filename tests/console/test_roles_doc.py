"""docs/roles.md says what console/matrix.py does."""

from console.management.commands.write_roles import DOCUMENT, table, with_tables
from console.matrix import SUPERAPP, TEAM


def test_the_document_equals_the_matrix():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text, "Run: DEBUG=1 .venv/bin/python manage.py write_roles"


def test_a_row_reads_as_in_the_matrix():
    assert "| Virtual items: delete, remove from sale | – | – | ✓ | – | – | – | `items.remove_item` |" in table(TEAM)
    assert "| Approvals: approve, reject | – | – | ✓ | – | – | ✓ | `payments.decide` |" in table(SUPERAPP)
