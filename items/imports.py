"""The jobs of an import: check the workbook, write the plan; and the job of the catalogue export."""

from collections.abc import Callable
from typing import IO, Any

from django.core.files.base import File
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from console import jobs
from console.errors import Refused
from console.jobs import WORKER, Progress, job
from console.lifecycle import move
from console.models import Job, MiniProgram, User
from console.permissions import require
from console.spreadsheets import Mark, Workbook, WorkbookError, mark_cells
from items.actions import imports as actions
from items.importing.check import Outcome, check
from items.importing.findings import CAUSES, told
from items.importing.pictures import add_zip, stored_pictures
from items.importing.template import catalogue_rows, write_catalogue_csv, write_template
from items.models import Import
from items.settlement import settlement_currency

CATALOGUE = "items.catalogue"
MARKED_ELEMENTS = 400_000  # XML elements of a sheet: openpyxl holds each cell of a copy in memory
MARKED_CELLS = 5_000


@job(actions.CHECK)
def check_import(row: Job, progress: Progress) -> dict[str, Any]:
    """Read the workbook and note what it would do. Writes nothing but the import's own row."""
    run = Import.objects.select_related("mini_program", "started_by").get(pk=row.params["import"])
    if run.state != Import.State.CHECKING:
        return {}
    with translation.override(row.params["language"]):
        try:
            found = _check(run, progress.advance)
        except (Refused, WorkbookError) as refused:
            move(run, "refuse", actor=WORKER, reason=str(refused))
            return {}
        move(run, "finish_check", actor=WORKER, found=found)
    return {}


def start_catalogue(program: MiniProgram, *, actor: User, kind: str) -> Job:
    """Start the export of all items; `kind` is "xlsx" or "csv". Raises Invisible, Forbidden, or Refused without a currency."""
    require(actor, "items.view_item", program)
    if not settlement_currency(program):
        raise Refused(_("No merchant is effective yet, so prices have no currency."))
    params = {
        "app_id": program.app_id,
        "kind": kind,
        "permission": "items.view_item",
        "language": translation.get_language() or "en",
    }
    return jobs.start(
        CATALOGUE, actor=actor, title=_("Catalogue of %(name)s") % {"name": program.name}, params=params, container=program
    )


@job(CATALOGUE)
def export_catalogue(row: Job, progress: Progress) -> dict[str, Any]:
    """Write all items in the template's own format, or as CSV."""
    program = MiniProgram.objects.get(app_id=row.params["app_id"])
    require(row.actor, "items.view_item", program)
    with translation.override(row.params["language"]):
        name = f"items-{program.app_id}-{timezone.now():%Y%m%d-%H%M}.{row.params['kind']}"
        with TemporaryUploadedFile(name, "", 0, "utf-8") as file:
            assert file.file
            number = _write_catalogue(file.file, program, row.params["kind"])
            file.file.flush()
            progress.keep(name, file)
        return {"filename": name, "rows": number, "facts": [[_("Items"), f"{number:,}"]]}


@job(actions.APPLY)
def apply_import(row: Job, progress: Progress) -> dict[str, Any]:
    """Write everything or nothing; after a crash the next worker finds one or the other."""
    with translation.override(row.params["language"]):
        actions.apply(Import.objects.get(pk=row.params["import"]), progress=progress)
    return {}


def _check(run: Import, advance: Callable[[int], None]) -> dict[str, Any]:
    pictures, entries = stored_pictures(run.mini_program), {}
    if run.images:
        with run.images.open("rb") as zipped:
            entries = add_zip(pictures, zipped.file, advance=advance)
    with run.file.open("rb") as file:
        with Workbook(file.file) as book:
            outcome = check(book, run.mini_program, mode=run.mode, currency=run.currency, pictures=pictures, advance=advance)
        annotated = _annotated(file, outcome) if outcome.findings else None
    plan, used = outcome.plan, outcome.plan.images
    plan.pictures = {sha256: name for sha256, name in entries.items() if sha256 in used}
    return {
        "sheet": outcome.sheet[:100], "rows": outcome.rows, "new": len(plan.new), "changed": len(plan.changed),
        "unchanged": outcome.unchanged, "faulty": outcome.faulty, "findings": outcome.findings, "plan": plan.stored(),
        "annotated": annotated or "",
    }  # fmt: skip


def _write_catalogue(target: IO[bytes], program: MiniProgram, kind: str) -> int:
    currency = settlement_currency(program)
    if not currency:
        raise Refused(_("No merchant is effective any more, so prices have no currency."))
    rows = list(catalogue_rows(program, currency))
    if kind == "csv":
        write_catalogue_csv(target, currency, rows)
    else:
        write_template(target, currency, rows)
    return len(rows)


def _annotated(source: "File[Any]", outcome: Outcome) -> str:
    """Store a copy of the workbook with the findings in it; "" when openpyxl cannot make one."""
    if outcome.elements > MARKED_ELEMENTS:
        return ""
    source.seek(0)
    assert source.file
    with TemporaryUploadedFile("marked.xlsx", "", 0, "utf-8") as copy:
        assert copy.file
        try:
            mark_cells(source.file, copy.file, sheet=outcome.sheet, marks=marks_of(outcome))
        except WorkbookError:
            return ""
        copy.file.flush()
        copy.seek(0)
        field: Any = Import._meta.get_field("annotated")
        return field.storage.save(field.generate_filename(None, "marked.xlsx"), copy)


def marks_of(outcome: Outcome) -> list[Mark]:
    """One mark a cell, with the comments of all that was found there; faults come first when there are very many."""
    cells: dict[tuple[int, int], list[Any]] = {}
    for found in sorted(outcome.findings, key=lambda found: not CAUSES[found["code"]].is_fault):
        cells.setdefault((found["row"], found["column"]), []).append(found)
    return [
        Mark(row, column, "\n\n".join(told(found).comment for found in findings), CAUSES[findings[0]["code"]].is_fault)
        for (row, column), findings in list(cells.items())[:MARKED_CELLS]
    ]
