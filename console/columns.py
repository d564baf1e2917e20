"""The columns of a listing: an ORM expression each, so that the page and the export come out of one SQL query."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.db.models import Case, CharField, F, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Concat, Left, Length, Right
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from console.templatetags.ui import copy, money, state_mark, waiting, when

NOTHING = SafeString('<span class="muted">–</span>')
EXCERPT = 300  # characters of a long text
MASK_FROM = 10  # characters: a shorter id would be shown nearly whole by its first three and last four


class Kind(StrEnum):
    """What a column holds: decides how a cell looks and how the export writes it."""

    TEXT = "text"
    ID = "id"
    MONEY = "money"
    TIME = "time"
    NUMBER = "number"
    STATE = "state"
    WAITING = "waiting"  # how long since a time
    EXCERPT = "excerpt"  # the beginning of a long text


@dataclass(frozen=True)
class Column:
    """One column. `source` is a field path or an expression; money is minor units of the currency in the path `currency`.

    `choices` words the values of a STATE, or of a TEXT that has choices; `field` is its name in console.templatetags.state_looks.
    `on_page` False leaves the column to the export.
    """

    name: str
    label: str | Promise
    kind: Kind = Kind.TEXT
    source: str | Combinable = ""
    currency: str = "currency"
    choices: tuple[tuple[Any, Any], ...] = ()
    field: str = "state"
    on_page: bool = True

    @property
    def alias(self) -> str:
        """The name of the column in the SQL query; a prefix keeps it apart from the model's fields."""
        return f"col_{self.name}"

    @property
    def expression(self) -> Combinable:
        """What the query selects."""
        return F(self.source or self.name) if isinstance(self.source, str) else self.source

    @property
    def css(self) -> str:
        """How cells are set: "num" to the right, "wrap" in several lines."""
        return "num" if self.kind in (Kind.MONEY, Kind.NUMBER) else "wrap" if self.kind is Kind.EXCERPT else ""

    @property
    def in_python(self) -> bool:
        """Whether only `word` knows how a value is written; an export with such a column is not left to the database."""
        return False

    def word(self, value: Any) -> Any:
        """The translated word of a value that has choices, else the value."""
        return self._words.get(value, value) if self.choices else value

    @cached_property
    def _words(self) -> dict[Any, Any]:
        return dict(self.choices)


def masked(path: str) -> Case:
    """An id of a person as lists show it: the first three and the last four characters, less of a short one."""
    hidden = Concat(Left(path, 3), Value("…"), Right(path, 4))
    return Case(
        When(**{path: ""}, then=Value("")),
        When(GreaterThanOrEqual(Length(path), MASK_FROM), then=hidden),
        default=Concat(Left(path, 1), Value("…")),
        output_field=CharField(),
    )


def mask(text: str) -> str:
    """The same for one id."""
    if len(text) >= MASK_FROM:
        return f"{text[:3]}…{text[-4:]}"
    return f"{text[:1]}…" if text else ""


def annotations(columns: Iterable[Column]) -> dict[str, Combinable]:
    """The annotations that make a queryset carry these columns, with the currencies of its amounts."""
    found: dict[str, Combinable] = {}
    for column in columns:
        found[column.alias] = column.expression
        if column.kind is Kind.MONEY:
            found[f"{column.alias}_currency"] = F(column.currency)
    return found


def cell(column: Column, row: Mapping[str, Any], url: str = "") -> SafeString:
    """The content of a cell as safe HTML; with `url` it is the link of its row."""
    value = row[column.alias]
    if value is None or value == "":
        return NOTHING
    return _RENDERERS[column.kind](column, row, value, url)


def _linked(html: SafeString, url: str) -> SafeString:
    return format_html('<a class="row-link" href="{}">{}</a>', url, html) if url else html


def _text(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(conditional_escape(column.word(value)), url)


def _id(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    # A masked id is not worth a copy button: it cannot be searched for.
    return _linked(format_html("<code>{}</code>", value), url) if "…" in value else copy(value, url=url)


def _money(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(money(value, row[f"{column.alias}_currency"]), url)


def _time(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(when(value), url)


def _waiting(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(waiting(value), url)


def _excerpt(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(conditional_escape(Truncator(column.word(value)).chars(EXCERPT)), url)


def _number(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return _linked(conditional_escape(f"{value:,}"), url)


def _state(column: Column, row: Mapping[str, Any], value: Any, url: str) -> SafeString:
    return state_mark(value, column.word(value), field=column.field)


_RENDERERS: dict[Kind, Callable[[Column, Mapping[str, Any], Any, str], SafeString]] = {
    Kind.TEXT: _text,
    Kind.ID: _id,
    Kind.MONEY: _money,
    Kind.TIME: _time,
    Kind.NUMBER: _number,
    Kind.STATE: _state,
    Kind.WAITING: _waiting,
    Kind.EXCERPT: _excerpt,
}
