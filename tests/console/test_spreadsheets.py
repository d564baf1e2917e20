"""The one door for workbooks: what is read, what is refused, and that refusing costs little."""

import io
import struct
import zipfile
from datetime import datetime

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from console.spreadsheets import (
    Cell,
    Field,
    Mark,
    Table,
    Workbook,
    WorkbookError,
    column_letters,
    corners,
    mark_cells,
    write_table,
)
from console.spreadsheets.archive import MAX_DIRECTORY
from console.spreadsheets.reading import column_number
from tests.items.workbooks import MAIN, STRICT, STRICT_LINKS, inline_rows, package, workbook, zipped


def rows(content):
    """The rows of the first sheet as lists of (kind, text)."""
    with Workbook(io.BytesIO(content)) as book:
        return [(row.number, {number: tuple(cell) for number, cell in row.cells.items()}) for row in book.rows(book.sheets[0])]


def texts(content):
    return [[cell[1] for cell in cells.values()] for _number, cells in rows(content)]


def refused(content):
    with pytest.raises(WorkbookError) as caught:
        rows(content)
    return str(caught.value)


def sheet(body, **more):
    return package(f'<worksheet xmlns="{MAIN}">{body}</worksheet>', **more)


def test_it_reads_what_openpyxl_writes():
    assert rows(workbook(["a", 1.5, True, None, "=1+1"], header=["x"])) == [
        (1, {1: ("text", "x")}),
        (2, {1: ("text", "a"), 2: ("number", "1.5"), 3: ("boolean", "TRUE"), 5: ("text", "=1+1")}),
    ]


@pytest.mark.parametrize("options", [{}, {"constant_memory": True}, {"strings_to_numbers": True}])
def test_it_reads_what_xlsxwriter_writes(options):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet("List")
        for number, row in enumerate([["Item ID", "Name"], ["00a", "😀"]]):
            page.write_row(number, 0, row)
        page.write_rich_string(2, 0, "a", book.add_format({"bold": True}), "b", "c")
        page.write_datetime(3, 0, datetime(2026, 3, 1), book.add_format({"num_format": "d mmm yyyy"}))
        page.write_formula(4, 0, "=1+1", None, 2)
    got = rows(out.getvalue())
    assert got[1] == (2, {1: ("text", "00a"), 2: ("text", "😀")})
    assert [cells[1] for _number, cells in got[2:]] == [("text", "abc"), ("date", "2026-03-01"), ("formula", "2")]


@pytest.mark.parametrize("references", [True, False])
@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("strict", [True, False])
def test_it_reads_inline_strings_with_and_without_references_prefixes_and_strict(references, prefix, strict):
    main = STRICT if strict else MAIN
    xml = inline_rows(["Item ID", "Name"], ["a", "b &amp; c"], main=main, references=references, prefix=prefix)
    more = {"main": STRICT, "links": STRICT_LINKS} if strict else {}
    assert texts(package(xml, **more)) == [["Item ID", "Name"], ["a", "b & c"]]


def test_shared_strings_leave_phonetic_guides_out_and_unescape():
    first = '<si><t>東</t><rPh sb="0" eb="1"><t>ヒガシ</t></rPh></si>'
    second = '<si><r><t xml:space="preserve"> a</t></r><r><t>_x000D_b</t></r></si>'
    strings = f'<sst xmlns="{MAIN}">{first}{second}</sst>'
    body = '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row></sheetData>'
    assert texts(sheet(body, strings=strings)) == [["東", " a\rb"]]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="A1"><v>9.9000000000000004</v></c>', Cell("number", "9.9")),
        ('<c r="A1"><v>1E3</v></c>', Cell("number", "1000")),
        ('<c r="A1"><v>1e-7</v></c>', Cell("number", "0.0000001")),
        ('<c r="A1"><v>1.0</v></c>', Cell("number", "1")),
        ('<c r="A1" t="b"><v>0</v></c>', Cell("boolean", "FALSE")),
        ('<c r="A1" t="e"><v>#N/A</v></c>', Cell("error", "#N/A")),
        ('<c r="A1" t="str"><v>x</v></c>', Cell("text", "x")),
        ('<c r="A1" t="str"><f>A2</f><v>x</v></c>', Cell("formula", "x")),
        ('<c r="A1"><f>A2</f></c>', Cell("formula", "")),
        ('<c r="A1" t="d"><v>2026-03-01</v></c>', Cell("date", "2026-03-01")),
        ('<c r="A1" s="1"><v>46082</v></c>', Cell("date", "2026-03-01")),
        ('<c r="A1" s="2"><v>46082.5</v></c>', Cell("date", "2026-03-01 12:00:00")),
        ('<c r="A1" s="3"><v>46082</v></c>', Cell("number", "46082")),
        ('<c r="A1" s="1"><v>1e300</v></c>', Cell("date", "1e+300")),
    ],
)
def test_cells_are_what_the_file_says(cell, expected):
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="[$-409]d\\-mmm"/>'
        '<numFmt numFmtId="165" formatCode="0.00&quot; days&quot;"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    body = f'<sheetData><row r="1">{cell}</row></sheetData>'
    assert rows(sheet(body, styles=styles))[0][1] == {1: tuple(expected)}


def test_hidden_rows_merged_cells_and_hidden_sheets_are_told():
    def change(page):
        page.row_dimensions[2].hidden = True
        page.merge_cells("A3:B4")

    with Workbook(io.BytesIO(workbook(["a"], ["b"], header=["x"], change=change))) as book:
        page = book.sheets[0]
        assert [(row.number, row.hidden) for row in book.rows(page)] == [(1, False), (2, True), (3, False)]
        assert page.merged == ["A3:B4"] and not page.hidden
    assert corners("$A$3:B4") == (3, 1, 4, 2) and corners("junk") is None


@given(st.integers(1, 16_384))
def test_column_letters_are_reversible(number):
    assert column_number(column_letters(number)) == number


# Files that are something else

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 bytes"),
        (OLE, "old Excel workbook (.xls)"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "protected with a password"),
        (b"Item ID,Name\na,b\n", "text file such as CSV"),
        ("Item ID\tName".encode("utf-16"), "text file such as CSV"),
        (b"\xef\xbb\xbf<html><table>", "web page"),
        (b"<?xml version='1.0'?><Workbook/>", "XML file"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "no Excel workbook"),
        (b"PK\x03\x04 cut off", "damaged"),
        (zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<a/>"}), "OpenDocument"),
        (zipped({"Index/Document.iwa": "x"}), "Numbers"),
        (zipped({"readme.txt": "x"}), "without a workbook"),
        (zipped({"[Content_Types].xml": "<a/>", "word/document.xml": "<a/>"}), "another kind of Office document"),
        (zipped({"[Content_Types].xml": "<a/>", "xl/workbook.bin": "x"}), ".xlsb"),
        (package("<a/>", extra={"xl/vbaProject.bin": "x"}), "macros"),
        (b"x" * (5 * 1024 * 1024 + 1), "limit is 5 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_get_a_sentence_that_says_what_to_do(content, says):
    assert says in refused(content)


# Hostile files


def many_entries(number):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for index in range(number):
            archive.writestr(f"{index}", "")
    return out.getvalue()


def test_a_hundred_thousand_entries_are_refused_before_the_directory_is_read(monkeypatch):
    content = many_entries(30_000)
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda _self: pytest.fail("zipfile read the directory"))
    assert "30000 parts" in refused(content)


def test_a_directory_that_lies_about_its_number_is_measured_by_its_size():
    content = bytearray(many_entries(10_000))
    at = content.rfind(b"PK\x05\x06")
    content[at + 8 : at + 12] = struct.pack("<HH", 3, 3)
    assert len(content) - at == 22 and struct.unpack("<I", content[at + 12 : at + 16])[0] > MAX_DIRECTORY
    assert "parts inside" in refused(bytes(content))


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    content = sheet("<sheetData>" + "<row/>" * 3_000_000 + "</sheetData>")
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_args: pytest.fail("a part was opened"))
    assert "unpacks to" in refused(content)


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml", "_rels/.rels"])
def test_document_types_are_refused_in_every_part(part):
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    assert "document type declaration" in refused(package(inline_rows(["x"]), extra={part: bomb}))


@pytest.mark.parametrize(("cell", "told"), [("A1048576", "A1048576"), ("XFD1", "XFD1")])
def test_a_far_cell_is_named(cell, told):
    row = cell.lstrip("AXFD")
    body = f'<sheetData><row r="{row}"><c r="{cell}"><v>1</v></c></row></sheetData>'
    assert told in refused(sheet(body))


def test_far_cells_without_a_value_are_no_fault():
    body = '<sheetData><row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData><dimension ref="A1:XFD1048576"/>'
    assert rows(sheet(body)) == []


def test_endless_elements_and_endless_tokens_are_stopped(monkeypatch):
    monkeypatch.setattr("console.spreadsheets.xml.MAX_ELEMENTS", 10_000)
    noise = "".join(f'<a b="{number}"/>' for number in range(20_000))
    assert "far more than a list" in refused(sheet(noise))
    chunks = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(700_000))
    assert "far more than a list" in refused(sheet(f'<a b="{chunks}"/>'))


@pytest.mark.parametrize(
    "body",
    [
        '<sheetData><row r="1"><c r="A1" t="s"><v>7</v></c></row></sheetData>',
        '<sheetData><row r="1"><c r="A1"><v>abc</v></c></row></sheetData>',
        '<sheetData><row r="x"><c r="A1"><v>1</v></c></row></sheetData>',
        '<sheetData><row r="2"><c r="A2"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c></row></sheetData>',
        '<sheetData><row r="1"><c r="Ä1"><v>1</v></c></row></sheetData>',
        '<sheetData><row r="1">',
    ],
)
def test_nonsense_is_called_damaged(body):
    assert "damaged" in refused(sheet(body))


def test_damaged_data_and_missing_parts_are_called_damaged():
    good = workbook(["a"])
    assert "damaged" in refused(good[: len(good) // 2])
    directory = good.index(b"PK\x01\x02")
    assert "damaged" in refused(good[:60] + bytes(directory - 60) + good[directory:])
    assert "damaged" in refused(zipped({"[Content_Types].xml": "<a/>", "xl/workbook.xml": "<a"}))


def test_targets_outside_the_file_do_not_exist():
    xml = '<Relationships><Relationship Id="r1" Type="x/worksheet" Target="../../../../etc/passwd"/></Relationships>'
    assert "damaged" in refused(package("<a/>", extra={"xl/_rels/workbook.xml.rels": xml}))


SMALL = workbook(["a", 1, True], ["b", "_x000D_", None])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_workbook_it_is_read_or_refused(data):
    content = bytearray(SMALL)
    for _change in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        with Workbook(io.BytesIO(bytes(content))) as book:
            assert all(row.cells for page in book.sheets for row in book.rows(page))
    except WorkbookError as error:
        assert str(error).endswith(".")


# Writing


def test_texts_that_look_like_formulas_or_escapes_stay_texts():
    values = ["=1+1", "_x0041_", "\ufffe", "a\nb", "+1"]
    out = io.BytesIO()
    write_table(out, Table("T", [Field("a", "A", 10)], [[value] for value in values]), pages={}, last_row=9)
    assert texts(out.getvalue())[2:] == [[value] for value in values]
    assert openpyxl.load_workbook(out).active["A3"].data_type == "s"


def test_a_marked_copy_keeps_the_rest():
    out = io.BytesIO()
    mark_cells(io.BytesIO(workbook(["a", "b"], header=["x", "y"])), out, sheet="Sheet", marks=[Mark(2, 2, "no", True)])
    page = openpyxl.load_workbook(out).active
    assert page["B2"].comment.text == "no" and page["A2"].value == "a" and page["A2"].comment is None


def test_openpyxl_failing_is_no_crash():
    with pytest.raises(WorkbookError):
        mark_cells(
            io.BytesIO(package(inline_rows(["x"], main=STRICT), main=STRICT, links=STRICT_LINKS)),
            io.BytesIO(),
            sheet="List",
            marks=[],
        )
