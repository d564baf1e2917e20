"""Uploaded pictures: what is refused and why, and what is kept."""

import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from PIL import Image, PngImagePlugin

from items.actions.image import keep
from items.images import MAX_BYTES, read_picture
from items.models import ItemImage
from tests.items.conftest import picture_bytes, upload


def complaint(content, name="gem.png"):
    with pytest.raises(ValidationError) as caught:
        read_picture(upload(content, name))
    return caught.value.messages[0]


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (body, b"IDAT" + zlib.compress(b"\0"))
    packed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg")])
def test_a_picture_keeps_its_kind_and_gets_a_thumbnail(kind, extension):
    picture = read_picture(upload(picture_bytes(kind, size=(400, 200))))
    full, thumbnail = Image.open(io.BytesIO(picture.content)), Image.open(io.BytesIO(picture.thumbnail))
    assert (picture.extension, full.format, full.size) == (extension, kind, (400, 200))
    assert (thumbnail.format, thumbnail.size) == (kind, (96, 48))


def test_metadata_is_dropped():
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "taken at home")
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    for content in (picture_bytes(pnginfo=text), picture_bytes("JPEG", exif=exif), picture_bytes("PNG", exif=exif)):
        again = read_picture(upload(content))
        for part in (again.content, again.thumbnail):
            assert b"taken at home" not in part
            assert b"Secret camera" not in part


def test_transparency_is_kept_and_odd_modes_are_made_plain():
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(out, "PNG")
    assert Image.open(io.BytesIO(read_picture(upload(out.getvalue())).content)).mode == "RGBA"
    for mode in ("1", "L", "P", "I;16", "CMYK"):
        out = io.BytesIO()
        Image.new(mode, (4, 4)).save(out, "JPEG" if mode == "CMYK" else "PNG")
        assert Image.open(io.BytesIO(read_picture(upload(out.getvalue())).content)).mode == "RGB"


def test_what_is_no_picture_is_refused():
    assert "0 bytes" in complaint(b"")
    for content in (
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html><script>alert(1)</script>",
        b"hello",
        picture_bytes("GIF"),
    ):
        assert "no JPEG or PNG" in complaint(content)
    assert "no JPEG or PNG" in complaint(picture_bytes("WEBP"), "gem.webp")


def test_large_pictures_are_refused_before_they_are_unpacked():
    assert "20000 × 20 pixels; the limit is 4096" in complaint(png_header(20_000, 20))
    assert "the limit is 4096" in complaint(png_header(20_000, 20_000))
    assert "4097 × 1 pixels" in complaint(picture_bytes(size=(4097, 1)))
    assert "2.0 MB; the limit is 2 MB" in complaint(picture_bytes() + b"\0" * MAX_BYTES)
    assert read_picture(upload(picture_bytes(size=(4096, 1))))


def test_damaged_pictures_are_refused():
    whole = picture_bytes("JPEG", size=(300, 300))
    assert "damaged" in complaint(whole[: len(whole) // 2])
    assert "damaged" in complaint(png_header(10, 10))
    assert "damaged" in complaint(picture_bytes()[:50])


def test_the_same_content_is_kept_once_per_mini_program(starfall, harbor_reader, developer):
    picture = read_picture(upload(name="../../etc/passwd.png"))
    first, second = keep(starfall, picture, actor=developer), keep(starfall, picture, actor=developer)
    other = keep(harbor_reader, picture, actor=developer)
    assert first == second != other
    assert ItemImage.objects.count() == 2
    assert (first.width, first.height) == (8, 6)
    assert first.file.name.startswith("items/") and picture.sha256 in first.file.name
    assert first.file.read() == picture.content
