"""Is this file a workbook, and is it safe to open? Looked at before anything is unpacked (docs/import.md, "Safe reading").

An .xlsx file is a zip of XML parts. A file of some kilobytes can hold a hundred thousand entries or unpack to gigabytes, so the
directory is measured before zipfile reads it, and every size before a part is opened.
"""

import io
import struct
import zipfile
import zlib
from typing import IO, BinaryIO

from django.utils.translation import gettext as _

from console.spreadsheets.errors import WorkbookError

MAX_BYTES = 5 * 1024 * 1024
MAX_ENTRIES = 500
MAX_DIRECTORY = 256 * 1024  # bytes of the zip's directory: 500 entries with long names fit
MAX_PART = 40 * 1024 * 1024  # bytes of one unpacked part: 10,000 rows of the longest texts fit
MAX_UNPACKED = 100 * 1024 * 1024  # bytes of all parts together
MAX_RATIO = 250  # unpacked to packed; repetitive sheets of real programs reach about 60
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error)


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """The zip of a workbook after all checks; `file` is seekable. Raises WorkbookError."""
    size = file.seek(0, io.SEEK_END)
    if not size:
        raise WorkbookError(_("The file is empty (0 bytes). Save the workbook again and choose it again."))
    if size > MAX_BYTES:
        found = {"found": f"{size / 1024 / 1024:.1f}"}
        raise WorkbookError(_("The file has %(found)s MB; the limit is 5 MB. Remove pictures or split the list.") % found)
    _refuse_other_formats(file)
    entries, directory = measure_directory(file)
    if entries > MAX_ENTRIES or directory > MAX_DIRECTORY:
        raise WorkbookError(
            _("The file has %(found)d parts inside; a workbook of items has about ten. Copy the list into a new workbook.")
            % {"found": entries if entries > MAX_ENTRIES else directory // 50}
        )
    try:
        archive = zipfile.ZipFile(file)
    except _BROKEN:
        raise damaged() from None
    _check_entries(archive.infolist(), size)
    _refuse_other_packages(archive)
    return archive


def damaged() -> WorkbookError:
    """The error of a file that breaks its own format."""
    message = _("The file is damaged or incomplete and cannot be read. Open it in your spreadsheet program and save it as .xlsx.")
    return WorkbookError(message)


def open_part(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """One part for reading. zipfile hands out no more bytes than the directory declares, and those were checked."""
    try:
        return archive.open(name)
    except (KeyError, *_BROKEN):
        raise damaged() from None


def read_block(part: IO[bytes], size: int) -> bytes:
    """The next bytes of an open part. Raises WorkbookError when its data is damaged."""
    try:
        return part.read(size)
    except _BROKEN:
        raise damaged() from None


def measure_directory(file: BinaryIO) -> tuple[int, int]:
    """Entries and bytes of a zip's directory, as zipfile will read it: 100,000 entries cost it seconds and a lot of memory.

    Raises WorkbookError when there is none.
    """
    tail_start = max(0, file.seek(0, io.SEEK_END) - 65_557)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise damaged()
    entries, directory = struct.unpack("<H2xHI", tail[at + 8 : at + 18])[0], struct.unpack("<I", tail[at + 12 : at + 16])[0]
    if tail[at - 20 : at - 16] == _LOCATOR64 and tail[at - 76 : at - 72] == _END64:
        entries, directory = struct.unpack("<QQ", tail[at - 76 + 32 : at - 76 + 48])
    return entries, directory


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise WorkbookError(_("The file has too many parts inside. Copy the list into a new workbook and choose that one."))
    if len({entry.filename.lower() for entry in entries}) < len(entries):
        raise damaged()
    if any(entry.flag_bits & 1 for entry in entries):
        raise _protected()
    if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
        raise damaged()
    unpacked = sum(entry.file_size for entry in entries)
    largest = max((entry.file_size for entry in entries), default=0)
    if largest > MAX_PART or unpacked > MAX_UNPACKED or (unpacked > 1024 * 1024 and unpacked > MAX_RATIO * size):
        raise WorkbookError(
            _("The file unpacks to %(found)d MB, far more than a list of items needs. Copy the list into a new workbook.")
            % {"found": unpacked // 1024 // 1024}
        )


def _protected() -> WorkbookError:
    return WorkbookError(
        _("The workbook is protected with a password. Remove the password in your spreadsheet program and save it.")
    )


# Files that are something else


def _refuse_other_formats(file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(4096)
    if head.startswith(b"PK"):
        return
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        file.seek(0)
        if "EncryptedPackage".encode("utf-16-le") in file.read():
            raise _protected()
        raise WorkbookError(_("This is an old Excel workbook (.xls), whatever its name says. Open it and save it as .xlsx."))
    raise WorkbookError(_other_format(head))


def _other_format(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith(b"%pdf"):
        return _("This is a PDF document, not a workbook. Fill in the template and choose that file.")
    if start.startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        return _("This is a web page or an XML file, not a workbook. Open it in your spreadsheet program and save it as .xlsx.")
    if _is_text(head):
        return _("This is a text file such as CSV, not a workbook. Open it in your spreadsheet program and save it as .xlsx.")
    return _("This is no Excel workbook (.xlsx), whatever its name says. Fill in the template and choose that file.")


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(byte < 9 or 13 < byte < 32 for byte in head)


def _refuse_other_packages(archive: zipfile.ZipFile) -> None:
    """Zips that are no .xlsx: other office formats, workbooks with macros, plain zips."""
    names = {name.lower() for name in archive.namelist()}
    if any(name.endswith("vbaproject.bin") for name in names):
        raise WorkbookError(_("The workbook contains macros (.xlsm). Save it as a workbook without macros (.xlsx)."))
    if any(name.endswith("workbook.bin") for name in names):
        raise WorkbookError(_("This is a binary Excel workbook (.xlsb). Save it as .xlsx."))
    if "[content_types].xml" not in names:
        raise WorkbookError(_other_package(archive, names))
    if not any(name.endswith("workbook.xml") for name in names):
        raise WorkbookError(
            _("This is another kind of Office document, not a workbook. Fill in the template and choose that file.")
        )


def _other_package(archive: zipfile.ZipFile, names: set[str]) -> str:
    if "mimetype" in names and "content.xml" in names:
        return _("This is an OpenDocument file (.ods), whatever its name says. Save it as .xlsx in your spreadsheet program.")
    if any(name.endswith(".iwa") or name == "index.zip" for name in names):
        return _("This is an Apple Numbers document. In Numbers choose File › Export To › Excel and choose that file.")
    return _("This is a zip file without a workbook in it. Fill in the template and choose that file.")
