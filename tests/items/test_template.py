"""The template: what people get, and that it can be imported."""

import io

import openpyxl
import pytest
from django.urls import reverse

from console.spreadsheets import Workbook
from items.importing.columns import find_header
from items.importing.template import write_template
from tests.items.workbooks import uploaded


def downloaded(client, program, person):
    client.force_login(person)
    return client.get(reverse("items:template", kwargs={"app_id": program.app_id}))


def opened(response):
    return openpyxl.load_workbook(io.BytesIO(b"".join(response.streaming_content)))


def test_a_developer_downloads_the_template(client, starfall, developer, merchant):
    response = downloaded(client, starfall, developer)
    book = opened(response)
    sheet = book["Items"]
    assert response.headers["Content-Disposition"] == f'attachment; filename="items-{starfall.app_id}.xlsx"'
    assert [cell.value for cell in sheet[1]] == ["Item ID", "Name", "Price in USD", "Description", "Image file name"]
    assert [cell.value for cell in sheet[2]] == ["product_id", "name", "price USD", "description", "image"]
    assert sheet.row_dimensions[2].hidden and sheet.freeze_panes == "B3"
    assert sheet.column_dimensions["A"].number_format == "@"
    assert {str(rule.sqref) for rule in sheet.data_validations.dataValidation} == {
        f"{letter}3:{letter}10002" for letter in "ABCDE"
    }


def test_who_may_download_it(client, starfall, merchant, operator, stranger):
    assert [downloaded(client, starfall, person).status_code for person in (operator, stranger)] == [403, 404]


def test_the_instructions_name_rules_limits_currency_and_two_examples(client, starfall, developer, merchant):
    text = "\n".join(str(cell) for row in opened(downloaded(client, starfall, developer))["Instructions"].values for cell in row)
    for part in ("USD 0.01", "USD 999,999.99", "10,000 rows", "5 MB", "gems_100", "sword-of-dawn", "paste values only"):
        assert part in text


@pytest.mark.parametrize(("currency", "code", "kind"), [("JPY", "0", "whole"), ("KWD", "0.000", "decimal")])
def test_prices_have_the_decimals_of_the_currency(currency, code, kind):
    out = io.BytesIO()
    write_template(out, currency)
    sheet = openpyxl.load_workbook(out)["Items"]
    assert sheet.column_dimensions["C"].number_format == code
    assert {rule.type for rule in sheet.data_validations.dataValidation} == {"textLength", kind}


def test_an_empty_template_is_told_to_have_no_rows(starfall, developer, merchant):
    out = io.BytesIO()
    write_template(out, "USD")
    run = uploaded(starfall, out.getvalue(), by=developer)
    assert run.state == "refused" and "no item below the header" in run.reason


def test_the_hidden_keys_win_over_labels_that_somebody_changed(starfall, developer, merchant):
    out = io.BytesIO()
    write_template(out, "USD", [["coin", "Coin", 1, "", ""]])
    book = openpyxl.load_workbook(out)
    book["Items"]["A1"], book["Items"]["B1"] = "Name", "Item ID"
    out = io.BytesIO()
    book.save(out)
    run = uploaded(starfall, out.getvalue(), by=developer)
    assert run.plan["new"] == [[3, "coin", "Coin", 100, "", ""]]


def test_a_template_of_another_currency_is_refused(starfall, developer, merchant):
    out = io.BytesIO()
    write_template(out, "JPY", [["coin", "Coin", 1, "", ""]])
    run = uploaded(starfall, out.getvalue(), by=developer)
    assert run.state == "refused" and "in JPY" in run.reason and "USD" in run.reason


def test_the_header_is_found_below_a_title():
    out = io.BytesIO()
    write_template(out, "USD")
    with Workbook(out) as book:
        layout, used = find_header(list(book.rows(book.sheets[0])))
    assert (layout.header_row, used, layout.currency) == (2, 2, "USD")
