"""The one door for workbooks: safe reading (docs/import.md, "Safe reading"), writing, marking."""

from console.spreadsheets.archive import measure_directory
from console.spreadsheets.errors import WorkbookError
from console.spreadsheets.reading import Cell, Row, Sheet, Workbook, column_letters, corners
from console.spreadsheets.writing import Field, Mark, Table, mark_cells, write_table

__all__ = [
    "Cell",
    "Field",
    "Mark",
    "Row",
    "Sheet",
    "Table",
    "Workbook",
    "WorkbookError",
    "column_letters",
    "corners",
    "mark_cells",
    "measure_directory",
    "write_table",
]
