"""Which number formats mean a date: a spreadsheet stores 1 March as a number with such a format."""

import re
from datetime import datetime, timedelta

from console.spreadsheets.xml import Events, local

# ECMA-376 part 1, 18.8.30: built-in formats that show a date or a time, East Asian ones included.
_BUILT_IN = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
MAX_STYLES = 70_000  # Excel's own limit is 65,490


class Styles(Events):
    """The styles part: number formats of the cell styles."""

    def __init__(self, *, is_1904: bool) -> None:
        super().__init__()
        self.is_1904 = is_1904
        self._formats: list[int] = []
        self._dates = set(_BUILT_IN)
        self._known: dict[str, bool] = {}  # a sheet of 10,000 prices asks about one style 10,000 times
        self._inside = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note custom formats and, inside cellXfs, the format of each style."""
        kind = local(name)
        if kind == "numFmt":
            if _shows_date(attributes.get("formatCode", "")):
                self._dates.add(_number(attributes.get("numFmtId")))
        elif kind == "cellXfs":
            self._inside = True
        elif kind == "xf" and self._inside and len(self._formats) < MAX_STYLES:
            self._formats.append(_number(attributes.get("numFmtId")))

    def end(self, name: str) -> None:
        """Leave cellXfs."""
        if local(name) == "cellXfs":
            self._inside = False

    def is_date(self, style: str) -> bool:
        """Whether a number in this style is shown as a date or a time."""
        if style not in self._known:
            number = _number(style)
            self._known[style] = 0 <= number < len(self._formats) and self._formats[number] in self._dates
        return self._known[style]


def date_text(value: float, *, is_1904: bool) -> str:
    """A date cell as text, such as 2026-03-01 or 2026-03-01 12:00:00."""
    base = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)
    try:
        moment = base + timedelta(days=value)
    except (OverflowError, ValueError):
        return str(value)
    return moment.strftime("%Y-%m-%d" if value == int(value) else "%Y-%m-%d %H:%M:%S")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else -1


def _shows_date(code: str) -> bool:
    plain = _NOT_FORMAT.sub("", code).lower()
    return "general" not in plain and any(letter in plain for letter in "ymdhs")
