"""The one way in which a workbook is refused as a whole."""


class WorkbookError(Exception):
    """The file cannot be read as a workbook, or not safely; the sentence says what was found and what to do."""
