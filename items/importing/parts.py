"""What the page of an import shows of its findings and its plan, a slice at a time.

Both may hold tens of thousands of rows. The database cuts them, so that a page costs the same memory whatever the workbook was.
"""

import itertools
import json
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.money import format_money
from items.importing.findings import CAUSES, told
from items.importing.plan import Addition, Change
from items.models import Import

SHOWN = 100  # rows of a part on one page
FAULT, WARNING, CHANGED, NEW = "fault", "warning", "changed", "new"


class _Dialect(NamedTuple):
    """How a database names the elements of an array in a JSON column, their place, and the cause of a finding."""

    findings: str
    plan: str
    place: str
    code: str


_DIALECTS = {
    "postgresql": _Dialect(
        "jsonb_array_elements(run.findings) WITH ORDINALITY AS found(value, place)",
        "jsonb_array_elements(run.plan->%s) WITH ORDINALITY AS found(value, place)",
        "found.place",
        "found.value->>'code'",
    ),
    "sqlite": _Dialect(
        "json_each(run.findings) AS found",
        "json_each(run.plan, '$.' || %s) AS found",
        "found.key",
        "json_extract(found.value, '$.code')",
    ),
}


@dataclass(frozen=True)
class Part:
    """All findings of one cause, or all rows that change or are new: `rows` are those of this page, of `number`."""

    name: str
    title: str
    kind: str
    number: int
    rows: list[Any]

    @property
    def is_cut(self) -> bool:
        """Whether there are more than one page shows."""
        return self.number > SHOWN

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.number // SHOWN)

    @property
    def counted(self) -> str:
        """The number in words."""
        if self.kind in (CHANGED, NEW):
            return ngettext("%(number)d row", "%(number)d rows", self.number) % {"number": self.number}
        return ngettext("%(number)d cell", "%(number)d cells", self.number) % {"number": self.number}


def parts_of(run: Import) -> list[Part]:
    """Every part with its first page: faults before warnings, the most frequent first, then what changes and what is new."""
    return [*_causes(run), *_planned(run, CHANGED, page=1), *_planned(run, NEW, page=1)]


def part_of(run: Import, name: str, page: int) -> Part | None:
    """One page of one part, None when there is no such page. `page` begins at 1."""
    if name in (CHANGED, NEW):
        found = _planned(run, name, page=page)
    else:
        found = _causes(run, name, page=page) if name in CAUSES else []
    return found[0] if found else None


def _causes(run: Import, name: str = "", *, page: int = 1) -> list[Part]:
    """The parts that are findings, or one of them; each with its number and the rows of this page."""
    dialect = _DIALECTS[connection.vendor]
    sql = f"""
        SELECT code, number, value FROM (
            SELECT {dialect.code} AS code, found.value AS value,
                row_number() OVER (PARTITION BY {dialect.code} ORDER BY {dialect.place}) AS place,
                count(*) OVER (PARTITION BY {dialect.code}) AS number
            FROM items_import run, {dialect.findings} WHERE run.id = %s
        ) AS cells WHERE place > %s AND place <= %s AND (code = %s OR %s = '') ORDER BY code, place"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [run.pk, (page - 1) * SHOWN, page * SHOWN, name, name])
        cells = cursor.fetchall()
    parts = []
    for (code, number), rows in itertools.groupby(cells, key=itemgetter(0, 1)):
        cause = CAUSES[code]
        told_rows = [told(json.loads(value)) for _code, _number, value in rows]
        parts.append(Part(code, str(cause.title), FAULT if cause.is_fault else WARNING, number, told_rows))
    return sorted(parts, key=lambda part: (part.kind, -part.number))


def _planned(run: Import, name: str, *, page: int) -> list[Part]:
    """The rows of the plan that change or are new, [] when there are none on this page."""
    dialect = _DIALECTS[connection.vendor]
    sql = (
        f"SELECT found.value FROM items_import run, {dialect.plan} WHERE run.id = %s ORDER BY {dialect.place} LIMIT %s OFFSET %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [name, run.pk, SHOWN, (page - 1) * SHOWN])
        rows = [json.loads(value) for (value,) in cursor.fetchall()]
    if not rows:
        return []
    if name == CHANGED:
        return [Part(name, _("Changed items"), name, run.changed, [_change(row, run.currency) for row in rows])]
    return [Part(name, _("New items"), name, run.new, [_addition(row, run.currency) for row in rows])]


# In words


def _change(row: list[Any], currency: str) -> dict[str, Any]:
    change = Change(*row)
    return {"row": change.row, "product_id": change.product_id, "fields": _differences(change.fields, currency)}


def _addition(row: list[Any], currency: str) -> dict[str, Any]:
    new = Addition(*row)
    return {"row": new.row, "product_id": new.product_id, "name": new.name, "price": format_money(new.price, currency)}


def _differences(fields: dict[str, list[Any]], currency: str) -> list[dict[str, str]]:
    names = {"name": _("Name"), "price": _("Price"), "description": _("Description"), "image": _("Image")}
    told = []
    for key, label in names.items():
        if key in fields or (key == "price" and "currency" in fields):
            told.append({"label": label} | _old_and_new(key, fields, currency))
    return told


def _old_and_new(key: str, fields: dict[str, list[Any]], currency: str) -> dict[str, str]:
    old_currency = fields.get("currency", [currency])[0]
    if key == "price" and "price" in fields:
        old, new = fields["price"]
        return {"old": format_money(old, old_currency), "new": format_money(new, currency)}
    if key == "price":
        return {"old": old_currency, "new": currency}
    old, new = fields[key]
    return {"old": old[:12], "new": new[:12]} if key == "image" else {"old": old, "new": new}
