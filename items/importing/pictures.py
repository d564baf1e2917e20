"""The images that a workbook may name: files of the .zip beside it, and images that are stored already.

A file in the zip is never unpacked to disk: its name is looked up, its bytes go through items.images like any upload.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import MiniProgram
from console.spreadsheets import WorkbookError, measure_directory
from items.images import MAX_BYTES, Picture, read_picture
from items.importing.check import Pictures
from items.models import ItemImage

ZIP_BYTES = 50 * 1024 * 1024
ZIP_IMAGES = 1_000
ZIP_ENTRIES, ZIP_DIRECTORY = 5_000, 2 * 1024 * 1024  # folders and what macOS adds included
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, KeyError)


def image_name(sha256: str, file_name: str) -> str:
    """The name under which the catalogue export names a stored image: the same content has the same name."""
    return f"{sha256[:20]}.{file_name.rpartition('.')[2]}"


def stored_pictures(program: MiniProgram) -> Pictures:
    """The images that the mini program has already, by their names in the catalogue."""
    rows = ItemImage.objects.filter(mini_program=program).values_list("sha256", "file")
    return Pictures({image_name(sha256, name): sha256 for sha256, name in rows.iterator()})


def add_zip(pictures: Pictures, file: BinaryIO, *, advance: Callable[[int], None]) -> dict[str, str]:
    """Add the images of a .zip; returns the entry's name by SHA-256 of what would be stored. Raises Refused."""
    entries: dict[str, str] = {}
    seen: set[str] = set()
    pictures.has_zip = True
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            for number, entry in enumerate(_image_entries(archive)):
                advance(number)
                name = posixpath.basename(entry.filename).casefold()
                if name in seen:
                    pictures.faults[name] = _("two files of the .zip have this name")
                    continue
                seen.add(name)
                try:
                    sha256 = read_entry(archive, entry).sha256
                except ValidationError as error:
                    pictures.faults[name] = error.messages[0]
                    continue
                pictures.known[name] = sha256
                entries[sha256] = entry.filename
    except _BROKEN:
        raise _damaged() from None
    return entries


def _damaged() -> Refused:
    return Refused(_("The .zip with the images is damaged and cannot be read. Make it again."))


def _too_many() -> Refused:
    return Refused(_("The .zip holds more than 1,000 files. Split the list and its images."))


def _check_directory(file: BinaryIO) -> None:
    """Before zipfile reads the directory of a stranger's zip, which may name a million files."""
    try:
        entries, size = measure_directory(file)
    except WorkbookError:
        raise _damaged() from None
    if entries > ZIP_ENTRIES or size > ZIP_DIRECTORY:
        raise _too_many()


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | str) -> Picture:
    """One image of the zip, encoded again. Raises ValidationError with what was found."""
    info = archive.getinfo(entry) if isinstance(entry, str) else entry
    if info.file_size > MAX_BYTES:
        found = {"found": f"{info.file_size / 1024 / 1024:.1f}"}
        raise ValidationError(_("The image has %(found)s MB; the limit is 2 MB. Make it smaller and choose it again.") % found)
    return read_picture(ContentFile(archive.read(info)))


def _image_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files, without folders and what macOS adds."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not entry.filename.startswith("__MACOSX/")]
    entries = [entry for entry in entries if not posixpath.basename(entry.filename).startswith(".")]
    if len(entries) > ZIP_IMAGES:
        raise _too_many()
    return entries
