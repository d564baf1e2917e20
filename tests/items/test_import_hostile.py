"""Workbooks made to harm: each is refused with a sentence, and what was read until then is bounded. No clock: work is counted."""

import io
import struct
import zipfile

import pytest
from django.urls import reverse

from console.spreadsheets import reading
from items.actions import imports as actions
from items.importing import pictures
from items.models import Import, Item
from tests.items.conftest import upload
from tests.items.workbooks import HEADER, MAIN, codes, inline_rows, package, uploaded, workbook, zipped

MB = 1024 * 1024


def sheet(body, **more):
    return package(f'<worksheet xmlns="{MAIN}">{body}</worksheet>', **more)


def numbered(number, *, references=True):
    """So many rows below a header, each with an ID, a name and a price; packs well, but not suspiciously so."""
    place = ' r="{}"' if references else ""
    head = "".join(f'<c t="inlineStr"><is><t>{label}</t></is></c>' for label in HEADER[:3])
    rows = [
        f'<row{place.format(n)}><c t="str"><v>i{n * 7919 % 999_983}</v></c><c t="str"><v>N</v></c><c><v>{n % 997}.5</v></c></row>'
        for n in range(2, number + 2)
    ]
    return sheet(f"<sheetData><row>{head}</row>{''.join(rows)}</sheetData>")


def directory_of(number):
    """A zip that is nothing but a directory with so many entries."""
    name = b"a"
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    start, central = b"PK\x03\x04" + bytes(40), entry * number
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, number, number, len(central), len(start))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(start) + len(central), 1)
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, 0xFFFF, 0xFFFF, len(central), len(start), 0)
    return start + central + end64 + locator + end


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
#: The bytes, a part of the sentence, and how many bytes may be unpacked until it is said.
HOSTILE = {
    "a bomb of empty rows": (lambda: sheet("<sheetData>" + "<row/>" * 3_000_000 + "</sheetData>"), "unpacks to", 0),
    "a bomb beside the sheet": (lambda: package(inline_rows(HEADER), extra={"xl/media/a.bin": bytes(60 * MB)}), "unpacks to", 0),
    "a far row": (lambda: sheet('<sheetData><row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'), "A1048576", MB),
    "a far column": (lambda: sheet('<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData>'), "XFD1", MB),
    "300,000 rows": (lambda: numbered(300_000), "more than 10,000 rows", 2 * MB),
    "30,000 rows without numbers": (lambda: numbered(30_000, references=False), "more than 10,000 rows", 2 * MB),
    "100,000 parts": (lambda: directory_of(100_000), "100000 parts", 0),
    "a billion laughs": (
        lambda: package(f'<!DOCTYPE l [{LAUGHS}]><worksheet xmlns="{MAIN}">&l9;</worksheet>'),
        "document type declaration",
        MB,
    ),
    "an external entity": (
        lambda: package(inline_rows(HEADER), strings='<!DOCTYPE a SYSTEM "file:///etc/passwd"><sst/>'),
        "document type declaration",
        MB,
    ),
    "a text of 200,000 characters": (
        lambda: sheet(f'<sheetData><row r="1"><c r="A1" t="str"><v>{"abcdefghij" * 20_000}</v></c></row></sheetData>'),
        "more than 32,767 characters",
        MB,
    ),
    "merged cells without end": (
        lambda: sheet("<mergeCells>" + "".join(f'<mergeCell ref="A{n}:B{n}"/>' for n in range(1, 90_000)) + "</mergeCells>"),
        "merged cells",
        MB,
    ),
    "wide texts that fill the memory": (
        lambda: package(
            inline_rows(HEADER),
            strings=f'<sst xmlns="{MAIN}">' + "".join(f"<si><t>{n}😀{'x' * 300}</t></si>" for n in range(60_000)) + "</sst>",
        ),
        "far more texts",
        12 * MB,
    ),
    "texts without end": (
        lambda: package(
            inline_rows(HEADER),
            strings=f'<sst xmlns="{MAIN}">' + "".join(f"<si><t>{n}</t></si>" for n in range(300_100)) + "</sst>",
        ),
        "far more texts",
        8 * MB,
    ),
    "elements in elements": (lambda: sheet("<a>" * 200_000), "damaged", 2 * MB),
}  # fmt: skip


@pytest.fixture
def unpacked(monkeypatch):
    """Counts the bytes that come out of zips."""
    taken = []
    read = zipfile.ZipExtFile.read

    def counting(part, *size):
        block = read(part, *size)
        taken.append(len(block))
        return block

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    return taken


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_a_sentence_and_little_work(starfall, developer, merchant, unpacked, name):
    make, says, most = HOSTILE[name]
    run = uploaded(starfall, make(), by=developer)
    assert (run.state, run.job.state) == ("refused", "succeeded")
    assert says in run.reason and run.reason.endswith(".")
    assert sum(unpacked) <= most
    assert not run.findings and not Item.objects.exists()


def test_nothing_of_an_upload_is_opened_in_the_web_request(client, starfall, developer, merchant, monkeypatch):
    client.force_login(developer)
    with monkeypatch.context() as patch:
        for name in ("console.spreadsheets.reading.open_archive", "items.imports.add_zip", "items.imports.mark_cells"):
            patch.setattr(name, lambda *_arguments, **_more: pytest.fail("a file was opened in the request"))
        form = {
            "file": upload(directory_of(100_000), "items.xlsx"),
            "images": upload(directory_of(3), "a.zip"),
            "mode": "add_only",
        }
        response = client.post(reverse("items:import-upload", kwargs={"app_id": starfall.app_id}), form)
        page = client.get(response.url)
    assert response.status_code == 302 and page.status_code == 200
    assert Import.objects.get().state == "checking"


def test_a_zip_of_images_with_a_hundred_thousand_entries_is_not_read(starfall, developer, merchant, monkeypatch):
    monkeypatch.setattr(pictures.zipfile, "ZipFile", lambda *_arguments: pytest.fail("zipfile read the directory"))
    run = uploaded(starfall, workbook(["a", "A", 1]), by=developer, images=directory_of(100_000))
    assert run.state == "refused" and "more than 1,000 files" in run.reason


def test_an_image_that_unpacks_to_more_than_it_may_is_a_fault_and_not_unpacked(starfall, developer, merchant, unpacked):
    images = zipped({"big.png": bytes(40 * MB)})
    run = uploaded(starfall, workbook(["a", "A", 1, None, "big.png"]), by=developer, images=images)
    assert codes(run) == [("image_bad", "E2")] and sum(unpacked) < MB


def test_a_workbook_too_large_for_a_marked_copy_is_checked_all_the_same(starfall, developer, merchant, monkeypatch):
    """openpyxl holds every cell of every sheet; what the check did not read counts too."""
    monkeypatch.setattr("items.imports.MARKED_ELEMENTS", 1_000)
    monkeypatch.setattr("items.imports.mark_cells", lambda *_arguments, **_more: pytest.fail("openpyxl loaded it"))

    def with_another_sheet(page):
        for number in range(500):
            page.parent.worksheets[-1].append([number, number])

    content = workbook(["a b", "A", 1], change=lambda page: (page.parent.create_sheet("Other"), with_another_sheet(page)))
    run = uploaded(starfall, content, by=developer)
    assert codes(run) == [("id_characters", "A2")] and not run.annotated


def test_reading_stops_within_a_block_of_the_row_that_is_too_many(unpacked):
    with reading.Workbook(io.BytesIO(numbered(60_000))) as book:
        rows = book.rows(book.sheets[0])
        for _number in range(10_000):
            next(rows)
    assert sum(unpacked) < 2 * MB


def test_cancelling_ends_the_check(starfall, developer, merchant):
    run = actions.upload(starfall, actor=developer, file=upload(workbook(["a", "A", 1]), "items.xlsx"), mode="add_only")
    actions.cancel(run, actor=developer)
    done = Import.objects.get(pk=run.pk)
    assert (done.state, done.job.state) == ("cancelled", "cancelled")
