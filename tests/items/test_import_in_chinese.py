"""The template, the findings and the marked workbook for a reader of Chinese; the file of either language is read for both."""

import io

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from console import jobs
from console.models import Job, User
from items.importing.columns import labels
from items.models import Import, Item
from tests.items.test_template import downloaded, opened
from tests.items.workbooks import uploaded, workbook, worked

with translation.override("zh-hans"):
    CHINESE = list(labels("USD").values())
KEYS = ["product_id", "name", "price USD", "description", "image"]


@pytest.fixture
def reader(developer):
    """Dev reads Chinese."""
    User.objects.filter(pk=developer.pk).update(language="zh-hans")
    return User.objects.get(pk=developer.pk)


def saved(book):
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sent(client, program, content):
    """Uploaded by the form and checked, as a browser does it."""
    url = reverse("items:import-upload", kwargs={"app_id": program.app_id})
    answer = client.post(url, {"file": SimpleUploadedFile("道具.xlsx", content), "mode": "add_and_update"})
    assert answer.status_code == 302
    return worked(Import.objects.latest("pk"))


def test_the_template_has_chinese_labels_rules_and_examples_above_the_same_keys(client, starfall, reader, merchant):
    book = opened(downloaded(client, starfall, reader))
    list_, pages = book.worksheets
    assert (list_.title, pages.title) == ("道具", "说明")
    header = [cell.value for cell in list_[1]]
    assert header == CHINESE
    assert [header[0], *header[2:]] == ["道具 ID", "价格（USD）", "描述", "图片文件名"] and not header[1].isascii()
    assert [cell.value for cell in list_[2]] == KEYS and list_.row_dimensions[2].hidden
    rows = [[value for value in row if value] for row in pages.values]
    assert rows[0] == ["列", "填写内容"]
    assert ["gems_100", "100 颗宝石", "9.90", "一小袋宝石。", "gems_100.png"] in rows
    assert ["sword-of-dawn", "黎明之剑", "5.00"] in rows
    told = "\n".join(value for row in rows for value in row)
    assert "USD 0.01" in told and "USD 999,999.99" in told and "10,000" in told
    assert not [value for row in rows for value in row if value.endswith(".")], "a sentence was left in English"
    hints = {rule.prompt for rule in list_.data_validations.dataValidation}
    assert hints == {row[1] for row in rows[1:6]}


def test_filled_in_it_is_imported_and_again_it_changes_nothing(client, starfall, reader, merchant):
    book = opened(downloaded(client, starfall, reader))
    book.worksheets[0].append(["coin", "金币", 0.99, "闪闪发光", None])
    run = sent(client, starfall, saved(book))
    assert (run.state, run.new, run.faulty, run.findings) == ("checked", 1, 0, [])
    client.post(reverse("items:import-confirm", kwargs={"app_id": starfall.app_id, "pk": run.pk}))
    assert worked(Import.objects.get(pk=run.pk)).state == "applied"
    coin = Item.objects.get()
    assert (coin.product_id, coin.name, coin.price, coin.description) == ("coin", "金币", 99, "闪闪发光")
    again = sent(client, starfall, saved(book))
    assert (again.new, again.changed, again.unchanged) == (0, 0, 1)


def test_chinese_labels_alone_are_a_header_for_every_reader(starfall, developer, merchant):
    run = uploaded(starfall, workbook(["coin", "Coin", 0.99, None, None], header=CHINESE), by=developer)
    assert (run.new, run.findings) == (1, [])


def test_the_catalogue_exported_in_chinese_changes_nothing(client, starfall, reader, gem):
    client.force_login(reader)
    client.post(reverse("items:catalogue", kwargs={"app_id": starfall.app_id}), {"kind": "xlsx"})
    job = worked_job()
    content = b"".join(client.get(reverse("job-file", kwargs={"uid": job.uid})).streaming_content)
    assert [cell.value for cell in openpyxl.load_workbook(io.BytesIO(content)).worksheets[0][1]] == CHINESE
    run = sent(client, starfall, content)
    assert (run.rows, run.new, run.changed, run.unchanged, run.faulty) == (1, 0, 0, 1, 0)


def test_findings_and_comments_are_chinese(client, starfall, reader, merchant):
    client.force_login(reader)
    run = sent(client, starfall, workbook(["a b", "Coin", 0, None, None], header=CHINESE))
    page = client.get(reverse("items:import-detail", kwargs={"app_id": starfall.app_id, "pk": run.pk})).content.decode()
    for said in ("道具 ID 含有不允许的字符", "价格超出范围", "处理方法", "USD 0.01"):
        assert said in page
    with run.annotated.open("rb") as file:
        sheet = openpyxl.load_workbook(file).active
    assert sheet["A2"].fill.fgColor.rgb.endswith("FFC7CE")
    assert sheet["C2"].comment.text.isascii() is False and "USD 0.01 至 USD 999,999.99 的价格" in sheet["C2"].comment.text
    assert "Found" not in sheet["C2"].comment.text


def worked_job():
    """The worker does the job that waits."""
    job = Job.objects.latest("pk")
    jobs.run_job(job.pk)
    return Job.objects.get(pk=job.pk)
