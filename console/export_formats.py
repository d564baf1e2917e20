"""How a cell is written into a CSV file: once as an SQL expression of PostgreSQL, once in Python, to the same bytes.

Money stands twice, in major units and in minor units, and numbers stay numbers, negative ones too. Times are in one zone that the
header names. A text that a spreadsheet would take for a formula gets an apostrophe in front; so does such a part of a text, for a
spreadsheet whose lists are separated by semicolons or tabs splits the text there, and ends the row at a line end.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Func, TextField, Value
from django.db.models.expressions import Col, Combinable
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from console.columns import Column, Kind
from console.money import exponent, known_currencies, to_major

#: What makes a spreadsheet read a formula, full-width forms included, and the whitespace that it drops before one.
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_CODES = ", ".join(str(ord(letter)) for letter in FORMULA_STARTS)
#: Where else than at commas a spreadsheet may begin a cell.
SEPARATORS = ";\t\r\n"
# The same pattern for PostgreSQL and for Python: a separator, what is dropped or unquoted after it, and then a formula.
_INSIDE = r'([;\t\r\n][\t\r\n "]*)(?=[-=+@＝＋－＠])'
_inside = re.compile(_INSIDE)


def header(columns: Sequence[Column], zone: str) -> bytes:
    """The first line. The names say which zone and which unit."""
    return line(names(columns, zone))


def names(columns: Sequence[Column], zone: str) -> list[str]:
    """What stands above the cells: one name a column, two for money."""
    return [name for column in columns for name in _names(column, zone)]


def _names(column: Column, zone: str) -> list[str]:
    if column.kind is Kind.TIME:
        return [_("%(column)s (%(zone)s)") % {"column": column.label, "zone": zone}]
    if column.kind is Kind.MONEY:
        return [str(column.label), _("%(column)s (minor units)") % {"column": column.label}]
    return [str(column.label)]


# In Python


def line(cells: Iterable[str]) -> bytes:
    """One line of the file, quoted as COPY quotes."""
    text = ",".join(map(_quoted, cells))
    if text == r"\.":  # alone on its line it once ended what COPY reads
        text = f'"{text}"'
    return f"{text}\n".encode()


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def guarded(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for a formula: the text or a part of it."""
    inside = _inside.sub(r"\1'", text)
    return f"'{inside}" if text[:1] in FORMULA_STARTS and text else inside


def plain_cells(columns: Sequence[Column], row: Mapping[str, Any], zone: str) -> list[str]:
    """The cells of a row of raw values by column alias."""
    return [cell for column in columns for cell in _plain(column, row, row[column.alias], zone)]


def _plain(column: Column, row: Mapping[str, Any], value: Any, zone: str) -> list[str]:
    if column.kind is Kind.MONEY:
        return ["", ""] if value is None else [f"{to_major(value, row[f'{column.alias}_currency']):f}", str(value)]
    if value is None:
        return [""]
    if column.kind is Kind.TIME:
        return [value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")]
    return [str(value) if column.kind is Kind.NUMBER else guarded(str(column.word(value)))]


# In SQL, for PostgreSQL


def sql_cells(columns: Sequence[Column], zone: str) -> list[Combinable]:
    """The expressions that make the cells."""
    return [cell for column in columns for cell in _sql(column, zone)]


def _sql(column: Column, zone: str) -> list[Combinable]:
    source = column.expression
    if column.kind is Kind.MONEY:
        return [major(source, column.currency), Func(source, template="%(expressions)s", output_field=TextField())]
    if column.kind is Kind.TIME:
        local = Func(source, Value(zone), arg_joiner=" AT TIME ZONE ", template="(%(expressions)s)", output_field=TextField())
        return [Func(local, Value("YYYY-MM-DD HH24:MI:SS"), function="to_char", output_field=TextField())]
    if column.kind is Kind.NUMBER:
        return [source]
    if column.choices:
        return [Words(source, words=[(str(value), guarded(str(word))) for value, word in column.choices])]
    return [_Guard(source)]


@cache
def unusual_decimals() -> dict[int, list[str]]:
    """The currencies whose number of decimals is not two, by that number."""
    found: dict[int, list[str]] = {}
    for code in sorted(known_currencies()):
        if exponent(code) != 2:
            found.setdefault(exponent(code), []).append(code)
    return found


def major(source: Combinable, currency: str) -> Func:
    """Minor units times a power of ten of as many decimals as the currency has: numeric keeps the decimals, 9.90 and not 9.9."""
    factor = ByDecimals(F(currency), word=lambda decimals: f"0.{'0' * (decimals - 1)}1" if decimals else "1")
    return Func(source, factor, arg_joiner=" * ", template="(%(expressions)s)", output_field=TextField())


class ByDecimals(Func):
    """What `word` says, as SQL, for the number of decimals of a currency. The codes are our own, not a reader's."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        sql, params = compiler.compile(self.get_source_expressions()[0])
        word, unusual = self.extra["word"], unusual_decimals()
        codes = {decimals: ", ".join(f"'{code}'" for code in found) for decimals, found in unusual.items()}
        cases = " ".join(f"WHEN {sql} IN ({found}) THEN {word(decimals)}" for decimals, found in codes.items())
        return f"CASE {cases} ELSE {word(2)} END", tuple(params) * len(unusual)


class Words(Func):
    """A CASE that words the values; what has no word stays, written by the expression `other` if there is one."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        (source,) = self.get_source_expressions()
        sql, params = compiler.compile(source)
        stays, other = Cast(source, TextField()), self.extra.get("other")
        unworded, its_params = compiler.compile(other(stays) if other else stays)
        words = [part for pair in self.extra["words"] for part in pair]
        pairs = " ".join(["WHEN %s THEN %s"] * (len(words) // 2))
        return f"(CASE ({sql})::text {pairs} ELSE {unworded} END)", (*params, *words, *its_params)


class _Guard(Func):
    """As `guarded()`; nothing for an empty text, which COPY would write as two quotes.

    `ascii()` is the code of the first character, and few texts have a separator: looking for those in a column costs less than a
    regular expression, which only such a text needs. What is computed (a masked id) is computed each time it is named.
    """

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[Any, ...]]:  # type: ignore[override]
        source = self.get_source_expressions()[0]
        sql, params = compiler.compile(source)
        found = f"{sql} ~ '[{SEPARATORS}]'"
        if isinstance(source, Col):
            found = " + ".join(f"strpos({sql}, chr({ord(letter)}))" for letter in SEPARATORS) + " > 0"
        inside = f"CASE WHEN {found} THEN regexp_replace({sql}, '{_INSIDE}', '\\1''', 'g') ELSE {sql} END"
        text = f"NULLIF(CASE WHEN ascii({sql}) IN ({_CODES}) THEN '''' ELSE '' END || {inside}, '')"
        return text, tuple(params) * text.count(sql)
