"""A corpus of workbooks as programs and people make them, each with exactly what the check finds. Made here, not stored."""

import io
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from items.importing.findings import CAUSES, told
from items.models import Item
from tests.items.workbooks import (
    HEADER,
    STRICT,
    STRICT_LINKS,
    codes,
    inline_rows,
    package,
    uploaded,
    workbook,
)  # fmt: skip

GOOD = ["coin", "Coin", 0.99, "Shines", None]


def row(product_id="coin", name="Coin", price=1, description=None, image=None):
    return [product_id, name, price, description, image]


def by_xlsxwriter(write, **options):
    """The bytes of a workbook by XlsxWriter, as pandas writes them; `write(sheet, book)` fills it."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as book:
        write(book.add_worksheet("Sheet1"), book)
    return out.getvalue()


def like_pandas(sheet, book):
    bold = book.add_format({"bold": True, "border": 1})
    for column, label in enumerate(HEADER):
        sheet.write(0, column, label, bold)
    sheet.write_row(1, 0, GOOD)


def plain(sheet, _book):
    sheet.write_row(0, 0, HEADER)
    sheet.write_row(1, 0, GOOD)


def hidden_and_merged(sheet):
    sheet.row_dimensions[2].hidden = True
    sheet.merge_cells("A3:A4")


def second_sheet(sheet):
    other = sheet.parent.create_sheet("Notes", 0)
    other["A1"] = "Read me first"


def hidden_first(sheet):
    other = sheet.parent.create_sheet("Old", 0)
    other.sheet_state = "hidden"
    other.append(HEADER)
    other.append(row("old", "Old", 1))
    sheet.parent.active = 1


INLINE = inline_rows(HEADER, ["coin", "Coin", "0.99", "Shines"])
TEXT = ["coin", "Coin", "0.99", "Shines"]

#: Read without a fault: the bytes, and the codes of warnings.
GOOD_FILES = {
    "openpyxl": (workbook(GOOD), []),
    "xlsxwriter": (by_xlsxwriter(plain), []),
    "xlsxwriter constant memory": (by_xlsxwriter(plain, constant_memory=True, in_memory=False), []),
    "pandas": (by_xlsxwriter(like_pandas), []),
    "inline strings without references": (package(inline_rows(HEADER, TEXT, references=False)), []),
    "prefixed names as the Open XML SDK writes": (package(inline_rows(HEADER, TEXT, prefix="x")), []),
    "strict": (package(inline_rows(HEADER, TEXT, main=STRICT), main=STRICT, links=STRICT_LINKS), []),
    "utf-16": (package(('<?xml version="1.0" encoding="UTF-16"?>' + INLINE).encode("utf-16")), []),
    "a title above the header": (workbook(GOOD, before=[["Our items"], []]), []),
    "columns reordered": (
        workbook(
            ["Coin", "coin", None, 0.99, "Shines"],
            header=["Name", "Item ID", "Image file name", "Price in USD", "Description"],
        ),
        [],
    ),
    "labels in other capitals": (workbook(GOOD, header=[label.upper() for label in HEADER]), []),
    "keys as the header": (workbook(GOOD, header=["product_id", "name", "price", "description", "image"]), []),
    "price header with the currency in brackets": (
        workbook(GOOD, header=["ID", "Name", "Price (USD)", "Description", "Image"]),
        [],
    ),
    "without optional columns": (workbook(["coin", "Coin", 0.99], header=HEADER[:3]), []),
    "price as text": (workbook(row(price="0.99")), []),
    "price with fifteen digits": (
        package(INLINE.replace('t="inlineStr"><is><t>0.99</t></is>', "><v>0.98999999999999999</v>")),
        [],
    ),
    "the list on the second sheet": (workbook(GOOD, change=second_sheet), []),
    "a hidden sheet before it": (workbook(GOOD, change=hidden_first), []),
    "empty rows between": (workbook([], [" "], GOOD, []), []),
    "a column of their own": (workbook([*GOOD, "x"], header=[*HEADER, "Notes"]), ["column_unknown"]),
    "a number as name": (workbook(row(name=2048)), ["number"]),
    "capitals that differ": (workbook(row("gem", "Gem"), row("Gem", "Other")), ["id_twin"]),
    "an image that comes later": (workbook(row(image="coin.png")), ["image_absent"]),
}  # fmt: skip

#: Read, with faults: the rows, and (code, cell) of all that is found.
FAULTY = {
    "no id": ([row("")], [("id_missing", "A2")]),
    "id with a space": ([row("my coin")], [("id_characters", "A2")]),
    "id with a space behind": ([row("coin ")], [("id_characters", "A2")]),
    "id as a path": ([row("../x")], [("id_characters", "A2")]),
    "id with an accent": ([row("é")], [("id_characters", "A2")]),
    "id of 65": ([row("x" * 65)], [("id_long", "A2")]),
    "id as number": ([row(123)], [("id_number", "A2")]),
    "id as date": ([row(date(2026, 3, 1))], [("date", "A2")]),
    "id as truth": ([row(True)], [("boolean", "A2")]),
    "id twice": ([row("a"), row("b"), row("a")], [("id_repeated", "A4")]),
    "no name": ([row(name=None)], [("name_missing", "B2")]),
    "invisible name": ([row(name="\u200b\u200b")], [("name_missing", "B2")]),
    "name of 65": ([row(name="x" * 65)], [("name_long", "B2")]),
    "name that turns round": ([row(name="\u202egem")], [("name_invisible", "B2")]),
    "name as date": ([row(name=datetime(2026, 3, 1, 12))], [("date", "B2")]),
    "no price": ([row(price=None)], [("price_missing", "C2")]),
    "price zero": ([row(price=0)], [("price_range", "C2")]),
    "price too high": ([row(price=1_000_000)], [("price_range", "C2")]),
    "price negative": ([row(price=-1)], [("price_format", "C2")]),
    "price with three decimals": ([row(price=1.999)], [("price_decimals", "C2")]),
    "price in scientific notation": ([row(price="1e3")], [("price_format", "C2")]),
    "price in other digits": ([row(price="１２")], [("price_format", "C2")]),
    "price with a separator": ([row(price="1,000")], [("price_format", "C2")]),
    "price with a currency": ([row(price="$1")], [("price_format", "C2")]),
    "price not a number": ([row(price="NaN")], [("price_format", "C2")]),
    "price as truth": ([row(price=False)], [("boolean", "C2")]),
    "price as date": ([row(price=date(2026, 3, 1))], [("date", "C2")]),
    "price as formula": ([row(price="=SUM(1,2)")], [("formula", "C2")]),
    "description of 1025": ([row(description="x" * 1025)], [("description_long", "D2")]),
    "description with a control character": ([row(description="a\u202eb")], [("description_invisible", "D2")]),
    "image as a path": ([row(image="../../x.png")], [("image_unknown", "E2")]),
    "many in one row": (
        [row("a b", "", "x", "x" * 1025)],
        [("id_characters", "A2"), ("name_missing", "B2"), ("price_format", "C2"), ("description_long", "D2")],
    ),
    "a fault in every second row": (
        [row(f"i{n}", price=n % 2) for n in range(4)],
        [("price_range", "C2"), ("price_range", "C4")],
    ),
}  # fmt: skip

#: Refused as a whole: the bytes, and a part of the sentence.
REFUSED = {
    "no header": (workbook(header=["a", "b", "c"]), "No sheet has a header row"),
    "header too far down": (workbook(GOOD, before=[["x"]] * 25), "No sheet has a header row"),
    "empty file": (workbook(header=[]), "No sheet has a header row"),
    "no rows": (workbook(), "no item below the header"),
    "no price column": (workbook(["a", "b"], header=HEADER[:2]), "lacks these columns: Price in USD"),
    "two name columns": (workbook(GOOD, header=["Item ID", "Name", "Price in USD", "Name"]), "two columns headed “Name”"),
    "another currency": (workbook(GOOD, header=["Item ID", "Name", "Price in JPY"]), "in JPY"),
    "10,001 rows": (package(inline_rows(HEADER, *[[f"i{n}", "N", "1"] for n in range(10_001)])), "more than 10,000 rows"),
    "a far cell": (workbook(GOOD, change=lambda sheet: sheet.cell(1_048_576, 1, "x")), "A1048576"),
    "csv": (b"Item ID,Name,Price\ncoin,Coin,1\n", "CSV"),
    "empty": (b"", "0 bytes"),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_good_workbooks_are_read_whoever_wrote_them(starfall, developer, merchant, name):
    content, warnings = GOOD_FILES[name]
    run = uploaded(starfall, content, by=developer)
    assert (run.state, run.reason, run.faulty) == ("checked", "", 0)
    assert [code for code, _cell in codes(run)] == warnings
    assert run.new == run.rows >= 1
    if not warnings:
        assert run.plan["new"][0][1] == "coin" and run.plan["new"][0][3] in (99, 100)


@pytest.mark.parametrize("name", FAULTY)
def test_every_fault_is_found_at_its_cell(starfall, developer, merchant, name):
    rows, expected = FAULTY[name]
    run = uploaded(starfall, workbook(*rows), by=developer)
    assert codes(run) == expected
    assert run.faulty == len({cell[1:] for _code, cell in expected})
    assert run.annotated


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_list_of_items_is_refused_with_a_sentence(starfall, developer, merchant, name):
    content, says = REFUSED[name]
    run = uploaded(starfall, content, by=developer)
    assert run.state == "refused" and says in run.reason
    assert not run.findings and not Item.objects.exists()


def test_error_cells_are_faults(starfall, developer, merchant):
    xml = INLINE.replace('<c r="B2" t="inlineStr"><is><t>Coin</t></is></c>', '<c r="B2" t="e"><v>#REF!</v></c>')
    assert codes(uploaded(starfall, package(xml), by=developer)) == [("error", "B2")]


def test_hidden_rows_are_read_and_merged_cells_are_faults(starfall, developer, merchant):
    content = workbook(row("a"), row("b"), row("c"), change=hidden_and_merged)
    assert codes(uploaded(starfall, content, by=developer)) == [("hidden", "A2"), ("merged", "A3"), ("id_missing", "A4")]


def test_merged_cells_beside_and_above_the_list_are_no_fault(starfall, developer, merchant):
    def change(sheet):
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("H3:J4")

    assert codes(uploaded(starfall, workbook(GOOD, before=[["Title"]], change=change), by=developer)) == []


def test_the_largest_list_is_read(starfall, developer, merchant):
    rows = [[f"i{number}", "Name", "1.00"] for number in range(10_000)]
    run = uploaded(starfall, package(inline_rows(HEADER, *rows)), by=developer)
    assert (run.new, run.faulty) == (10_000, 0)


def test_every_cause_can_be_told_in_words():
    more = {"other": "A1", "example": "1", "currency": "USD", "least": "1", "most": "2", "told": "x"}
    for code in CAUSES:
        words = told({"code": code, "row": 2, "column": 1, "found": "", "more": more})
        assert words.expected and words.mend.endswith(".") and "%" not in words.expected and "Found: nothing" in words.comment


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.text(max_size=70).filter(lambda text: text.isprintable()),
    st.sampled_from(["coin", "gem", "1.5", "=SUM(A1)", "x" * 65]),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(VALUES, max_size=6), max_size=6), header=st.permutations(HEADER))
def test_a_random_workbook_is_checked_or_refused_and_writes_nothing(starfall, developer, merchant, rows, header):
    run = uploaded(starfall, workbook(*rows, header=header), by=developer)
    assert run.state == "checked" or run.reason.endswith(".")
    assert run.new + run.changed + run.unchanged + run.faulty >= run.rows
    assert not Item.objects.exists()
