"""Workbooks as programs write them, and as hand-made XML where a program would not."""

import io
import zipfile

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile

import items.imports  # noqa: F401 - the jobs register themselves
from console import jobs
from items.actions import imports as actions
from items.importing.findings import told
from tests.items.conftest import fresh

HEADER = ["Item ID", "Name", "Price in USD", "Description", "Image file name"]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_LINKS = "http://purl.oclc.org/ooxml/officeDocument/relationships"


def workbook(*rows, header=HEADER, before=(), change=None):
    """The bytes of an .xlsx with these rows, by openpyxl; `change(sheet)` alters it before it is saved."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (*before, header, *rows):
        sheet.append(list(row))
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and not cell.value.startswith("=SUM"):
                cell.data_type = "s"
    if change:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def package(sheet_xml, *, strings="", main=MAIN, links=LINKS, extra=None, styles=""):
    """A hand-zipped workbook around the XML of one sheet."""
    office = links.replace("/relationships", "")
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relations(("r1", f"{office}/relationships/officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": (
            f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet name="List" sheetId="1" r:id="r1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": relations(
            ("r1", f"{office}/relationships/worksheet", "/xl/worksheets/sheet1.xml"),
            ("r2", f"{office}/relationships/sharedStrings", "sharedStrings.xml"),
            ("r3", f"{office}/relationships/styles", "styles.xml"),
        ),
        "xl/worksheets/sheet1.xml": sheet_xml,
        "xl/sharedStrings.xml": strings or f'<sst xmlns="{main}"/>',
        "xl/styles.xml": styles or f'<styleSheet xmlns="{main}"/>',
    }
    return zipped(parts | (extra or {}))


def relations(*links):
    inner = "".join(f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>' for name, kind, target in links)
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'


def zipped(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def inline_rows(*rows, main=MAIN, references=True, prefix=""):
    """Sheet XML of inline strings, with or without cell references, without a dimension record."""
    mark = f"{prefix}:" if prefix else ""
    space = f'xmlns:{prefix}="{main}"' if prefix else f'xmlns="{main}"'
    body = ""
    for number, row in enumerate(rows, start=1):
        cells = ""
        for column, text in enumerate(row):
            place = f' r="{chr(65 + column)}{number}"' if references else ""
            cells += f'<{mark}c{place} t="inlineStr"><{mark}is><{mark}t>{text}</{mark}t></{mark}is></{mark}c>'
        place = f' r="{number}"' if references else ""
        body += f"<{mark}row{place}>{cells}</{mark}row>"
    return f"<{mark}worksheet {space}><{mark}sheetData>{body}</{mark}sheetData></{mark}worksheet>"


def uploaded(program, content, *, by, mode="add_and_update", name="items.xlsx", images=None):
    """Upload a workbook and let the worker check it."""
    pictures = SimpleUploadedFile("images.zip", images) if images else None
    run = actions.upload(program, actor=by, file=SimpleUploadedFile(name, content), mode=mode, images=pictures)
    return worked(run)


def worked(run):
    """Let the worker do the import's job."""
    jobs.run_job(run.job_id)
    return fresh(run)


def confirmed(run, *, by):
    """Confirm and let the worker write."""
    return worked(actions.confirm(run, actor=by))


def codes(run):
    """(code, cell) of every finding."""
    return [(found["code"], told(found).cell) for found in run.findings]
