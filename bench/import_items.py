"""Check and apply of a workbook of 10,000 items, from the upload to the result (bench/README.md)."""

import io
from decimal import Decimal

from django.core.files.base import ContentFile
from django.db import connection, transaction

from bench.database import programs
from bench.measuring import Result, medians
from bench.usual_import import PEER_ROWS, by_forms, by_import_export, openpyxl_rows
from console import jobs
from console.actions.membership import set_superapp_role, set_team_role
from console.lifecycle import move
from console.models import AuditEntry, MiniProgram, User
from console.permissions import System
from items import imports as _jobs  # noqa: F401 - the jobs register themselves
from items.actions import imports as actions
from items.importing.template import write_template
from items.models import Import, Item
from payments.models import Merchant, MerchantBinding, owners_of

ROUNDS = 3
ITEMS = 10_000


def measure(_rows: int) -> list[Result]:
    """Always the largest workbook; half of its rows are new, half change an item in name, price and description."""
    program, actor = place()
    content = workbook()
    sides = {"ours": ours, "limit": limit, "forms": by_forms, "import_export": by_import_export}
    for side in sides.values():  # once without the clock, so that nobody pays for imports and empty caches
        reset(program, actor)
        side(program, actor, content)
    rounds: dict[str, list[float]] = {name: [] for name in sides}
    for _round in range(ROUNDS):
        for name, side in sides.items():
            reset(program, actor)
            taken = medians(1, it=lambda side=side: side(program, actor, content))  # type: ignore[misc]
            rounds[name].append(taken["it"])
    times = {name: sorted(taken)[ROUNDS // 2] for name, taken in rounds.items()}
    times["import_export"] *= ITEMS / PEER_ROWS  # linear: the whole takes minutes
    forms = compared(times, peer="forms", least=3, name="openpyxl, a form a row and bulk_create")
    return [forms, compared(times, peer="import_export", least=25, name="django-import-export's preview and import")]


def compared(times: dict[str, float], *, peer: str, least: int, name: str) -> Result:
    """Beside one of the peers."""
    sides = {"ours": times["ours"], "limit": times["limit"], "peer": times[peer]}
    met = sides["ours"] <= 1.8 * sides["limit"] and sides["peer"] >= least * sides["ours"]
    goal = f"≤ 1.8 × openpyxl's read-only iteration and a COPY upsert; ≥ {least} × faster than {name}"
    return Result(name=f"import_items, {peer}", unit="s", goal=goal, met=met, **sides)


def ours(program: MiniProgram, actor: User, content: bytes) -> None:
    """Upload, the check's job, confirm, the import's job: all faults, differences, an audit entry an item."""
    run = actions.upload(program, actor=actor, file=ContentFile(content, "items.xlsx"), mode="add_and_update")
    jobs.run_job(run.job_id or 0)
    confirmed = actions.confirm(Import.objects.get(pk=run.pk), actor=actor)
    jobs.run_job(confirmed.job_id or 0)
    done = Import.objects.get(pk=run.pk)
    entries = AuditEntry.objects.filter(object_type="items.item", mini_program=program).count()
    if (done.state, done.new, done.changed, entries) != ("applied", ITEMS // 2, ITEMS // 2, ITEMS):
        raise RuntimeError(f"{done.state} {done.new} {done.changed} {entries} {done.reason} {done.findings[:3]}")


def limit(program: MiniProgram, actor: User, content: bytes) -> None:
    """What cannot be avoided: iterate the cells, and upsert them from a temporary table. No check, no differences, no audit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE incoming (product_id text, name text, price int, description text) ON COMMIT DROP")
        with connection.connection.cursor() as raw, raw.copy("COPY incoming FROM STDIN") as copy:
            for product_id, name, price, description, _image in openpyxl_rows(content):
                copy.write_row((product_id, name, int(Decimal(str(price)) * 100), description or ""))
        cursor.execute(_UPSERT, [program.pk, program.team_id, program.superapp_id, actor.pk])


_UPSERT = """
    INSERT INTO items_item (mini_program_id, team_id, superapp_id, edited_by_id, product_id, name, price, description, currency,
        state, draft_hash, on_sale, needs_review, live_name, live_currency, live_description, live_hash, last_reason, version,
        created_at, edited_at)
    SELECT %s, %s, %s, %s, product_id, name, price, description, 'USD',
        'unreleased', '', false, false, '', '', '', '', '', 1,
        now(), now()
    FROM incoming
    ON CONFLICT (mini_program_id, product_id) DO UPDATE SET name = EXCLUDED.name, price = EXCLUDED.price,
        description = EXCLUDED.description, version = items_item.version + 1, edited_at = now()
    WHERE (items_item.name, items_item.price, items_item.description)
        IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.price, EXCLUDED.description)
"""


def place() -> tuple[MiniProgram, User]:
    """A mini program whose team settles in US dollars, and its admin."""
    program = programs(1)[0]
    actor = User.objects.create_user("bench@example.test", name="Bench")
    set_team_role(actor, program.team, "team_admin", actor=System("bench"))
    merchant = Merchant.objects.create(superapp=program.superapp, merchant_id="M-1", name="Bench", currency="USD")
    whose = {"team": program.team, "superapp": program.superapp, "bound_team": program.team, "requested_by": actor}
    approver = User.objects.create_user("approver@example.test", name="Approver")
    set_superapp_role(approver, program.superapp, "superapp_admin", actor=System("bench"))
    move(MerchantBinding.objects.create(**whose, merchant=merchant), "approve", actor=approver)
    return program, actor


def workbook(number: int = ITEMS) -> bytes:
    """So many items in the template."""
    out = io.BytesIO()
    rows = ([f"item_{n:05}", f"Pack of {n} gems", Decimal(n + 100) / 100, f"Shines, number {n}", ""] for n in range(number))
    write_template(out, "USD", rows)
    return out.getvalue()


def reset(program: MiniProgram, actor: User) -> None:
    """Every second item exists, with other content, and no import was made. The audit trail keeps nothing between rounds."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE items_item, console_auditentry CASCADE")
        cursor.execute("DELETE FROM items_import")
    items = []
    for n in range(0, ITEMS, 2):
        item = Item(**owners_of(program), product_id=f"item_{n:05}", name="Old", price=1, currency="USD", edited_by=actor)
        item.draft_hash = item.content_hash()
        items.append(item)
    Item.objects.bulk_create(items, batch_size=1_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) items_item")
        cursor.execute("CHECKPOINT")
