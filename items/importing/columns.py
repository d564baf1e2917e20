"""The columns of the template: a stable key for programs, a label for people; and how a header row is recognised."""

import re
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from console.errors import Refused
from console.spreadsheets import Row, column_letters

KEYS = ("product_id", "name", "price", "description", "image")
REQUIRED = ("product_id", "name", "price")
HEADER_WITHIN = 20  # rows; people put a title above the header
_KEYED_PRICE = re.compile(r"price[ _:(]+([a-z]{3})\)?", re.IGNORECASE)


def labels(currency: str) -> dict[str, str]:
    """What people read above each column, in the active language."""
    return {
        "product_id": _("Item ID"),
        "name": _("Name"),
        "price": _("Price in %(currency)s") % {"currency": currency},
        "description": _("Description"),
        "image": _("Image file name"),
    }


@dataclass
class Layout:
    """Where the columns are. `columns` maps a key to a column number; `currency` is what the price column names, or ""."""

    header_row: int
    columns: dict[str, int] = field(default_factory=dict)
    currency: str = ""
    unknown: dict[int, str] = field(default_factory=dict)

    def cell(self, row: int, key: str) -> str:
        """The reference of a cell, such as B7."""
        return f"{column_letters(self.columns[key])}{row}"


def find_header(rows: list[Row]) -> tuple[Layout, int] | None:
    """The layout, and how many of the rows belong to the header or stand above it; None when no row is a header.

    The hidden row of keys wins over the labels above it, which people may have changed.
    """
    known = _known_labels()
    found: tuple[Layout, int] | None = None
    for place, row in enumerate(rows):
        layout, is_keys = _layout(row, known)
        if not layout:
            continue
        if is_keys:
            return layout, place + 1
        found = found or (layout, place + 1)
    return found


def refuse_incomplete(layout: Layout, currency: str) -> None:
    """Raise Refused when a column is missing, or prices are in another currency than the merchant's."""
    names = labels(currency)
    if missing := [names[key] for key in REQUIRED if key not in layout.columns]:
        message = _("The header in row %(row)d lacks these columns: %(names)s. Add them, or copy the list into the template.")
        raise Refused(message % {"row": layout.header_row, "names": ", ".join(missing)})
    if layout.currency and layout.currency != currency:
        message = _(
            "The price column is in %(found)s, but the settlement currency of your merchant is %(currency)s. "
            "Download the template again and enter the prices in %(currency)s."
        )
        raise Refused(message % {"found": layout.currency, "currency": currency})


def _layout(row: Row, known: dict[str, str]) -> tuple[Layout | None, bool]:
    layout, keys = Layout(row.number), 0
    for number, cell in row.cells.items():
        text = " ".join(cell.text.split()) if cell.kind == "text" else ""
        key, currency = _key_of(text, known)
        if not key:
            layout.unknown[number] = cell.text
            continue
        if key in layout.columns:
            message = _("Row %(row)d has two columns headed “%(name)s”. Delete one of them.")
            raise Refused(message % {"row": row.number, "name": text[:40]})
        layout.columns[key] = number
        layout.currency = layout.currency or currency
        keys += text in KEYS or (key == "price" and text.startswith("price"))
    is_header = "product_id" in layout.columns and len(layout.columns) > 1
    return (layout if is_header else None), keys == len(layout.columns)


def _key_of(text: str, known: dict[str, str]) -> tuple[str, str]:
    if text in KEYS:
        return text, ""
    if found := _KEYED_PRICE.fullmatch(text):
        return "price", found[1].upper()
    for marker, key in known.items():
        if "\0" not in marker:
            if text.casefold() == marker:
                return key, ""
        elif found := re.fullmatch(re.escape(marker).replace("\0", "([a-z]{3})"), text.casefold()):
            return key, found[1].upper()
    return "", ""


def _known_labels() -> dict[str, str]:
    """Every label in every language of the console, in lower case; a NUL stands for the currency."""
    known = {"id": "product_id", "price": "price", "image": "image"}
    for code, _language in settings.LANGUAGES:
        with translation.override(code):
            known |= {label.casefold(): key for key, label in labels("\0").items()}
    return known
