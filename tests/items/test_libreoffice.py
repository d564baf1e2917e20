"""The template as a person fills it: opened, saved and sent back by LibreOffice itself."""

import io
import shutil
import subprocess

import openpyxl
import pytest

from items.importing.template import write_template
from tests.items.workbooks import confirmed, uploaded

pytestmark = pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")


def saved_by_libreoffice(content: bytes, folder) -> bytes:
    """The same workbook after LibreOffice opened it and wrote it again as .xlsx."""
    (folder / "mine.xlsx").write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder / "saved")]
    subprocess.run([*command, str(folder / "mine.xlsx")], check=True, capture_output=True)
    return (folder / "saved" / "mine.xlsx").read_bytes()


def test_a_template_filled_and_saved_in_libreoffice_is_imported(starfall, developer, merchant, tmp_path):
    out = io.BytesIO()
    write_template(out, "USD")
    book = openpyxl.load_workbook(io.BytesIO(out.getvalue()))
    book.worksheets[0].append(["00123", "Coin ¥ “new”", 0.99, "Shines", None])
    filled = io.BytesIO()
    book.save(filled)
    run = uploaded(starfall, saved_by_libreoffice(filled.getvalue(), tmp_path), by=developer)
    assert (run.state, run.new, run.faulty) == ("checked", 1, 0)
    assert confirmed(run, by=developer).state == "applied"
    item = starfall.items.get()
    assert (item.product_id, item.name, item.price) == ("00123", "Coin ¥ “new”", 99)
