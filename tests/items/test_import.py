"""An import: upload, check, confirm, result, undo. What a workbook may look like is in test_import_workbooks.py."""

import io

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from console import jobs
from console.errors import Forbidden, Invisible, Refused, WrongState
from console.models import AuditEntry, Job
from console.permissions import System
from items.actions import import_rows
from items.actions import imports as actions
from items.actions import item as items
from items.actions import release as releases
from items.images import read_picture
from items.importing import findings, parts
from items.models import Import, Item, ItemImage
from tests.items.conftest import edit, fresh, picture_bytes, upload
from tests.items.workbooks import codes, confirmed, uploaded, workbook, zipped

pytestmark = pytest.mark.sqlite

ROWS = [["coin", "Coin", 0.99, "Shines", None], ["gem", "Big gem", "19.90", None, None]]


@pytest.fixture
def run(starfall, developer, merchant, gem):
    """Checked: the coin is new, the gem changes."""
    return uploaded(starfall, workbook(*ROWS), by=developer)


def test_a_developer_imports_new_and_changed_items(run, starfall, developer, gem):
    assert (run.state, run.new, run.changed, run.unchanged, run.faulty) == ("checked", 1, 1, 0, 0)
    assert Item.objects.count() == 1
    done = confirmed(run, by=developer)
    coin, edited = Item.objects.get(product_id="coin"), fresh(gem)
    assert done.state == "applied"
    assert (coin.name, coin.price, coin.currency, coin.description, coin.state) == ("Coin", 99, "USD", "Shines", "unreleased")
    assert (edited.name, edited.price, edited.version, edited.edited_by) == ("Big gem", 1990, 2, developer)
    assert coin.draft_hash == coin.content_hash() and edited.draft_hash == edited.content_hash()


def test_an_import_is_recorded_like_edits_by_hand(run, developer, gem):
    confirmed(run, by=developer)
    changes = AuditEntry.objects.get(verb="items.item.edit", object_id=str(gem.pk)).changes
    assert changes == {"name": ["Gem", "Big gem"], "price": [990, 1990], "version": [1, 2]}
    added = AuditEntry.objects.get(verb="items.item.add", object_label__contains="coin")
    assert added.actor == developer and added.changes["price"] == [None, 99]
    assert set(AuditEntry.objects.filter(object_type="items.import").values_list("verb", flat=True)) == {
        "items.import.upload", "items.import.check", "items.import.confirm", "items.import.apply",
    }  # fmt: skip


def test_who_may_import(starfall, merchant, operator, stranger):
    for person, refusal in ((operator, Forbidden), (stranger, Invisible)):
        with pytest.raises(refusal):
            uploaded(starfall, workbook(*ROWS), by=person)


def test_the_same_file_twice_changes_nothing(run, starfall, developer):
    confirmed(run, by=developer)
    again = uploaded(starfall, workbook(*ROWS), by=developer)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 2)
    with pytest.raises(Refused, match="nothing to import"):
        actions.confirm(again, actor=developer)


def test_a_second_confirm_does_nothing(run, developer):
    actions.confirm(run, actor=developer)
    with pytest.raises(WrongState):
        actions.confirm(run, actor=developer)
    assert Job.objects.filter(kind=actions.APPLY).count() == 1


def test_a_worker_that_died_after_the_commit_is_followed_by_one_that_finds_nothing_to_do(run, developer):
    done = confirmed(run, by=developer)
    again = Job.objects.create(kind=actions.APPLY, actor=developer, params={"import": run.pk, "language": "en"})
    jobs.run_job(again.pk)
    assert fresh(done).state == "applied"
    assert Item.objects.filter(product_id="coin").count() == 1
    assert AuditEntry.objects.filter(verb="items.item.add", object_label__contains="coin").count() == 1


def test_a_worker_that_dies_while_writing_leaves_nothing_and_is_followed(run, developer, gem, monkeypatch):
    started = actions.confirm(run, actor=developer)

    def die(*_arguments):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(import_rows, "change", die)
        with pytest.raises(SystemExit):
            jobs.run_job(started.job_id)
    assert Item.objects.count() == 1 and fresh(gem).name == "Gem"
    jobs.move(Job.objects.get(pk=started.job_id), "requeue", actor=System("sweeper"))
    jobs.run_job(started.job_id)
    assert fresh(run).state == "applied" and fresh(gem).name == "Big gem"


def test_with_faults_nothing_can_be_confirmed(starfall, developer, merchant):
    run = uploaded(starfall, workbook(["a b", "X", 1, None, None], ["ok", "Fine", 1, None, None]), by=developer)
    assert (run.faulty, run.new, codes(run)) == (1, 1, [("id_characters", "A2")])
    with pytest.raises(Refused, match="has faults"):
        actions.confirm(run, actor=developer)
    assert not Item.objects.exists()


def test_add_only_refuses_changes_of_existing_items_but_not_equal_rows(starfall, developer, gem):
    run = uploaded(starfall, workbook(["gem", "Other", 1, None, None]), by=developer, mode="add_only")
    assert codes(run) == [("id_exists", "A2")]
    same = uploaded(starfall, workbook(["gem", "Gem", 9.9, None, None]), by=developer, mode="add_only")
    assert (same.faulty, same.unchanged) == (0, 1)


def test_items_under_review_are_not_changed(starfall, developer, gem, submitted):
    assert codes(uploaded(starfall, workbook(["gem", "Other", 1, None, None]), by=developer)) == [("under_review", "A2")]


def test_ids_of_deleted_items_are_faults(starfall, developer, team_admin, gem):
    items.delete(gem, actor=team_admin)
    assert codes(uploaded(starfall, workbook(["gem", "Gem", 9.9, None, None]), by=developer)) == [("id_deleted", "A2")]


def test_what_is_on_sale_stays_as_it_is(starfall, developer, on_sale_gem):
    confirmed(uploaded(starfall, workbook(["gem", "Other", 1, None, None]), by=developer), by=developer)
    gem = fresh(on_sale_gem)
    assert (gem.name, gem.live_name, gem.live_price, gem.on_sale, gem.state) == ("Other", "Gem", 990, True, "released")
    assert gem.has_unreleased_changes


def test_an_item_edited_since_the_check_refuses_the_whole(run, developer, senior, gem):
    edit(gem, by=senior, name="Quick")
    done = confirmed(run, by=developer)
    assert done.state == "refused" and "gem" in done.reason and "check again" in done.reason
    assert not Item.objects.filter(product_id="coin").exists()
    again = actions.recheck(done, actor=developer)
    jobs.run_job(again.job_id)
    assert fresh(run).plan["changed"][0][4]["name"] == ["Quick", "Big gem"]


def test_an_item_submitted_since_the_check_refuses_the_whole(run, developer, senior, gem):
    releases.submit([fresh(gem)], actor=senior)
    assert confirmed(run, by=developer).state == "refused"
    assert not Item.objects.filter(product_id="coin").exists()


def test_two_imports_of_the_same_list_write_it_once(run, starfall, developer, senior):
    twin = uploaded(starfall, workbook(*ROWS), by=senior)
    assert confirmed(run, by=developer).state == "applied"
    assert confirmed(twin, by=senior).state == "refused"
    assert AuditEntry.objects.filter(verb="items.item.add", object_label__contains="coin").count() == 1


def test_another_currency_since_the_check_refuses_the_whole(run, developer, northlight, superapp_admin, team_admin, monkeypatch):
    monkeypatch.setattr(actions, "settlement_currency", lambda _program: "JPY")
    done = confirmed(run, by=developer)
    assert done.state == "refused" and "settlement currency" in done.reason


def test_whoever_lost_the_role_since_imports_nothing(run, developer, northlight, team_admin):
    from console.actions.membership import set_team_role

    started = actions.confirm(run, actor=developer)
    set_team_role(developer, northlight, "operator", actor=System("test"))
    jobs.run_job(started.job_id)
    assert fresh(run).state == "refused" and not Item.objects.filter(product_id="coin").exists()


def test_a_cancelled_check_writes_nothing_and_can_be_started_again(starfall, developer, merchant):
    content = upload(workbook(*ROWS), "items.xlsx")
    run = actions.upload(starfall, actor=developer, file=content, mode="add_only")
    actions.cancel(run, actor=developer)
    jobs.run_job(run.job_id)
    assert fresh(run).state == "cancelled"
    second = actions.upload(starfall, actor=developer, file=content, mode="add_only")
    jobs.cancel(second.job, actor=developer)
    assert fresh(second).is_stuck
    jobs.run_job(actions.recheck(fresh(second), actor=developer).job_id)
    assert fresh(second).state == "checked"


def test_undo_takes_back_every_row(run, developer, gem):
    done = confirmed(run, by=developer)
    undone = actions.undo(done, actor=developer)
    back = fresh(gem)
    assert undone.state == "undone"
    assert (back.name, back.price, back.version, back.draft_hash) == ("Gem", 990, 3, gem.draft_hash)
    assert not Item.objects.filter(product_id="coin").exists()
    with pytest.raises(WrongState):
        actions.undo(done, actor=developer)


def test_ids_of_an_undone_import_can_be_imported_again(run, starfall, developer):
    actions.undo(confirmed(run, by=developer), actor=developer)
    assert confirmed(uploaded(starfall, workbook(*ROWS), by=developer), by=developer).state == "applied"


@pytest.mark.parametrize("touch", ["edit", "submit", "delete"])
def test_no_undo_once_an_item_was_touched(run, developer, senior, team_admin, touch):
    done = confirmed(run, by=developer)
    coin = Item.objects.get(product_id="coin")
    if touch == "edit":
        edit(coin, by=senior, name="Mine")
    elif touch == "submit":
        releases.submit([coin], actor=senior)
    else:
        items.delete(coin, actor=team_admin)
    with pytest.raises(Refused, match="cannot be undone"):
        actions.undo(done, actor=developer)
    assert fresh(done).state == "applied" and Item.objects.get(product_id="gem").name == "Big gem"


def test_the_marked_workbook_says_what_to_do_and_mending_it_continues(starfall, developer, merchant):
    run = uploaded(starfall, workbook(["coin", "Coin", "1,5", None, None], ["coin", "", 2, None, None]), by=developer)
    with run.annotated.open("rb") as file:
        book = openpyxl.load_workbook(file)
    sheet = book.active
    assert sheet["C2"].comment.text.startswith("Found: 1,5\nExpected: digits with at most one decimal point")
    assert sheet["C2"].fill.fgColor.rgb == "00FFC7CE" and sheet["B2"].comment is None
    assert sheet["A3"].comment and sheet["B3"].comment.text.startswith("Found: nothing")
    sheet["C2"], sheet["A3"], sheet["B3"] = "1.5", "other", "Other"
    out = io.BytesIO()
    book.save(out)
    mended = uploaded(starfall, out.getvalue(), by=developer)
    assert (mended.faulty, mended.new) == (0, 2)


def test_images_come_from_a_zip_by_name_and_once_a_content(starfall, developer, merchant):
    pictures = zipped({"folder/Coin.PNG": picture_bytes(), "__MACOSX/._Coin.PNG": b"x"})
    rows = [["coin", "Coin", 1, None, "coin.png"], ["two", "Two", 1, None, "COIN.png"]]
    run = uploaded(starfall, workbook(*rows), by=developer, images=pictures)
    assert not run.findings and not ItemImage.objects.exists()
    confirmed(run, by=developer)
    image = ItemImage.objects.get()
    assert image.sha256 == read_picture(upload()).sha256 and image.uploaded_by == developer
    assert set(Item.objects.values_list("image_id", flat=True)) == {image.pk}
    assert uploaded(starfall, workbook(*rows), by=developer, images=pictures).unchanged == 2


def test_an_undone_import_gives_the_old_image_back(starfall, developer, gem):
    rows = [["gem", "Gem", 9.9, None, "new.png"]]
    run = confirmed(uploaded(starfall, workbook(*rows), by=developer, images=zipped({"new.png": picture_bytes()})), by=developer)
    assert fresh(gem).image is not None
    actions.undo(run, actor=developer)
    assert fresh(gem).image is None


def test_bad_and_absent_images_are_named(starfall, developer, merchant):
    pictures = zipped({"bad.png": b"<svg/>", "a/twice.png": picture_bytes(), "b/twice.png": picture_bytes()})
    names = ["bad.png", "twice.png", "none.png"]
    rows = [[f"i{number}", "Coin", 1, None, name] for number, name in enumerate(names)]
    run = uploaded(starfall, workbook(*rows), by=developer, images=pictures)
    assert [code for code, _cell in codes(run)] == ["image_bad", "image_bad", "image_unknown"]
    alone = uploaded(starfall, workbook(rows[0]), by=developer)
    assert codes(alone) == [("image_absent", "E2")] and alone.faulty == 0
    broken = uploaded(starfall, workbook(rows[0]), by=developer, images=b"PK\x03\x04 no zip")
    assert broken.state == "refused" and "damaged" in broken.reason


# Pages


def page(name, run, program):
    names = {"app_id": program.app_id}
    return reverse(f"items:{name}", kwargs=names if run is None else names | {"pk": run.pk})


def test_the_whole_import_through_the_pages(client, starfall, developer, merchant, gem):
    client.force_login(developer)
    assert "Import items" in client.get(page("import-upload", None, starfall)).content.decode()
    form = {"file": upload(workbook(*ROWS), "my items.xlsx"), "mode": "add_and_update"}
    response = client.post(page("import-upload", None, starfall), form)
    run = starfall.imports.get()
    assert response.url == page("import-detail", run, starfall)
    assert 'hx-trigger="every 1s"' in client.get(response.url).content.decode()
    jobs.run_job(run.job_id)
    text = client.get(response.url).content.decode()
    assert "add 1 and change 1 items" in text and "<del>Gem</del>" in text and "<ins>USD 19.90</ins>" in text
    assert "hx-trigger" not in text.split('id="import"')[1]
    client.post(page("import-confirm", run, starfall))
    text = client.get(response.url).content.decode()
    assert "The items are being written" in text and page("import-cancel", run, starfall) in text
    jobs.run_job(fresh(run).job_id)
    text = client.get(response.url).content.decode()
    assert f"?run={run.pk}" in text and "Undo the import" in text
    listed = client.get(reverse("items:list", kwargs={"app_id": starfall.app_id}) + f"?run={run.pk}").content.decode()
    assert "coin" in listed and "Big gem" in listed
    assert "my items.xlsx" in client.get(page("import-list", None, starfall)).content.decode()
    assert "was undone" in client.post(page("import-undo", run, starfall), follow=True).content.decode()


def test_the_page_lists_faults_by_cause_and_hands_out_the_marked_workbook(client, starfall, developer, merchant):
    rows = [["a b", "X", 1, None, None], ["c d", "X", "$1", None, None], ["e", 2048, 1, None, None]]
    run = uploaded(starfall, workbook(*rows), by=developer, name="../../etc/items.xlsx")
    client.force_login(developer)
    text = client.get(page("import-detail", run, starfall)).content.decode()
    assert "The item ID has characters that are not allowed" in text and "2 cells" in text and "“a b”" in text
    assert "Warnings" in text and "A number stands where a text is expected" in text
    assert "Confirm the import" not in text
    file = client.get(page("import-workbook", run, starfall))
    assert file.headers["Content-Disposition"] == 'attachment; filename="items-checked.xlsx"'
    assert openpyxl.load_workbook(io.BytesIO(b"".join(file.streaming_content))).active["A2"].comment


def test_buttons_reject_get_and_answer_409_in_the_wrong_state(client, run, starfall, developer):
    client.force_login(developer)
    for name in ("import-confirm", "import-recheck", "import-cancel", "import-undo"):
        assert client.get(page(name, run, starfall)).status_code == 405
    assert client.post(page("import-undo", run, starfall)).status_code == 409
    client.post(page("import-cancel", run, starfall))
    assert client.post(page("import-confirm", run, starfall)).status_code == 409
    assert client.get(page("import-workbook", run, starfall)).status_code == 409


def test_an_upload_without_a_file_is_told(client, starfall, developer, merchant):
    client.force_login(developer)
    response = client.post(page("import-upload", None, starfall), {"mode": "everything"})
    assert response.status_code == 422
    assert "Choose the workbook" in response.content.decode()
    assert client.post(page("import-upload", None, starfall), {"file": upload(b""), "mode": "add_only"}).status_code == 302


def test_an_import_of_another_mini_program_does_not_exist(client, run, harbor_reader, stranger):
    client.force_login(stranger)
    assert client.get(page("import-detail", run, harbor_reader)).status_code == 404


def test_without_a_merchant_there_is_no_import_and_no_template(client, starfall, developer):
    client.force_login(developer)
    assert client.post(page("import-upload", None, starfall), {}).status_code == 409
    assert client.get(page("template", None, starfall)).status_code == 409


def test_the_page_of_a_large_import_costs_few_queries(client, starfall, developer, merchant, django_assert_max_num_queries):
    run = uploaded(starfall, workbook(*[[f"i{number}", "X", 1, None, None] for number in range(300)]), by=developer)
    client.force_login(developer)
    with django_assert_max_num_queries(12):
        text = client.get(page("import-detail", run, starfall)).content.decode()
    assert "i99<" in text and "i100<" not in text and "300 rows" in text and part(run, "new") in text


# Parts, page by page


def part(run, name):
    return reverse("items:import-part", kwargs={"app_id": run.mini_program.app_id, "pk": run.pk, "part": name})


@pytest.fixture
def large(run, starfall, developer):
    """As if 25,000 rows had two faults each, 250 items changed and 101 were new."""
    ids = {"code": "id_characters", "column": 1, "found": "a b", "more": {}}
    prices = {"code": "price_missing", "column": 3, "found": "", "more": {"example": "9.90"}}
    rows = range(2, 25_002)
    findings = [{**found, "row": row} for row in rows for found in (ids, prices)][:-1]
    changed = [[row, 1, 1, f"old-{row}", {"name": ["A", f"Named {row}"]}] for row in range(250)]
    new = [[row, f"new-{row}", "N", 100, "", ""] for row in range(101)]
    Import.objects.filter(pk=run.pk).update(
        findings=findings, plan={"new": new, "changed": changed}, faulty=25_000, changed=250, new=101
    )
    client = Client()
    client.force_login(developer)
    return client, fresh(run)


def test_fifty_thousand_findings_are_shown_a_page_at_a_time_and_never_held(large, monkeypatch):
    client, run = large
    told = []
    monkeypatch.setattr(parts, "told", lambda found: told.append(found) or findings.told(found))
    text = client.get(page("import-detail", run, run.mini_program)).text
    assert "25000 cells" in text and "24999 cells" in text and "A101<" in text and "A102<" not in text and len(text) < 300_000
    assert len(told) == 2 * parts.SHOWN
    last = client.get(part(run, "id_characters") + "?page=250").text
    assert "A24902<" in last and "A25001<" in last and "A24901<" not in last and "?page=249" in last and "?page=251" not in last
    assert len(told) == 3 * parts.SHOWN
    assert not {"findings", "plan"} - run.get_deferred_fields()


def test_changed_and_new_rows_are_paged_too(large):
    client, run = large
    third = client.get(part(run, "changed") + "?page=3").text
    assert "Named 200<" in third and "Named 249<" in third and "Named 199<" not in third and "250 rows" in third
    second = client.get(part(run, "new") + "?page=2").text
    assert "new-100<" in second and "new-99<" not in second


def test_a_page_that_does_not_exist(large, stranger):
    client, run = large
    assert [client.get(part(run, name)).status_code for name in ("price_range", "x'--", "changed")] == [404, 404, 200]
    assert client.get(part(run, "new") + "?page=3").status_code == 404
    for odd in ("0", "-1", "x", "٣", "9" * 30):
        assert "new-0<" in client.get(part(run, "new") + f"?page={odd}").text
    client.force_login(stranger)
    assert client.get(part(run, "new")).status_code == 404
