"""XML of a workbook, read as a stream of events with the limits that a stranger's file needs.

expat itself, because ElementTree builds a tree: DTDs (and with them entities) are refused, elements are counted, and a single
endless token is stopped, which some versions of expat read again and again.
"""

from typing import IO
from xml.parsers import expat

from django.utils.translation import gettext as _

from console.spreadsheets.archive import damaged, read_block
from console.spreadsheets.errors import WorkbookError

BLOCK = 64 * 1024
MAX_ELEMENTS = 2_000_000  # 10,000 rows of 50 cells with a value each are 1,500,000
MAX_TOKEN = 1024 * 1024  # bytes of one token that has not ended


class Events:
    """Base of the readers of one part; subclasses override `start`, `end` and `text`. Names come as "namespace local"."""

    def __init__(self) -> None:
        self.elements = 0
        self._fed = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        # The readers' own methods, without one of ours before them: a sheet of 10,000 rows has 300,000 events.
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """A piece of character data."""

    def feed(self, block: bytes) -> None:
        """Read the next bytes; an empty block ends the part. Raises WorkbookError."""
        try:
            self.parser.Parse(block, not block)
        except (expat.ExpatError, LookupError, ValueError):
            raise damaged() from None
        self._watch(block)

    def read(self, part: IO[bytes]) -> None:
        """Read a whole part. Raises WorkbookError."""
        while block := read_block(part, BLOCK):
            self.feed(block)
        self.feed(b"")

    def _watch(self, block: bytes) -> None:
        self._fed += len(block)
        self.elements += block.count(b"<") - block.count(b"</")
        if self.elements > MAX_ELEMENTS or self._fed - self.parser.CurrentByteIndex > MAX_TOKEN:
            raise WorkbookError(_("The sheet holds far more than a list of items needs. Copy the list into a new workbook."))

    def _refuse_doctype(self, *_declaration: object) -> None:
        raise WorkbookError(
            _("The file contains a document type declaration, which no spreadsheet program writes. Save it again.")
        )


def local(name: str) -> str:
    """The local part of a name: strict and transitional workbooks differ in the namespace only."""
    return name.rpartition(" ")[2]
