"""Read the cells of a workbook row by row, as they stand in the file (docs/import.md, "Safe reading").

Reads what Excel, LibreOffice, WPS, Google Sheets, Numbers, pandas, XlsxWriter and openpyxl write: shared and inline strings, rich
text, sheets without a dimension record or cell references, strict and transitional namespaces. openpyxl is not used here: it
believes the dimension record, and holds cells without a place.
"""

import posixpath
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import BinaryIO, NamedTuple

from django.utils.translation import gettext as _

from console.spreadsheets.archive import damaged, open_archive, open_part, read_block
from console.spreadsheets.errors import WorkbookError
from console.spreadsheets.styles import Styles, date_text
from console.spreadsheets.xml import BLOCK, Events, local

MAX_STRINGS = 300_000
MAX_HELD = 40 * 1024 * 1024  # bytes of memory for the shared strings
MAX_TEXT = 100_000  # characters of one text; Excel's limit is 32,767
MAX_MERGED = 10_000
LAST_ROW = 20_000
LAST_COLUMN = 100
MAX_SHEETS = 50
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class Cell(NamedTuple):
    """A cell with a value. `kind` is text, number, date, boolean, error or formula; `text` is what people see, about."""

    kind: str
    text: str


class Row(NamedTuple):
    """A row with at least one value; `cells` by column number, both numbers from 1 as in the sheet."""

    number: int
    cells: dict[int, Cell]
    hidden: bool


@dataclass
class Sheet:
    """A sheet of a workbook. `merged` is filled while its rows are read."""

    name: str
    part: str
    hidden: bool
    merged: list[str] = field(default_factory=list)
    elements: int = 0


class Workbook:
    """An open workbook; use it as a context manager. Raises WorkbookError when the file is refused."""

    def __init__(self, file: BinaryIO) -> None:
        self.archive = open_archive(file)
        self.names = {name.lower(): name for name in self.archive.namelist()}
        book = self._related("", "officedocument") or "xl/workbook.xml"
        self._book = book
        parts = _relations(self.archive, self.names, book)
        outline = _Outline()
        outline.read(self._open(book))
        self.sheets = [
            Sheet(name, parts[link][1], hidden)
            for name, link, hidden in outline.sheets[:MAX_SHEETS]
            if link in parts and parts[link][0] == "worksheet"
        ]
        self.styles = Styles(is_1904=outline.is_1904)
        if part := self._related(book, "styles"):
            self.styles.read(self._open(part))
        self._strings: list[str] | None = None

    def __enter__(self) -> "Workbook":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.archive.close()

    @property
    def strings(self) -> list[str]:
        """The shared strings, read when the first sheet is."""
        if self._strings is None:
            reader = _SharedStrings()
            if part := self._related(self._book, "sharedstrings"):
                reader.read(self._open(part))
            self._strings = reader.strings
        return self._strings

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """The rows of a sheet that hold a value, in the order of the file. Raises WorkbookError, also while reading."""
        reader = _Cells(sheet, self.strings, self.styles)
        with self._open(sheet.part) as part:
            while block := read_block(part, BLOCK):
                reader.feed(block)
                yield from reader.take()
            reader.feed(b"")
        yield from reader.take()
        sheet.elements = reader.elements

    def count_elements(self) -> int:
        """The XML elements of all parts, about: what a program has to hold that reads the workbook as a whole."""
        number = 0
        for name in self.archive.namelist():
            with open_part(self.archive, name) as part:
                while block := read_block(part, BLOCK):
                    number += block.count(b"<") - block.count(b"</")
        return number

    def _related(self, source: str, kind: str) -> str:
        found = _relations(self.archive, self.names, source).values()
        return next((target for type_, target in found if type_ == kind), "")

    def _open(self, part: str) -> BinaryIO:
        return open_part(self.archive, self.names.get(part.lower(), part))  # type: ignore[return-value]


def column_letters(number: int) -> str:
    """The letters of a column, 1 is A."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """The number of a column, A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def corners(reference: str) -> tuple[int, int, int, int] | None:
    """First row, first column, last row, last column of a range such as "A1:B2", or None."""
    found = _REFERENCE.findall(reference.replace("$", ""))
    if not found:
        return None
    (first, top), (last, bottom) = found[0], found[-1]
    return int(top), column_number(first), int(bottom), column_number(last)


# The parts that say where everything is


class _Relations(Events):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if local(name) == "Relationship" and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2].lower()
            self.found.append((attributes.get("Id", ""), kind, attributes.get("Target", "")))


def _relations(archive: zipfile.ZipFile, names: dict[str, str], source: str) -> dict[str, tuple[str, str]]:
    """Kind and target part of every relation of a part, by id; targets outside the file do not exist."""
    folder, _slash, base = source.rpartition("/")
    part = names.get(posixpath.join(folder, "_rels", f"{base}.rels").lower())
    if part is None:
        return {}
    reader = _Relations()
    reader.read(open_part(archive, part))
    return {
        id_: (kind, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")) for id_, kind, target in reader.found
    }


class _Outline(Events):
    """Names and relation ids of the sheets, and where the calendar begins."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[tuple[str, str, bool]] = []
        self.is_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "sheet":
            link = next((value for key, value in attributes.items() if local(key) == "id"), "")
            self.sheets.append((attributes.get("name", ""), link, attributes.get("state", "visible") != "visible"))
        elif kind == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")


class _Text(Events):
    """Collects the text of <t> inside an item; phonetic guides (<rPh>) are not text."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.taking = False
        self.phonetic = False
        self._length = 0

    def text(self, text: str) -> None:
        if self.taking:
            self.pieces.append(text)
            self._length += len(text)
            if self._length > MAX_TEXT:
                raise WorkbookError(_("The workbook has a text of more than 32,767 characters. Shorten it."))

    def taken(self) -> str:
        """The text so far; the next item begins."""
        text = "".join(self.pieces)
        self.pieces, self._length = [], 0
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _SharedStrings(_Text):
    def __init__(self) -> None:
        super().__init__()
        self.strings: list[str] = []
        self._held = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = local(name)
        if kind == "t":
            self.taking = not self.phonetic
        elif kind == "rPh":
            self.phonetic = True

    def end(self, name: str) -> None:
        kind = local(name)
        if kind == "t":
            self.taking = False
        elif kind == "si":
            text = self.taken()
            self.strings.append(text)
            self._held += sys.getsizeof(text)
            if len(self.strings) > MAX_STRINGS or self._held > MAX_HELD:
                raise WorkbookError(
                    _("The workbook holds far more texts than a list of items needs. Copy the list into a new one.")
                )
        elif kind == "rPh":
            self.phonetic = False


# Cells

_NAMESPACES = ("http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main")
_KNOWN = {
    name: kind
    for kind in ("c", "v", "row", "t", "is", "f", "rPh", "mergeCell")
    for name in (*(f"{space} {kind}" for space in _NAMESPACES), kind)
}


class _Cells(_Text):
    """Reads the rows of one sheet; `take` hands out those that are complete."""

    def __init__(self, sheet: Sheet, strings: list[str], styles: Styles) -> None:
        super().__init__()
        self.sheet, self.strings, self.styles = sheet, strings, styles
        self.done: list[Row] = []
        self.row_number = self.column = 0
        self.hidden = self.formula = self.in_cell = False
        self.cells: dict[int, Cell] = {}
        self.type = self.style = ""
        self._columns: dict[str, int] = {}

    def take(self) -> list[Row]:
        """The rows read since the last call."""
        done, self.done = self.done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        kind = _KNOWN.get(name)
        if kind == "c":
            self._place(attributes.get("r", ""))
            self.type, self.style = attributes.get("t", "n"), attributes.get("s", "")
            self.in_cell, self.formula, self.pieces, self._length = True, False, [], 0
        elif kind == "v" or kind == "t":
            self.taking = self.in_cell and not self.phonetic
        elif kind == "row":
            self._begin_row(attributes)
        elif kind == "f":
            self.formula = self.in_cell
        elif kind == "rPh":
            self.phonetic = True
        elif kind == "mergeCell":
            self.sheet.merged.append(attributes.get("ref", ""))
            if len(self.sheet.merged) > MAX_MERGED:
                raise WorkbookError(
                    _("The sheet “%(sheet)s” has more than 10,000 merged cells. Take them apart.")
                    % {"sheet": self.sheet.name[:40]}
                )

    def end(self, name: str) -> None:
        kind = _KNOWN.get(name)
        if kind == "v" or kind == "t":
            self.taking = False
        elif kind == "c":
            self.in_cell = False
            if self.pieces or self.formula:
                self._keep()
        elif kind == "row":
            if self.cells:
                self.done.append(Row(self.row_number, self.cells, self.hidden))
                self.cells = {}
        elif kind == "rPh":
            self.phonetic = False

    def _begin_row(self, attributes: dict[str, str]) -> None:
        before = self.row_number
        try:
            self.row_number = int(attributes.get("r") or before + 1)
        except ValueError:
            raise damaged() from None
        if self.row_number <= before:  # the same row twice: cells could not be named any more
            raise damaged()
        self.hidden = attributes.get("hidden") in ("1", "true")
        self.column = 0

    def _place(self, reference: str) -> None:
        if not reference:
            self.column += 1
            return
        letters = reference.rstrip("0123456789")
        number = self._columns.get(letters)
        if number is None:
            if not letters.isascii() or not letters.isalpha() or len(letters) > 3:
                raise damaged()
            number = self._columns[letters] = column_number(letters.upper())
        self.column = number

    def _keep(self) -> None:
        if self.row_number > LAST_ROW or self.column > LAST_COLUMN:
            raise WorkbookError(
                _("The sheet “%(sheet)s” has a value in cell %(cell)s, far away from the list. Delete it.")
                % {"sheet": self.sheet.name[:40], "cell": f"{column_letters(self.column)}{self.row_number}"}
            )
        cell = self._cell(self.taken())
        if cell.text or cell.kind == "formula":
            self.cells[self.column] = cell

    def _cell(self, text: str) -> Cell:
        if self.formula:
            return Cell("formula", text)
        if self.type == "s":
            try:
                return Cell("text", self.strings[int(text)])
            except (ValueError, IndexError):
                raise damaged() from None
        if self.type in ("inlineStr", "str"):
            return Cell("text", text)
        if self.type == "b":
            return Cell("boolean", "TRUE" if text.strip() in ("1", "true") else "FALSE")
        if self.type == "e":
            return Cell("error", text)
        if self.type == "d":
            return Cell("date", text)
        return self._number(text.strip())

    def _number(self, text: str) -> Cell:
        try:
            value = float(text)
        except ValueError:
            raise damaged() from None
        if self.styles.is_date(self.style):
            return Cell("date", date_text(value, is_1904=self.styles.is_1904))
        shown = f"{value:.15g}"  # a spreadsheet keeps 15 digits; 9.9 may stand there as 9.9000000000000004
        return Cell("number", format(Decimal(shown), "f") if "e" in shown else shown)
