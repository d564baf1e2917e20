"""Workbooks as each program really writes them, and what the check finds in each: pandas and LibreOffice themselves, and by hand
what Numbers, WPS, Google Sheets and Excel are known to write."""

import io
import shutil
import subprocess
from datetime import date

import openpyxl
import pandas
import pytest

from items.importing.template import write_template
from tests.items.workbooks import HEADER, LINKS, MAIN, STRICT, STRICT_LINKS, codes, confirmed, package, relations, uploaded

ROWS = {"Item ID": ["coin", "gem"], "Name": ["Coin", "Gem"], "Price in USD": [0.99, 5.0]}


def by_pandas(columns, engine="openpyxl", **options):
    out = io.BytesIO()
    pandas.DataFrame(columns).to_excel(out, engine=engine, **{"index": False, **options})
    return out.getvalue()


def outer(group):
    """Columns under one heading, which pandas merges."""
    return {(group, name): values for name, values in ROWS.items()}


#: The bytes, and (code, cell) of all that is found.
PANDAS = {
    "by openpyxl": (by_pandas(ROWS), []),
    "by XlsxWriter": (by_pandas(ROWS, "xlsxwriter"), []),
    "its index has no heading": (by_pandas(ROWS, index=True), []),
    "its index has one": (by_pandas(ROWS, index=True, index_label="No"), [("column_unknown", "A1")]),
    "below a title": (by_pandas(ROWS, startrow=3, startcol=2), []),
    "a missing value is an empty cell": (by_pandas(ROWS | {"Name": ["Coin", None]}), [("name_missing", "B3")]),
    "a missing number too": (by_pandas(ROWS | {"Price in USD": [0.99, float("nan")]}), [("price_missing", "C3")]),
    "a missing value by name": (by_pandas(ROWS | {"Price in USD": [0.99, None]}, na_rep="NaN"), [("price_format", "C3")]),
    "ids that became numbers": (by_pandas(ROWS | {"Item ID": [1, 2]}), [("id_number", "A2"), ("id_number", "A3")]),
    "names that became dates": (
        by_pandas(ROWS | {"Name": pandas.to_datetime(["2026-03-01", "2026-03-02"])}),
        [("date", "B2"), ("date", "B3")],
    ),
    "dates without a time": (by_pandas(ROWS | {"Name": ["Coin", date(2026, 3, 1)]}), [("date", "B3")]),
    "truth": (by_pandas(ROWS | {"Name": [True, "Gem"]}), [("boolean", "B2")]),
    "two rows of headings": (by_pandas(outer("Items"), index=True), []),
}  # fmt: skip


@pytest.mark.parametrize("name", PANDAS)
def test_pandas(starfall, developer, merchant, name):
    content, expected = PANDAS[name]
    run = uploaded(starfall, content, by=developer)
    assert (run.state, run.reason, codes(run)) == ("checked", "", expected)
    assert run.rows == 2 and run.new == 2 - run.faulty


# LibreOffice itself

TYPED = "Item ID,Name,Price in USD,Description\n00123,Coin,0.99,2026-03-01\nMAR1,TRUE,1.5,x\n2026-03-01,Gem,2,=1+1\n"


@pytest.fixture(scope="module")
def saved_by_libreoffice(tmp_path_factory):
    """What LibreOffice makes of our template, filled, and of a list typed as CSV."""
    if not shutil.which("soffice"):
        pytest.skip("LibreOffice is not installed")
    folder = tmp_path_factory.mktemp("libreoffice")
    out = io.BytesIO()
    write_template(out, "USD")
    book = openpyxl.load_workbook(out)
    book.worksheets[0].append(["00123", "Coin ¥ “new”", 0.99, "Shines", None])
    book.save(folder / "template.xlsx")
    (folder / "typed.csv").write_text(TYPED)
    sources = [str(folder / name) for name in ("template.xlsx", "typed.csv")]
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to"]
    for kind in ("xlsx", "ods"):
        subprocess.run([*command, kind, "--outdir", str(folder / "saved"), *sources], check=True, capture_output=True)
    return folder / "saved"


def test_a_template_filled_and_saved_in_libreoffice_is_imported(starfall, developer, merchant, saved_by_libreoffice):
    run = uploaded(starfall, (saved_by_libreoffice / "template.xlsx").read_bytes(), by=developer)
    assert (run.state, run.new, run.faulty) == ("checked", 1, 0)
    assert confirmed(run, by=developer).state == "applied"
    item = starfall.items.get()
    assert (item.product_id, item.name, item.price) == ("00123", "Coin ¥ “new”", 99)


def test_what_libreoffice_took_for_numbers_and_dates_is_told(starfall, developer, merchant, saved_by_libreoffice):
    run = uploaded(starfall, (saved_by_libreoffice / "typed.xlsx").read_bytes(), by=developer)
    assert codes(run) == [
        ("id_number", "A2"), ("date", "D2"), ("date", "A4"), ("formula", "D4"),
    ]  # fmt: skip


def test_its_own_format_is_refused_with_what_to_do(starfall, developer, merchant, saved_by_libreoffice):
    run = uploaded(starfall, (saved_by_libreoffice / "typed.ods").read_bytes(), by=developer, name="typed.xlsx")
    assert run.state == "refused" and "OpenDocument" in run.reason and ".xlsx" in run.reason


# By hand: what other programs write

DATES = f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
WIDER = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:x14ac="urn:x14ac" mc:Ignorable="x14ac"'


def shared(*texts, space=MAIN):
    """Shared strings: each a text, or XML when it begins with <."""
    inner = "".join(f"<si>{text if text.startswith('<') else f'<t>{text}</t>'}</si>" for text in texts)
    return f'<sst xmlns="{space}" count="{len(texts)}" uniqueCount="{len(texts)}">{inner}</sst>'


def sheet(*rows, space=MAIN, before="", after="", names=""):
    body = "".join(f'<row r="{number}">{cells}</row>' for number, cells in enumerate(rows, start=1))
    return f'<worksheet xmlns="{space}" {names}>{before}<sheetData>{body}</sheetData>{after}</worksheet>'


def strings(row, *numbers):
    return "".join(f'<c r="{chr(65 + column)}{row}" t="s"><v>{number}</v></c>' for column, number in enumerate(numbers))


def outline(sheets, before=""):
    return f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">{before}<sheets>{sheets}</sheets></workbook>'


HEAD = strings(1, 0, 1, 2, 3, 4)
TEXTS = [*HEADER, "coin", "Coin"]
PRICE = '<c r="C2"><v>0.99</v></c>'
COIN = f'<c r="A2" t="s"><v>5</v></c><c r="B2" t="s"><v>6</v></c>{PRICE}'
RICH = '<r><rPr><b/></rPr><t>Co</t></r><r><t xml:space="preserve">in</t></r><rPh sb="0" eb="1"><t>x</t></rPh>'
BY_HAND = {
    "Excel: rich text, a guide to reading, spaces kept": (
        package(
            sheet(HEAD, COIN),
            strings=shared(*HEADER, "coin", RICH),
        ),
        [],
    ),
    "Excel: formatted empty rows below, a wrong dimension": (
        package(
            sheet(HEAD, COIN, '<c r="A3" s="1"/>', '<c r="B4" s="1"/>', before='<dimension ref="A1"/>', names=WIDER),
            strings=shared(*TEXTS),
        ),
        [],
    ),
    "Excel: a shared formula": (
        package(
            sheet(HEAD, COIN.replace("<v>0.99", '<f t="shared" ref="C2:C9" si="0">A1*2</f><v>0.99')),
            strings=shared(*TEXTS),
        ),
        [("formula", "C2")],
    ),
    "Excel on a Mac: dates from 1904": (
        package(
            sheet(HEAD, COIN.replace(PRICE, '<c r="C2" s="1"><v>44620</v></c>')),
            strings=shared(*TEXTS),
            styles=DATES,
            extra={
                "xl/workbook.xml": outline('<sheet name="List" sheetId="1" r:id="r1"/>', before='<workbookPr date1904="1"/>'),
            },
        ),
        [("date", "C2")],
    ),
    "Excel, strict: a date as ISO text": (
        package(
            sheet(HEAD, COIN.replace(PRICE, '<c r="C2" t="d"><v>2026-03-01</v></c>'), space=STRICT),
            strings=shared(*TEXTS, space=STRICT),
            main=STRICT,
            links=STRICT_LINKS,
        ),
        [("date", "C2")],
    ),
    "Google Sheets: a thousand empty rows, texts of formulas": (
        package(
            sheet(HEAD, COIN, *(f'<c r="A{n}" s="1"/><c r="C{n}" s="1"/>' for n in range(3, 1001))),
            strings=shared(*TEXTS),
            extra={"xl/drawings/drawing1.xml": "<wsDr/>"},
        ),
        [],
    ),
    "Google Sheets: a formula with a text": (
        package(
            sheet(HEAD, COIN.replace('<c r="B2" t="s"><v>6</v>', '<c r="B2" t="str"><f>UPPER("c")</f><v>C</v>')),
            strings=shared(*TEXTS),
        ),
        [("formula", "B2")],
    ),
    "Numbers: a summary first, the list on the second sheet below the name of its table": (
        package(
            sheet('<c r="A1" t="s"><v>7</v></c>'),
            strings=shared(*TEXTS, "This document was exported from Numbers."),
            extra={
                "xl/workbook.xml": outline(
                    '<sheet name="Export Summary" sheetId="1" r:id="r1"/><sheet name="Table 1" sheetId="2" r:id="r9"/>'
                ),
                "xl/_rels/workbook.xml.rels": relations(
                    ("r1", "x/worksheet", "worksheets/sheet1.xml"),
                    ("r9", "x/worksheet", "worksheets/sheet2.xml"),
                    ("r2", "x/sharedStrings", "sharedStrings.xml"),
                ),
                "xl/worksheets/sheet2.xml": sheet(
                    '<c r="A1" t="s"><v>7</v></c>',
                    strings(2, 0, 1, 2, 3, 4),
                    COIN.replace('2"', '3"'),
                    after='<mergeCells count="1"><mergeCell ref="A1:E1"/></mergeCells>',
                ),
            },
        ),
        [],
    ),
    "WPS: its own names beside the known ones, a header in other columns": (
        package(
            sheet(
                HEAD.replace('1" t', '1" s="1" t'),
                COIN,
                names='xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData"',
                after='<extLst><ext uri="{x}"><etc:x xmlns:etc="urn:wps"/></ext></extLst>',
            ),
            strings=shared(*TEXTS),
        ),
        [],
    ),
    "WPS: an image in a cell": (
        package(
            sheet(HEAD, COIN + '<c r="E2" t="str"><f>_xlfn.DISPIMG("ID_1",1)</f><v>=DISPIMG("ID_1",1)</v></c>'),
            strings=shared(*TEXTS),
        ),
        [("formula", "E2")],
    ),
    "escapes of characters": (
        package(sheet(HEAD, COIN), strings=shared(*HEADER, "coin", "Coin_x0020_one")),
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(starfall, developer, merchant, name):
    content, expected = BY_HAND[name]
    run = uploaded(starfall, content, by=developer)
    assert (run.state, run.reason, codes(run)) == ("checked", "", expected)
    assert run.rows == 1
    if not expected:
        assert run.plan["new"][0][1:4:2] == ["coin", 99] and run.plan["new"][0][2].startswith("Coin")
