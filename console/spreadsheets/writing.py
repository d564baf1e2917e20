"""Write tables as real .xlsx files with openpyxl, and mark cells in somebody's own workbook.

A text stays a text: what begins with = is no formula, and what looks like an escape of the format is escaped.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

from openpyxl import Workbook as Book
from openpyxl import load_workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from console.spreadsheets.errors import WorkbookError
from console.spreadsheets.reading import column_letters

_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HEAD = PatternFill("solid", fgColor="E8ECF4")
_FAULT = PatternFill("solid", fgColor="FFC7CE")
_WARNING = PatternFill("solid", fgColor="FFEB9C")
_BOLD, _TOP = Font(bold=True), Alignment(wrap_text=True, vertical="top")
TEXT = "@"


@dataclass(frozen=True)
class Field:
    """A column: a stable key for programs, a label for people, a width in characters, and what may be typed.

    `number_format` "@" is text. `validation` are arguments of openpyxl's DataValidation; its prompt is `hint`.
    """

    key: str
    label: str
    width: int
    number_format: str = TEXT
    hint: str = ""
    validation: dict[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """A sheet with a header row of labels, a hidden row of keys, and rows of texts, numbers and None."""

    title: str
    fields: Sequence[Field]
    rows: Iterable[Sequence[str | Decimal | None]] = ()


@dataclass(frozen=True)
class Mark:
    """A cell to mark: colour by kind, comment."""

    row: int
    column: int
    comment: str
    is_fault: bool


def write_table(target: IO[bytes], table: Table, *, pages: Mapping[str, Sequence[Sequence[str]]], last_row: int) -> None:
    """Write the table, then a sheet of plain texts for each of `pages`. Validation reaches down to `last_row`."""
    book = Book()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = table.title[:31]
    _write_head(sheet, table.fields, last_row)
    for number, values in enumerate(table.rows, start=3):
        for column, (field, value) in enumerate(zip(table.fields, values, strict=True), start=1):
            if value is not None and value != "":
                _write(sheet.cell(number, column), value).number_format = field.number_format
    for title, lines in pages.items():
        _write_page(book.create_sheet(title[:31]), lines)
    book.save(target)


def _write_head(sheet: Worksheet, fields: Sequence[Field], last_row: int) -> None:
    for column, field in enumerate(fields, start=1):
        letters = column_letters(column)
        head = _write(sheet.cell(1, column), field.label)
        head.font, head.fill = _BOLD, _HEAD
        _write(sheet.cell(2, column), field.key)
        sheet.column_dimensions[letters].width = field.width
        sheet.column_dimensions[letters].number_format = field.number_format
        if field.validation:
            rule = DataValidation(
                **{"allow_blank": True, "prompt": field.hint[:250], "promptTitle": field.label[:32]} | field.validation
            )
            rule.error, rule.errorTitle, rule.showInputMessage, rule.showErrorMessage = (
                field.hint[:250],
                field.label[:32],
                True,
                True,
            )
            rule.add(f"{letters}3:{letters}{last_row}")
            sheet.add_data_validation(rule)
    sheet.row_dimensions[2].hidden = True
    sheet.freeze_panes = "B3"


def _write_page(sheet: Worksheet, lines: Sequence[Sequence[str]]) -> None:
    for number, values in enumerate(lines, start=1):
        for column, value in enumerate(values, start=1):
            cell = _write(sheet.cell(number, column), value)
            cell.alignment, cell.font = _TOP, _BOLD if number == 1 else Font()
    for column, width in enumerate((28, 60, 14, 34, 22), start=1):
        sheet.column_dimensions[column_letters(column)].width = width


def _write(cell: Cell | MergedCell, value: str | Decimal) -> Cell:
    assert isinstance(cell, Cell)
    if isinstance(value, str):
        # What XML cannot hold is written as its code, and so is what looks like such a code.
        cell.value = _ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", value)
        cell.data_type = "s"  # openpyxl takes what begins with = for a formula
    else:
        cell.value = value
    return cell


def mark_cells(source: IO[bytes], target: IO[bytes], *, sheet: str, marks: Iterable[Mark]) -> None:
    """Write a copy of a workbook with these cells coloured and commented.

    `source` has to have passed `reading.Workbook` already: openpyxl holds every cell in memory. Raises WorkbookError when
    openpyxl cannot read it, as it cannot read strict OOXML.
    """
    try:
        book = load_workbook(source)
        place = book[sheet]
    except Exception:
        # openpyxl has many ways to fail on files that other programs read; whatever it was, there is no copy then.
        raise WorkbookError("openpyxl cannot read this workbook") from None
    for mark in marks:
        cell = place.cell(mark.row, mark.column)
        if isinstance(cell, MergedCell):
            continue
        cell.fill = _FAULT if mark.is_fault else _WARNING
        cell.comment = Comment(mark.comment, "Console", width=360, height=150)
    book.active = book.index(place)
    book.save(target)
