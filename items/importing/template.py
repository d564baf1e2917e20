"""The template, and the catalogue export, which is the template with the items in it: importing it again changes nothing."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import IO, Any

from django.utils.translation import gettext as _

from console.export_formats import guarded
from console.models import MiniProgram
from console.money import exponent, format_money, to_major
from console.spreadsheets import Field, Table, write_table
from items.importing.check import MAX_ROWS
from items.importing.columns import labels
from items.importing.pictures import image_name
from items.models import PRICE_MAXIMUM, PRICE_MINIMUM, Item
from items.rules import DESCRIPTION_LIMIT, ID_LIMIT, NAME_LIMIT

LAST_ROW = MAX_ROWS + 2  # two rows of header


def write_template(target: IO[bytes], currency: str, rows: Iterable[list[str | Decimal | None]] = ()) -> None:
    """Write an .xlsx with the header in the active language, prices in `currency`, and these rows."""
    table = Table(_("Items"), fields(currency), rows)
    write_table(target, table, pages={_("Instructions"): instructions(currency)}, last_row=LAST_ROW)


def fields(currency: str) -> list[Field]:
    """The columns with their hints and their validation."""
    names, decimals = labels(currency), exponent(currency)
    bounds = {"formula1": str(to_major(PRICE_MINIMUM, currency)), "formula2": str(to_major(PRICE_MAXIMUM, currency))}
    price = {"type": "decimal" if decimals else "whole", "operator": "between", **bounds}
    number_format = f"0.{'0' * decimals}" if decimals else "0"
    hints = _hints(currency)
    return [
        Field("product_id", names["product_id"], 24, hint=hints["product_id"], validation=_length(1, ID_LIMIT)),
        Field("name", names["name"], 32, hint=hints["name"], validation=_length(1, NAME_LIMIT)),
        Field(f"price {currency}", names["price"], 14, number_format, hint=hints["price"], validation=price),
        Field("description", names["description"], 48, hint=hints["description"], validation=_length(0, DESCRIPTION_LIMIT)),
        Field("image", names["image"], 28, hint=hints["image"], validation=_length(0, 200)),
    ]


def instructions(currency: str) -> list[list[str]]:
    """The second sheet: a rule a line, two examples, the limits."""
    names, hints = labels(currency), _hints(currency)
    large, small = (f"{to_major(units, currency):f}" for units in _example_prices(currency))
    return [
        [_("Column"), _("What to enter")],
        *([names[key], hints[key]] for key in names),
        [],
        [_("Examples"), ""],
        list(names.values()),
        ["gems_100", _("100 gems"), large, _("A small bag of gems."), "gems_100.png"],
        ["sword-of-dawn", _("Sword of Dawn"), small, "", ""],
        [],
        [_("Limits"), _("At most 10,000 rows and 5 MB. Images come in a .zip of at most 50 MB with up to 1,000 files.")],
        [
            _("What happens"),
            _("The workbook is checked first. Nothing is written before you confirm, and then every row or none."),
        ],
        [
            _("What never happens"),
            _("An import deletes nothing and changes nothing that is on sale. Release the items afterwards."),
        ],
        [
            _("Keep"),
            _("The sheet “Items” and its header. You may reorder columns and add columns of your own; those are not read."),
        ],
        [_("No formulas"), _("Enter values. Paste what you calculated with “paste values only”.")],
    ]


def catalogue_rows(program: MiniProgram, currency: str) -> Iterator[list[str | Decimal | None]]:
    """Every item that was not deleted, as a row of the template; a price in another currency is left empty."""
    columns = ("product_id", "name", "price", "currency", "description", "image__sha256", "image__file")
    rows = Item.objects.filter(mini_program=program).existing().order_by("product_id")
    for product_id, name, price, priced_in, description, sha256, file in rows.values_list(*columns).iterator(chunk_size=2_000):
        amount = to_major(price, currency) if priced_in == currency else None
        yield [product_id, name, amount, description, image_name(sha256, file) if sha256 else ""]


def write_catalogue_csv(target: IO[bytes], currency: str, rows: Iterable[list[str | Decimal | None]]) -> None:
    """Write the rows as CSV for other programs, UTF-8 with BOM. Formulas have an apostrophe before them."""
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(labels(currency).values())
    for row in rows:
        writer.writerow([_csv_cell(value) for value in row])
    text.detach()


def _csv_cell(value: str | Decimal | None) -> str:
    if value is None:
        return ""
    return guarded(value) if isinstance(value, str) else f"{value:f}"


def _length(least: int, most: int) -> dict[str, Any]:
    return {"type": "textLength", "operator": "between", "formula1": str(least), "formula2": str(most)}


def _example_prices(currency: str) -> tuple[int, int]:
    scale = 10 ** max(exponent(currency) - 2, 0)
    return 990 * scale, 500 * scale


def _hints(currency: str) -> dict[str, str]:
    values = {
        "least": format_money(PRICE_MINIMUM, currency),
        "most": format_money(PRICE_MAXIMUM, currency),
        "example": f"{to_major(_example_prices(currency)[0], currency):f}",
    }
    return {
        "product_id": _("1 to 64 letters A–Z, digits, hyphens and underscores; capitals count. It never changes."),
        "name": _("1 to 64 characters. Players read it when they buy."),
        "price": _("From %(least)s to %(most)s, such as %(example)s: digits and at most one decimal point.") % values,
        "description": _("At most 1,024 characters. Optional."),
        "image": _(
            "Optional: the name of a JPEG or PNG file in a .zip that you upload with this workbook. Empty keeps the image."
        ),
    }
