"""Exports as workbooks: the same rows as the CSV, with types, and nothing in them that a program would carry out."""

import gc
import io
import shutil
import subprocess
import sys
from datetime import datetime
from zipfile import ZipFile

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from openpyxl import load_workbook

from console import exporting
from console.middleware import known_zone
from console.models import Job
from console.spreadsheets import Workbook
from orders.listings import order_listing
from orders.models import Order
from tests.orders.records import give_back
from tests.orders.test_export import AT, YEAR, Quiet, form, place, rows, table, url, written  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="compares COPY with the plain path")
STARTS = ("=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＋", "－", "＠")
CALLS = ("1+1", 'HYPERLINK("http://a.test","b")', "cmd|' /C calc'!A0", 'WEBSERVICE("http://a.test")', "<f>1+1</f>")
ESCAPED = (" a", "a ", "a&b", "<", "a\nb", "a\x01b", "a\ufffeb", "_x0041_")
PAYLOADS = [start + call for start in STARTS for call in CALLS]


def workbook(program, query=YEAR):
    listing = order_listing(program, QueryDict(query))
    target = io.BytesIO()
    done = exporting.write_workbook(listing, listing.matching, listing.columns, target, progress=Quiet())
    return target, done


def sheets(target):
    """The rows of the first sheet as dicts, and those of the last as tuples."""
    book = load_workbook(target)
    head, *body = book.worksheets[0].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in body], list(book["About"].values)


def as_csv(row):
    """A row of the workbook as the CSV writes it, without the guard."""
    return {name: "" if value is None else str(value) for name, value in row.items()}


def unguarded(row):
    return {name: value.removeprefix("'") for name, value in row.items()}


def test_the_job_makes_a_workbook(client, operator, starfall, url, form):  # noqa: F811
    place(starfall, "ORDER-1")
    client.force_login(operator)
    client.post(url, form | {"file": "xlsx"})
    job = Job.objects.get()
    assert job.state == "succeeded" and job.result["filename"].endswith(".xlsx")
    made, about = sheets(io.BytesIO(job.file.read()))
    at = datetime(2026, 3, 1, 20, 30)
    assert made == [{"Order number": "ORDER-1", "Created (UTC)": at, "Amount": 9.9, "Amount (minor units)": 990}]
    assert ("Rows", 1, None, None) in about and ("USD", "Amount", 9.9, 990) in about


def test_cells_have_types_and_formats(starfall):
    with timezone.override(known_zone("Asia/Kolkata")):
        place(starfall, "0012", amount=1990, currency="KWD", paid_amount=1990, refunded_amount=90)
        target, _done = workbook(starfall)
    cells = dict(zip(*load_workbook(target).worksheets[0].iter_rows(), strict=True))
    found = {head.value: cell for head, cell in cells.items()}
    assert (found["Order number"].value, found["Order number"].number_format) == ("0012", "@")
    assert found["Created (Asia/Kolkata)"].value == datetime(2026, 3, 2, 2, 0) and found["Created (Asia/Kolkata)"].is_date
    assert (found["Amount"].value, found["Amount"].number_format) == (1.99, "#,##0.000")
    assert found["Refunded amount"].value == -0.09 and found["Paid (Asia/Kolkata)"].value is None


def test_the_head_is_frozen_and_bold(starfall):
    place(starfall, "ORDER-1")
    sheet = load_workbook(workbook(starfall)[0]).worksheets[0]
    assert sheet.freeze_panes == "A2" and sheet["A1"].font.b and sheet.column_dimensions["A"].width == 30


def test_no_payload_is_a_formula(starfall):
    for number, payload in enumerate(PAYLOADS):
        place(starfall, f"ORDER-{number:02d}", product_name=payload)
    target, _done = workbook(starfall)
    column = [cell for cell, *_others in load_workbook(target).worksheets[0].iter_rows(min_row=2, min_col=3, max_col=3)]
    assert len(PAYLOADS) == 60 and {cell.value for cell in column} == set(PAYLOADS)
    assert {cell.data_type for cell in column} <= {"s", "str"}


def test_what_xml_cannot_hold_is_left_out_and_codes_stay_text(starfall):
    place(starfall, "ORDER-1", product_name="a\x01\x1f\ufffeb", attach="_x0041_x0042_")
    target, _done = workbook(starfall)
    assert sheets(target)[0][0]["Item"] == "ab"
    with Workbook(target) as book:
        texts = [cell.text for row in book.rows(book.sheets[0]) for cell in row.cells.values()]
    assert "_x0041_x0042_" in texts


def test_rows_beyond_a_sheet_go_to_the_next(starfall, monkeypatch):
    monkeypatch.setattr(exporting, "SHEET_ROWS", 2)
    for number in range(4):
        place(starfall, f"ORDER-{number}")
    target, done = workbook(starfall)
    book = load_workbook(target)
    assert book.sheetnames == ["Orders", "Orders 2", "About"]
    assert [sheet.max_row for sheet in book.worksheets[:2]] == [3, 3] and done.totals.rows == 4


def test_an_export_without_rows_has_a_head(starfall):
    target, done = workbook(starfall)
    assert sheets(target)[0] == [] and done.totals.rows == 0


@on_postgresql
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_the_workbook_is_the_same_by_either_path(starfall, monkeypatch, made):
    Order.objects.all().delete()
    for number, (text, amount, currency) in enumerate(made):
        fields = {"product_name": text, "attach": text, "open_id": text or "x", "amount": amount, "currency": currency}
        place(starfall, f"ORDER-{number}", paid_at=AT if number % 2 else None, **fields)
    copied, _done = workbook(starfall)
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_copied", exporting._plain)
        plain, _again = workbook(starfall)
    both = [[list(sheet.values) for sheet in load_workbook(target).worksheets[:-1]] for target in (copied, plain)]
    assert both[0] == both[1]


@on_postgresql
@pytest.mark.parametrize("text", [*ESCAPED, "a b", "a|b", "_x", "=1"])
def test_one_look_at_a_row_finds_each_text_that_needs_escaping(starfall, monkeypatch, text):
    place(starfall, "ORDER-1", product_name=text)
    place(starfall, "ORDER-2", attach=text)
    copied, _done = workbook(starfall)
    monkeypatch.setattr(exporting, "_copied", exporting._plain)
    plain, _again = workbook(starfall)
    rows, expected = (ZipFile(target).read("xl/worksheets/sheet1.xml") for target in (copied, plain))
    assert rows == expected and (b'xml:space="preserve"' in rows) is (text in ESCAPED)


def test_the_rows_of_the_workbook_are_those_of_the_csv(starfall):
    for number, text in enumerate(("=1", "Gems & <more>", "a\nb", " spaced ", "")):
        give_back(place(starfall, f"ORDER-{number}", product_name=text, paid_amount=990), f"R-{number}")
    found = [as_csv(row) for row in sheets(workbook(starfall)[0])[0]]
    expected = [unguarded(row) for row in table(written(starfall)[0])]
    for name in ("Order number", "Item", "Created (UTC)", "Amount (minor units)", "Payment", "Player", "Quantity", "Kind"):
        assert [row[name] for row in found] == [row[name] for row in expected]
    assert [float(row["Amount"]) for row in found] == [float(row["Amount"]) for row in expected]


def through_libreoffice(data: bytes, ending: str, folder, separator=","):
    """What LibreOffice makes of a file when it opens it and writes it as a workbook again."""
    (folder / f"orders.{ending}").write_bytes(data)
    profile, out = f"-env:UserInstallation=file://{folder}/profile", folder / "out"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(out)]
    # The token after the character set: text is taken as it would be by somebody who opens the file and changes nothing.
    options = [f"--infilter=Text - txt - csv (StarCalc):{ord(separator)},34,76"] if ending == "csv" else []
    subprocess.run([*command, *options, str(folder / f"orders.{ending}")], check=True, capture_output=True)
    return load_workbook(out / "orders.xlsx")


class Full(io.BytesIO):
    """A disk that is full after the head of the file."""

    def write(self, block):
        if self.tell() > 100:
            raise OSError("No space left on device")
        return super().write(block)


def test_a_workbook_that_failed_is_let_go_without_a_word(starfall):
    place(starfall, "ORDER-1")
    listing, target, told = order_listing(starfall, QueryDict(YEAR)), Full(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", told.append)
        with pytest.raises(OSError, match="No space left"):
            exporting.write_workbook(listing, listing.matching, listing.columns, target, progress=Quiet())
        target.close()
        gc.collect()
    assert told == []


with_libreoffice = pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")


@with_libreoffice
def test_libreoffice_reads_the_types_and_carries_out_no_payload(starfall, tmp_path):
    for number, payload in enumerate(PAYLOADS):
        place(starfall, f"00{number:02d}", product_name=payload, paid_amount=990, refunded_amount=90)
    book = through_libreoffice(workbook(starfall)[0].getvalue(), "xlsx", tmp_path)
    head, *rows = book.worksheets[0].iter_rows()
    column = {cell.value: place for place, cell in enumerate(head)}
    for row in rows:
        assert {cell.data_type for cell in row if cell.value is not None} <= {"s", "n", "d"}
        assert row[0].data_type == "s" and row[column["Created (UTC)"]].value == AT.replace(tzinfo=None)
        assert row[column["Refunded amount"]].value == -0.9 and row[column["Amount (minor units)"]].value == 990
    shown = {row[column["Item"]].value for row in rows}
    # It drops a carriage return at the head of a text, as XML does.
    assert len(rows) == 60 and {text.lstrip("\r\n") for text in shown} >= {text.lstrip("\r\n") for text in PAYLOADS}
    assert book.sheetnames == ["Orders", "About"]


@with_libreoffice
def test_libreoffice_carries_out_no_payload_of_the_csv(starfall, tmp_path):
    for number, payload in enumerate(PAYLOADS):
        place(starfall, f"ORDER-{number:02d}", product_name=payload)
    sheet = through_libreoffice(written(starfall)[0], "csv", tmp_path).worksheets[0]
    assert sheet.max_row == 61
    assert not [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@with_libreoffice
@pytest.mark.parametrize("separator", [";", "\t"])
def test_libreoffice_carries_out_no_payload_where_its_lists_are_separated_otherwise(starfall, tmp_path, separator):
    """As Excel does where the computer's list separator is a semicolon: it splits texts, and line ends in them end the row."""
    for number, payload in enumerate(PAYLOADS):
        around = ("x{sep}{it}{sep}", "x{sep}{it}", 'x{sep}"{it}{sep}"', "x\n{it}{sep}", "x{sep} {it}")[number % 5]
        text = around.format(sep=separator, it=payload)
        place(starfall, f"ORDER-{number:02d}", product_name=text, attach=f"y{separator}{payload}")
    sheet = through_libreoffice(written(starfall)[0], "csv", tmp_path, separator).worksheets[0]
    assert sheet.max_row > 60 and sheet.max_column > 1
    assert not [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
