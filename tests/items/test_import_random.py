"""A thousand random workbooks: never an error of ours, nothing written before a confirm, and everything or nothing after it.

Made by hand from XML, because a program that writes workbooks would take longer than the check.
"""

import io
import random
from collections import Counter
from html import escape

from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.errors import Refused
from console.spreadsheets import Workbook, WorkbookError
from items.importing.check import Pictures, check
from items.importing.columns import KEYS
from items.importing.findings import told
from items.models import Import, Item
from tests.items.workbooks import HEADER, MAIN, confirmed, package, uploaded

EXAMPLES, EACH = 40, 25  # a thousand
STYLES = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="49"/></cellXfs></styleSheet>'
#: What people have in cells, good and bad, by column.
VALUES = {
    "product_id": ["gem", "sword", "coin", "Gem", "a-1", "a_2", "b3", "c4", "d5", "a b", "é", "../x", "00123", "1E5", ""],
    "name": ["Gem", "Big gem", "Coin", "日本語", "=1+1", "x" * 65, "\u202egem", " ", "A & B", "<b>", ""],
    "price": ["9.90", "1", "0.5", "5.00", "1,5", "$1", "-1", "1e3", "99999999999", "1.999", "", "0"],
    "description": ["", "Shines", "two\nlines", "_x000D_x", "y" * 1030],
    "image": ["", "", "", "a.png", "../a.png"],
}
KINDS = ["inlineStr", "inlineStr", "inlineStr", "str", "str", "s", "n", "b", "e", "d"]
GOOD = {"product_id": VALUES["product_id"][:9], "name": ["Gem", "Big gem", "Coin"], "price": ["9.90", "1", "5.00"]}


def cell(chance, place, text, *, is_tidy):
    kind = "inlineStr" if is_tidy else chance.choice(KINDS)
    if kind == "s" or (kind == "n" and not text.replace(".", "", 1).isdecimal()):
        kind, text = ("s", "0") if chance.random() < 0.9 else (kind, text)
    where = f' r="{place}"' if chance.random() < 0.9 or is_tidy else ""
    style = f' s="{chance.randrange(4)}"' if chance.random() < 0.2 and not is_tidy else ""
    inner = f"<is><t>{escape(text)}</t></is>" if kind == "inlineStr" else f"<v>{escape(text)}</v>"
    formula = "<f>A1</f>" if chance.random() < 0.02 and not is_tidy else ""
    return f'<c{where}{style} t="{kind}">{formula}{inner}</c>'


def random_sheet(chance, texts):
    """The XML of a list; every third one is tidy, so that it can be confirmed."""
    is_tidy = chance.random() < 0.35
    columns = list(KEYS[: chance.randint(3, 5)])
    chance.shuffle(columns)
    labels = dict(zip(KEYS, HEADER, strict=True)) if chance.random() < 0.8 else dict(zip(KEYS, KEYS, strict=True))
    if not is_tidy and chance.random() < 0.1:
        columns.append(chance.choice(columns))
    lines = [[labels[key] for key in columns]]
    ids = chance.sample(GOOD["product_id"], 6)
    for at in range(chance.randint(is_tidy, 6)):
        pool = GOOD | {"product_id": ids[at : at + 1]} if is_tidy else VALUES
        lines.append([chance.choice([*pool.get(key, [""]), *([] if is_tidy else texts)]) for key in columns])
    rows, number = [], 0
    for line in lines:
        number += 1 if is_tidy else chance.choice([1] * 12 + [2, 2, 0, 30])
        is_plain = is_tidy or (line is lines[0] and chance.random() < 0.95)
        cells = "".join(cell(chance, f"{chr(65 + at)}{number}", text, is_tidy=is_plain) for at, text in enumerate(line))
        hidden = ' hidden="1"' if chance.random() < 0.05 else ""
        rows.append(f'<row r="{number}"{hidden}>{cells}</row>')
    merged = '<mergeCells><mergeCell ref="A2:B3"/></mergeCells>' if chance.random() < 0.05 else ""
    return f'<worksheet xmlns="{MAIN}"><sheetData>' + "".join(rows) + f"</sheetData>{merged}</worksheet>"


def torn(chance, text):
    """A piece of the text taken out, doubled or replaced."""
    at, length = chance.randrange(len(text)), chance.randint(1, 12)
    piece = chance.choice(["", text[at : at + length] * 2, "\0", "<", "&amp;", "]]>", "<!--", "😀", '"', "<row>", "</c>"])
    return text[:at] + piece + text[at + length :]


def random_workbook(chance, texts):
    sheet = random_sheet(chance, texts)
    if chance.random() < 0.25:
        sheet = torn(chance, sheet)
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    strings = f'<sst xmlns="{MAIN}">{shared}</sst>'
    content = bytearray(package(sheet, strings=torn(chance, strings) if chance.random() < 0.1 else strings, styles=STYLES))
    if chance.random() < 0.15:
        for _change in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.05 else content)


def catalogue():
    return list(Item.objects.order_by("pk").values())


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), texts=st.lists(st.text(max_size=12).filter(str.isprintable), min_size=1, max_size=8))
def test_a_random_workbook_is_checked_or_refused_and_written_as_a_whole(client, starfall, developer, gem, seed, texts):
    """One in twenty-five goes the whole way, with its page and its confirm; the others go through the check alone."""
    chance = random.Random(seed)
    client.force_login(developer)
    for number in range(EACH):
        content, mode = random_workbook(chance, texts), chance.choice(Import.Mode.values)
        before = catalogue() if number % EACH == 0 else []
        if number % EACH:
            outcome(content, starfall, mode)
            continue
        run = uploaded(starfall, content, by=developer, mode=mode)
        check_result(run)
        assert catalogue() == before
        page = reverse("items:import-detail", kwargs={"app_id": starfall.app_id, "pk": run.pk})
        assert client.get(page).status_code == 200
        if run.state == "checked" and not run.faulty and run.new + run.changed:
            check_written(confirmed(run, by=developer), before)


def outcome(content, program, mode):
    """What the check says of a workbook. Any other exception than a refusal fails the test."""
    try:
        with Workbook(io.BytesIO(content)) as book:
            found = check(book, program, mode=mode, currency="USD", pictures=Pictures(), advance=lambda _number: None)
    except (WorkbookError, Refused) as refused:
        assert str(refused).endswith("."), refused
        return "refused"
    assert all(told(finding).mend for finding in found.findings)
    assert len(found.plan.new) + len(found.plan.changed) + found.unchanged + found.faulty >= found.rows > 0
    return "faulty" if found.faulty else "written" if found.plan.new or found.plan.changed else "unchanged"


def check_result(run):
    assert run.job.state == "succeeded", run.job.error
    assert run.state == "checked" or (run.state == "refused" and run.reason.endswith("."))
    if run.state == "checked":
        assert run.new + run.changed + run.unchanged + run.faulty >= run.rows > 0


def check_written(run, before):
    assert run.state == "applied"
    old, now = ({item["product_id"]: item for item in items} for items in (before, catalogue()))
    assert len(now) == len(old) + run.new
    touched = [name for name in old if now[name] != old[name]]
    assert len(touched) == run.changed
    assert set(touched) | (now.keys() - old.keys()) == set(run.items.values_list("product_id", flat=True))


def test_the_thousand_are_of_every_kind(starfall, developer, gem):
    """The generator must make workbooks of every kind, or the thousand above say little."""
    chance = random.Random(7)
    kinds = Counter(outcome(random_workbook(chance, ["a", "1"]), starfall, "add_and_update") for _number in range(200))
    assert min(kinds[kind] for kind in ("refused", "faulty", "written")) >= 20, kinds
