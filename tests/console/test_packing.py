"""Members of a ZIP archive are packed by ISA-L, and any program opens them."""

import io
import zipfile

import pytest
from isal import isal_zlib

from console.packing import packed

TEXT = b"".join(b"<row><c>ORDER-%d</c></row>" % number for number in range(20_000))

pytestmark = pytest.mark.sqlite


@pytest.fixture
def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        with packed(written, "rows.xml", force_zip64=True) as member:
            member.write(TEXT[:1000])
            member.write(TEXT[1000:])
    return target.getvalue()


def test_a_member_is_what_was_written(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        assert read.testzip() is None
        assert read.read("rows.xml") == TEXT


def test_a_member_is_packed_by_the_fast_library(archive):
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    assert packer.compress(TEXT[:1000]) + packer.compress(TEXT[1000:]) + packer.flush() in archive
