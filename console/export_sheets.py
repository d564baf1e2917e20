"""How a row is written into a workbook: once as an SQL expression of PostgreSQL, once in Python, to the same XML.

Texts stand in their cells as strings (`t="str"`), which no spreadsheet takes for a formula; as inline strings they would make the
XML a fifth larger. Ids are text, numbers and money are numbers, negative ones too, and times are dates in one zone that the
header names. What XML cannot hold is left out.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Func, TextField, Value
from django.db.models.expressions import Combinable

from console.columns import Column, Kind
from console.export_formats import ByDecimals, Words, major, names
from console.money import exponent, to_major

#: Numbers of the formats in styles.xml (console/spreadsheets/streaming.py); money has 5 more its decimals.
GENERAL, BOLD, TEXT, TIME, COUNT, MONEY = 0, 1, 2, 3, 4, 5
EPOCH = datetime(1899, 12, 30)  # day 0 of a spreadsheet
NOTHING = "<c/>"
WIDTHS = {Kind.TEXT: 26, Kind.ID: 30, Kind.MONEY: 16, Kind.TIME: 22, Kind.NUMBER: 12, Kind.STATE: 20, Kind.EXCERPT: 60}

# The same patterns for PostgreSQL and for Python. A workbook writes a character by its code as `_x0041_` (ECMA-376, ST_Xstring).
_SIGNS = r"[\u0001-\u001f&<>\uFFFE\uFFFF]"
_SPECIAL = _SIGNS + "|_x[0-9A-Fa-f]{4}_|^ | $"
_UNFIT = r"[\u0001-\u0008\u000b\u000c\u000e-\u001f\uFFFE\uFFFF]"
_CODE = r"_(?=x[0-9A-Fa-f]{4}_)"
_PLAIN_CODE = "_x005F_"
# The same in texts between bars; what is found too often costs time and nothing else.
_SPECIAL_IN_ROW = _SIGNS + r"|_x|\| | \|"
_special, _unfit, _code = re.compile(_SPECIAL), re.compile(_UNFIT), re.compile(_CODE)


def head(columns: Sequence[Column], zone: str) -> bytes:
    """The first row."""
    return sheet_row([text_cell(name, BOLD) for name in names(columns, zone)])


def widths(columns: Sequence[Column]) -> list[int]:
    """The width of each column of the sheet, in characters."""
    return [width for column in columns for width in [WIDTHS[column.kind]] * (2 if column.kind is Kind.MONEY else 1)]


# In Python


def sheet_row(cells: Sequence[str]) -> bytes:
    """One row of the sheet."""
    return f"<row>{''.join(cells)}</row>\n".encode()


def text_cell(text: str, style: int = TEXT) -> str:
    """A text; an empty one is an empty cell."""
    if not text:
        return NOTHING
    content = f' xml:space="preserve">{_escaped(text)}' if _special.search(text) else f">{text}"
    return f'<c s="{style}" t="str"><v{content}</v></c>'


def number_cell(value: Any, style: int) -> str:
    """A number, written as it is."""
    return f'<c s="{style}"><v>{value}</v></c>'


def money_cells(minor: int, currency: str) -> list[str]:
    """Major and minor units."""
    return [number_cell(f"{to_major(minor, currency):f}", MONEY + exponent(currency)), number_cell(minor, COUNT)]


def _escaped(text: str) -> str:
    fit = _code.sub(_PLAIN_CODE, _unfit.sub("", text))
    return escape(fit, quote=False).replace("\r", "&#13;").replace("\n", "&#10;")


def plain_row(columns: Sequence[Column], values: Mapping[str, Any], zone: str) -> bytes:
    """The row of a row of raw values by column alias."""
    return sheet_row([cell for column in columns for cell in _plain(column, values, values[column.alias], zone)])


def _plain(column: Column, values: Mapping[str, Any], value: Any, zone: str) -> list[str]:
    if column.kind is Kind.MONEY:
        return [NOTHING, NOTHING] if value is None else money_cells(value, values[f"{column.alias}_currency"])
    if value is None:
        return [NOTHING]
    if column.kind is Kind.TIME:
        return [number_cell(_serial(value, zone), TIME)]
    return [number_cell(value, COUNT) if column.kind is Kind.NUMBER else text_cell(str(column.word(value)))]


def _serial(moment: datetime, zone: str) -> str:
    """Days since EPOCH by the clock of the zone; whole seconds, as in the CSV."""
    passed = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0) - EPOCH
    return repr((passed.days * 86400 + passed.seconds) / 86400).removesuffix(".0")


# In SQL, for PostgreSQL


def sql_row(columns: Sequence[Column], zone: str) -> list[Combinable]:
    """The one expression that makes a row. Nearly no row has a text that needs escaping, so one look at all of them decides."""
    texts = [column.expression for column in columns if _is_free_text(column)]
    as_they_are, escaped = (_row(columns, zone, text) for text in (_AsItIs, _Escaped))
    return [_Row(*texts, escaped, as_they_are) if texts else as_they_are]


def _is_free_text(column: Column) -> bool:
    return column.kind not in (Kind.MONEY, Kind.TIME, Kind.NUMBER) and not column.choices


def _row(columns: Sequence[Column], zone: str, text: type[Func]) -> Func:
    cells = [cell for column in columns for cell in _sql(column, zone, text)]
    return Func(Value("<row>"), *cells, Value("</row>"), function="concat", output_field=TextField())


class _Row(Func):
    """Texts, then the row with each of them escaped, then the row with all as they are."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        *texts, escaped, as_they_are = [compiler.compile(source) for source in self.get_source_expressions()]
        # Whatever stands at an end of a text has a bar beside it.
        looked_at = f"concat_ws('|', '', {', '.join(sql for sql, _params in texts)}, '')"
        params = [value for _sql, given in (*texts, escaped, as_they_are) for value in given]
        return f"CASE WHEN {looked_at} ~ '{_SPECIAL_IN_ROW}' THEN {escaped[0]} ELSE {as_they_are[0]} END", tuple(params)


def _sql(column: Column, zone: str, text: type[Func]) -> list[Combinable]:
    source = column.expression
    if column.kind is Kind.MONEY:
        style = ByDecimals(F(column.currency), word=lambda decimals: f"""'<c s="{MONEY + decimals}"><v>'""")
        return [_number(style, major(source, column.currency)), _number(_opened(COUNT), source)]
    if column.kind is Kind.TIME:
        return [_number(_opened(TIME), _Serial(source, Value(zone)))]
    if column.kind is Kind.NUMBER:
        return [_number(_opened(COUNT), source)]
    words = [(str(value), text_cell(str(word))) for value, word in column.choices]
    return [Words(source, words=words, other=_Escaped) if words else text(source)]


def _opened(style: int) -> Value:
    return Value(f'<c s="{style}"><v>')


def _number(opened: Combinable, source: Combinable) -> Func:
    template = f"COALESCE(%(expressions)s || '</v></c>', '{NOTHING}')"
    return Func(opened, source, arg_joiner=" || ", template=template, output_field=TextField())


class _Serial(Func):
    """As `_serial`: a float, whose shortest text both sides write alike. A float holds the microseconds of these centuries."""

    output_field = TextField()
    arg_joiner = " AT TIME ZONE "
    template = "(floor(date_part('epoch', (%(expressions)s) - timestamp '1899-12-30')) / 86400)"


class _AsItIs(Func):
    """As `text_cell` of a text that needs no escaping."""

    output_field = TextField()
    template = f"""COALESCE('<c s="{TEXT}" t="str"><v>' || NULLIF(%(expressions)s, '') || '</v></c>', '{NOTHING}')"""


class _Escaped(Func):
    """As `text_cell` of any text."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        sql, params = compiler.compile(self.get_source_expressions()[0])
        fit = f"regexp_replace(regexp_replace({sql}, '{_UNFIT}', '', 'g'), '{_CODE}', '{_PLAIN_CODE}', 'g')"
        for found, written in (("'&'", "&amp;"), ("'<'", "&lt;"), ("'>'", "&gt;"), ("chr(13)", "&#13;"), ("chr(10)", "&#10;")):
            fit = f"replace({fit}, {found}, '{written}')"
        content = f"CASE WHEN ({sql}) ~ '{_SPECIAL}' THEN ' xml:space=\"preserve\">' || {fit} ELSE '>' || {sql} END"
        cell = f"""CASE WHEN ({sql}) <> '' THEN '<c s="{TEXT}" t="str"><v' || {content} || '</v></c>' END"""
        return f"COALESCE({cell}, '{NOTHING}')", tuple(params) * 4
