"""Check a workbook against the rules and against the items as they are now: every fault, and a plan of what would be written.

Nothing is written here. A good row takes the fast path, a comparison or two a field; the sentences of items.rules are made for
rows with a fault only.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from console import bulk
from console.errors import Refused
from console.models import MiniProgram
from console.money import exponent, format_money, to_major
from console.spreadsheets import Cell, Row, Sheet, Workbook, corners
from items import rules
from items.importing.columns import HEADER_WITHIN, Layout, find_header, labels, refuse_incomplete
from items.importing.findings import CAUSES, Finding, finding
from items.importing.plan import Addition, Change, Plan
from items.models import PRICE_MAXIMUM, PRICE_MINIMUM, Import, Item

MAX_ROWS = 10_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_IMAGE_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}")


class Candidate(NamedTuple):
    """A row without a fault of its own. A field is None when its column is absent, which keeps what is stored."""

    row: int
    product_id: str
    name: str
    price: int
    description: str | None
    image: str


class Stored(NamedTuple):
    """What an import needs to know of an existing item."""

    pk: int
    product_id: str
    state: str
    version: int
    name: str
    price: int
    currency: str
    description: str
    image: str


@dataclass
class Pictures:
    """Images by the names that a workbook may use, in lower case: those of the .zip, and those that are stored already.

    `faults` are names in the .zip whose file is no usable image, with the reason.
    """

    known: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    has_zip: bool = False


@dataclass
class Outcome:
    """What the check found; `plan` is what would be written."""

    sheet: str = ""
    rows: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    elements: int = 0  # XML elements of the workbook, counted when there are findings

    @property
    def faulty(self) -> int:
        """The number of rows with a fault."""
        return len({found["row"] for found in self.findings if CAUSES[found["code"]].is_fault})


def check(
    book: Workbook,
    program: MiniProgram,
    *,
    mode: str,
    currency: str,
    pictures: Pictures,
    advance: Callable[[int], None],
) -> Outcome:
    """Read the first sheet with a header. `currency` is the merchant's; `advance` is told how many rows were read.

    Raises Refused or WorkbookError with a sentence when the workbook cannot be read as a list of items at all.
    """
    sheet, layout, rows = _find_list(book)
    refuse_incomplete(layout, currency)
    outcome = Outcome(sheet=sheet.name)
    reader = _Reader(layout, currency, pictures, outcome.findings)
    for number, text in layout.unknown.items():
        reader.note("column_unknown", layout.header_row, number, text)
    candidates = []
    for row in rows:
        if not reader.is_item(row):
            continue
        outcome.rows += 1
        if outcome.rows > MAX_ROWS:
            raise Refused(
                _("The list has more than 10,000 rows. Split it into several workbooks and import one after the other.")
            )
        if candidate := reader.candidate(row):
            candidates.append(candidate)
        if outcome.rows % 500 == 0:
            advance(outcome.rows)
    if not outcome.rows:
        raise Refused(
            _("There is no item below the header of the sheet “%(sheet)s”. Fill in at least one row.") % {"sheet": sheet.name}
        )
    reader.note_merged(sheet)
    _compare(candidates, program, mode=mode, reader=reader, outcome=outcome)
    outcome.findings.sort(key=lambda found: (found["row"], found["column"]))
    outcome.elements = book.count_elements() if outcome.findings else 0
    return outcome


def _find_list(book: Workbook) -> tuple[Sheet, Layout, Iterator[Row]]:
    """The first sheet with a header row, visible ones first, and the rows below the header."""
    for sheet in sorted(book.sheets, key=lambda sheet: sheet.hidden):
        rows = book.rows(sheet)
        head = list(itertools.islice(rows, HEADER_WITHIN))
        if found := find_header(head):
            layout, used = found
            return sheet, layout, itertools.chain(head[used:], rows)
    names = ", ".join(f"“{name}”" for name in labels(_("your currency")).values())
    message = _(
        "No sheet has a header row with the columns of the template: %(names)s. Download the template and copy the list into it."
    )
    raise Refused(message % {"names": names})


class _Reader:
    """Turns rows into candidates and notes what is wrong with them."""

    def __init__(self, layout: Layout, currency: str, pictures: Pictures, findings: list[Finding]) -> None:
        self.layout, self.currency, self.pictures, self.findings = layout, currency, pictures, findings
        self.columns = layout.columns
        self.last_row = layout.header_row
        self.seen: dict[str, int] = {}
        self.folded: dict[str, int] = {}

    def note(self, code: str, row: int, column: int, found: str, **more: Any) -> None:
        """Add a finding."""
        self.findings.append(finding(code, row, column, found, **more))

    def fault(self, code: str, row: int, key: str, found: str, **more: Any) -> None:
        """Add a finding about a field; more values of a price's sentences are added here."""
        if code.startswith("price"):
            more |= {
                "currency": self.currency,
                "example": f"{to_major(990 * 10 ** max(exponent(self.currency) - 2, 0), self.currency):f}",
                "least": format_money(PRICE_MINIMUM, self.currency),
                "most": format_money(PRICE_MAXIMUM, self.currency),
            }
        self.note(code, row, self.columns[key], found, **more)

    def is_item(self, row: Row) -> bool:
        """Whether any of our columns holds more than spaces."""
        for number in self.columns.values():
            cell = row.cells.get(number)
            if cell and (cell.kind == "formula" or cell.text.strip()):
                return True
        return False

    def candidate(self, row: Row) -> Candidate | None:
        """The row's values, or None with its faults noted."""
        self.last_row = row.number
        before = len(self.findings)
        texts = {key: self._text(row, key) for key in self.columns}
        product_id = self._product_id(row.number, texts["product_id"])
        name = self._cleaned(row.number, "name", texts["name"])
        price = self._price(row.number, texts["price"])
        description = self._cleaned(row.number, "description", texts["description"]) if "description" in self.columns else None
        image = self._image(row.number, texts.get("image") or "")
        has_fault = len(self.findings) > before and any(CAUSES[found["code"]].is_fault for found in self.findings[before:])
        if row.hidden:
            self.note("hidden", row.number, self.columns["product_id"], product_id or "")
        if has_fault or product_id is None or name is None or price is None:
            return None
        return Candidate(row.number, product_id, name, price, description, image)

    def _text(self, row: Row, key: str) -> str | None:
        """The text of a cell, None when something stands there that is no text; then it is noted."""
        cell = row.cells.get(self.columns[key])
        if cell is None:
            return ""
        if cell.kind == "text" or (cell.kind == "number" and key == "price"):
            return cell.text
        return self._other_kind(row.number, key, cell)

    def _other_kind(self, row: int, key: str, cell: Cell) -> str | None:
        if cell.kind == "number" and key != "product_id":
            self.fault("number", row, key, cell.text)
            return cell.text
        self.fault("id_number" if cell.kind == "number" else cell.kind, row, key, cell.text)
        return None

    def _product_id(self, row: int, text: str | None) -> str | None:
        if text is None:
            return None
        if not _ID.fullmatch(text):
            code = "id_missing" if not text.strip() else "id_long" if _ID.fullmatch(text[:64]) else "id_characters"
            self.fault(code, row, "product_id", text)
            return None
        if text in self.seen:
            self.fault("id_repeated", row, "product_id", text, other=self.layout.cell(self.seen[text], "product_id"))
            return None
        twin = self.folded.setdefault(text.casefold(), row)
        if twin != row:
            self.fault("id_twin", row, "product_id", text, other=self.layout.cell(twin, "product_id"))
        self.seen[text] = row
        return text

    def _cleaned(self, row: int, key: str, text: str | None) -> str | None:
        """A name or a description by the rules."""
        if text is None:
            return None
        limit = rules.NAME_LIMIT if key == "name" else rules.DESCRIPTION_LIMIT
        if (
            text.isprintable()
            and len(text) <= limit
            and (stripped := text.strip() or ("" if key == "description" else None)) is not None
        ):
            return stripped
        try:
            return rules.clean_name(text) if key == "name" else rules.clean_description(text)
        except ValidationError:
            is_missing = key == "name" and not any(letter.isprintable() and not letter.isspace() for letter in text)
            code = "missing" if is_missing else "long" if len(text.strip()) > limit else "invisible"
            self.fault(f"{key}_{code}", row, key, text)
            return None

    def _price(self, row: int, text: str | None) -> int | None:
        if text is None:
            return None
        try:
            return rules.clean_price(text, self.currency)
        except ValidationError:
            self.fault(self._price_fault(text.strip()), row, "price", text)
            return None

    def _price_fault(self, text: str) -> str:
        if not text:
            return "price_missing"
        if not (found := re.fullmatch(r"[0-9]+(?:\.([0-9]+))?", text)):
            return "price_format"
        return "price_decimals" if len(found[1] or "") > exponent(self.currency) else "price_range"

    def _image(self, row: int, text: str) -> str:
        """SHA-256 of the image that the cell names, "" when it names none."""
        name = text.strip()
        if not name:
            return ""
        key = name.casefold()
        if key in self.pictures.faults:
            self.fault("image_bad", row, "image", name, told=self.pictures.faults[key])
        elif found := self.pictures.known.get(key):
            return found
        elif self.pictures.has_zip or not _IMAGE_NAME.fullmatch(name):
            self.fault("image_unknown", row, "image", name)
        else:
            self.fault("image_absent", row, "image", name)
        return ""

    def note_merged(self, sheet: Sheet) -> None:
        """Merged cells inside the list; the record of them stands behind the rows."""
        first, last = min(self.columns.values()), max(self.columns.values())
        for reference in sheet.merged:
            corner = corners(reference)
            if (
                corner
                and self.layout.header_row < corner[2]
                and corner[0] <= self.last_row
                and corner[1] <= last
                and corner[3] >= first
            ):
                self.note("merged", corner[0], corner[1], reference)


# Against the items


def stored_items(program: MiniProgram, product_ids: list[str]) -> dict[str, Stored]:
    """The items with these ids as they are now, deleted ones too."""
    columns = ("pk", "product_id", "state", "version", "name", "price", "currency", "description", "image__sha256")
    rows = Item.objects.filter(mini_program=program, product_id__in=bulk.listed(product_ids, str))
    found = rows.values_list(*columns).iterator(chunk_size=5_000)
    return {values[1]: Stored._make([*values[:8], values[8] or ""]) for values in found}


def _compare(candidates: list[Candidate], program: MiniProgram, *, mode: str, reader: _Reader, outcome: Outcome) -> None:
    """Sort the candidates into new, changed and unchanged, or note why they cannot be written."""
    stored = stored_items(program, [candidate.product_id for candidate in candidates])
    for candidate in candidates:
        item = stored.get(candidate.product_id)
        if item is None:
            outcome.plan.new.append(Addition(*candidate[:4], candidate.description or "", candidate.image))
            continue
        changes = differences(candidate, item, reader.currency)
        if code := _obstacle(item, mode, is_changed=bool(changes)):
            reader.fault(code, candidate.row, "product_id", candidate.product_id)
        elif changes:
            outcome.plan.changed.append(Change(candidate.row, item.pk, item.version, item.product_id, changes))
        else:
            outcome.unchanged += 1


def differences(candidate: Candidate, item: Stored, currency: str) -> dict[str, list[Any]]:
    """[old, new] of each field in which the row differs. An empty image cell, and an absent column, keep what is stored."""
    wanted: Mapping[str, Any] = {
        "name": candidate.name,
        "price": candidate.price,
        "currency": currency,
        "description": item.description if candidate.description is None else candidate.description,
        "image": candidate.image or item.image,
    }
    return {key: [getattr(item, key), value] for key, value in wanted.items() if getattr(item, key) != value}


def _obstacle(item: Stored, mode: str, *, is_changed: bool) -> str:
    if item.state == Item.State.DELETED:
        return "id_deleted"
    if not is_changed:
        return ""
    if mode == Import.Mode.ADD_ONLY:
        return "id_exists"
    return "under_review" if item.state == Item.State.UNDER_REVIEW else ""
