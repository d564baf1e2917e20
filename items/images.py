"""Pictures of items: read with care, encoded again, so that nothing of the uploaded file itself is ever served.

Sizes are looked at in the header before a pixel is decoded: a file of some kilobytes can unpack to gigabytes.
"""

import hashlib
import io
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE = 4096  # pixels
THUMBNAIL_SIDE = 96  # pixels
EXTENSIONS = {"JPEG": "jpg", "PNG": "png"}
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, MemoryError)  # what Pillow raises for damaged files


class Picture(NamedTuple):
    """A picture encoded again, without metadata, and its thumbnail; `sha256` (hex) is of `content`."""

    content: bytes
    thumbnail: bytes
    sha256: str
    extension: str


def read_picture(upload: "File[Any]") -> Picture:
    """The uploaded JPEG or PNG, encoded again. Raises ValidationError with what was found and what to do."""
    _check_bytes(upload)
    image = _opened(upload)
    _check_side(image)
    form = str(image.format)
    try:
        pixels = _plain(ImageOps.exif_transpose(image), form)
    except _BROKEN as error:
        raise ValidationError(_damaged()) from error
    content = _encoded(pixels, form)
    pixels.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return Picture(content, _encoded(pixels, form), hashlib.sha256(content).hexdigest(), EXTENSIONS[form])


def _check_bytes(upload: "File[Any]") -> None:
    if not upload.size:
        raise ValidationError(_("The image file is empty (0 bytes). Choose another."))
    if upload.size > MAX_BYTES:
        found = {"found": f"{upload.size / 1024 / 1024:.1f}"}
        raise ValidationError(_("The image has %(found)s MB; the limit is 2 MB. Make it smaller and choose it again.") % found)


def _opened(upload: "File[Any]") -> Image.Image:
    upload.seek(0)
    try:
        return Image.open(upload, formats=tuple(EXTENSIONS))
    except Image.DecompressionBombError as error:
        raise ValidationError(_too_large(_("far more"))) from error
    except UnidentifiedImageError as error:
        upload.seek(0)
        if upload.read(8).startswith(SIGNATURES):
            raise ValidationError(_damaged()) from error
        message = _("The file is no JPEG or PNG image, whatever its name says. Save it as PNG or JPEG and choose it again.")
        raise ValidationError(message) from error
    except _BROKEN as error:
        raise ValidationError(_damaged()) from error


def _damaged() -> str:
    return _("The image is damaged and cannot be read. Save it again as PNG or JPEG, or choose another.")


def _check_side(image: Image.Image) -> None:
    if max(image.size) > MAX_SIDE:
        raise ValidationError(_too_large(f"{image.width} × {image.height}"))


def _too_large(found: str) -> str:
    message = _("The image has %(found)s pixels; the limit is %(limit)d a side. Make it smaller and choose it again.")
    return message % {"found": found, "limit": MAX_SIDE}


def _plain(image: Image.Image, form: str) -> Image.Image:
    """The pixels alone: eight bits a channel, transparency kept for PNG, no palette, no metadata, one frame."""
    if image.mode.startswith(("I", "F")):
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    transparent = form == "PNG" and ("A" in image.getbands() or "transparency" in image.info)
    pixels = image.convert("RGBA" if transparent else "RGB")
    clean = Image.new(pixels.mode, pixels.size)
    clean.paste(pixels)
    return clean


def _encoded(pixels: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    if form == "JPEG":
        pixels.save(out, "JPEG", quality=90)
    else:
        pixels.save(out, "PNG")
    return out.getvalue()
