"""A workbook that is written from front to back, its rows as XML that is made elsewhere: nothing is held in memory."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import IO, Self

from console.packing import packed

#: Rows of a sheet below its head; Excel takes 1,048,576 with it.
SHEET_ROWS = 1_048_575
#: Bytes of XML of a sheet: beyond 2 GB a part needs a form of zip that not every program reads.
SHEET_BYTES = 1_500_000_000
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class StreamedBook:
    """A workbook into `target`, which is only ever written to. In a `with`, use `sheet()` for each sheet."""

    def __init__(self, target: IO[bytes]) -> None:
        self.archive = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.titles: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        """Write the end of the file; of one that failed nothing more: its target may be full, or closed by the time."""
        if kind is None:
            self.close()
        else:
            self.archive.fp = None

    @contextmanager
    def sheet(self, title: str, *, widths: Sequence[int], is_frozen: bool = False) -> Iterator[Callable[[bytes], object]]:
        """A sheet; rows are handed to what it yields, whole `<row>` elements. `widths` are in characters."""
        self.titles.append(title)
        with packed(self.archive, f"xl/worksheets/sheet{len(self.titles)}.xml") as part:
            part.write(_opening(widths, is_frozen=is_frozen).encode())
            yield part.write
            part.write(b"</sheetData></worksheet>")

    def close(self) -> None:
        """Write what belongs to all sheets, and the directory."""
        for name, text in _parts(self.titles).items():
            self.archive.writestr(name, _XML + text)
        self.archive.close()


def _opening(widths: Sequence[int], *, is_frozen: bool) -> str:
    columns = "".join(f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, start=1))
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' if is_frozen else ""
    views = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'{_XML}<worksheet xmlns="{_MAIN}">{views}<cols>{columns}</cols><sheetData>'


def _parts(titles: Sequence[str]) -> dict[str, str]:
    numbered = list(enumerate(titles, start=1))
    sheets = "".join(f'<sheet name="{escape(title)}" sheetId="{at}" r:id="rId{at}"/>' for at, title in numbered)
    links = [(f"rId{at}", "worksheet", f"worksheets/sheet{at}.xml") for at, _title in numbered]
    kinds = {f"/xl/worksheets/sheet{at}.xml": "worksheet" for at, _title in numbered}
    kinds |= {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles"}
    overrides = "".join(f'<Override PartName="{name}" ContentType="{_KIND}.{kind}+xml"/>' for name, kind in kinds.items())
    defaults = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    defaults += '<Default Extension="xml" ContentType="application/xml"/>'
    return {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations([*links, (f"rId{len(titles) + 1}", "styles", "styles.xml")]),
        "xl/styles.xml": _styles(),
        "_rels/.rels": _relations([("rId1", "officeDocument", "xl/workbook.xml")]),
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}">{defaults}{overrides}</Types>',
    }


def _relations(links: Sequence[tuple[str, str, str]]) -> str:
    found = "".join(f'<Relationship Id="{id_}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for id_, kind, target in links)
    return f'<Relationships xmlns="{_LINKS}">{found}</Relationships>'


def _styles() -> str:
    """General, bold, text, time, whole number, and money with none to four decimals, in the order of console/export_sheets.py."""
    formats = ["yyyy\\-mm\\-dd\\ hh:mm:ss", "#,##0", *(f"#,##0.{'0' * decimals}" for decimals in range(1, 5))]
    texts = "".join(f'<numFmt numFmtId="{at}" formatCode="{text}"/>' for at, text in enumerate(formats, start=164))
    uses = [(0, 0), (0, 1), (49, 0), (164, 0), (165, 0), (165, 0), *((at, 0) for at in range(166, 170))]
    cells = "".join(
        f'<xf numFmtId="{format_}" fontId="{font}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
        for format_, font in uses
    )
    font = '<sz val="11"/><name val="Calibri"/>'
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(formats)}">{texts}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(uses)}">{cells}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
