"""Upload, confirm, apply, cancel and undo an import (docs/import.md). Only `apply` and `undo` change items."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import bulk, jobs
from console.audit import record
from console.crash import mark
from console.errors import Forbidden, Invisible, Refused
from console.jobs import WORKER, Progress
from console.lifecycle import lock, move
from console.models import Job, MiniProgram, User
from console.permissions import require
from items.actions import import_images, import_rows
from items.actions.import_images import stored_files
from items.actions.import_rows import Draft, lock_drafts
from items.importing.plan import Plan
from items.models import Import, Item, ItemImage, ReleaseEntry
from items.settlement import settlement_currency
from payments.models import owners_of

CHECK, APPLY = "items.import.check", "items.import.apply"
FROZEN = (Item.State.UNDER_REVIEW, Item.State.DELETED)


def upload(program: MiniProgram, *, actor: User, file: "File[Any]", mode: str, images: "File[Any] | None" = None) -> Import:
    """Store the workbook and start its check. Raises Invisible, Forbidden, or Refused while no merchant is effective."""
    require(actor, "items.edit_item", program)
    currency = settlement_currency(program)
    if not currency:
        raise Refused(_("No merchant is effective yet, so prices have no currency. The home page shows which steps are left."))
    with transaction.atomic():
        run = Import(**owners_of(program), started_by=actor, mode=mode, currency=currency, file_name=_shown_name(file))
        run.file.save(f"{uuid.uuid4()}.xlsx", file, save=False)
        if images:
            run.images.save(f"{uuid.uuid4()}.zip", images, save=False)
        run.save()
        record("items.import.upload", run, actor=actor, changes={"mode": [None, mode]})
        return _start(CHECK, run, actor=actor)


def confirm(run: Import, *, actor: User) -> Import:
    """Start writing what the check showed. Raises WrongState when that was started already, Refused when there are faults."""
    with transaction.atomic():
        return _start(APPLY, move(run, "confirm", actor=actor), actor=actor)


def recheck(run: Import, *, actor: User) -> Import:
    """Check the same file again, against the items as they are now."""
    with transaction.atomic():
        checking = move(run, "recheck", actor=actor)
        checking.currency = settlement_currency(run.mini_program) or run.currency
        return _start(CHECK, checking, actor=actor)


def cancel(run: Import, *, actor: User) -> Import:
    """End an import of which nothing was written. Raises WrongState when everything is."""
    require(actor, "items.edit_item", run)
    # The job first: a worker that is writing holds the import's row until its end, where it looks whether it was cancelled.
    if run.job and run.job.state in (Job.State.QUEUED, Job.State.RUNNING):
        jobs.cancel(run.job, actor=actor)
    return move(run, "cancel", actor=actor)


def apply(run: Import, *, progress: Progress) -> None:
    """Write the whole plan in one transaction, or refuse the import with a sentence.

    Runs in a worker on behalf of whoever confirmed. Called again after a crash it finds either nothing written or everything.
    The job ends in the same transaction: a cancel that comes before the commit leaves nothing, and raises Cancelled here.
    """
    if run.state != Import.State.APPLYING:
        return
    plan = Plan.of(run)
    try:
        with stored_files(run, plan, advance=progress.advance) as images, transaction.atomic():
            locked = _locked(run)
            if locked.state == Import.State.APPLYING:
                _write(locked, plan, images)
                progress.finish({})
    except (Refused, Forbidden, Invisible) as refused:
        move(run, "refuse", actor=WORKER, reason=str(refused))
    except IntegrityError as error:
        if "product_id" not in str(error):
            raise
        # Somebody added one of the new ids between the look and the insert; the unique constraint decides.
        move(run, "refuse", actor=WORKER, reason=changed_meanwhile([]))


def _write(run: Import, plan: Plan, images: list[ItemImage]) -> None:
    drafts = refuse_stale(run, plan)
    ids = import_images.keep(run, plan, images)
    import_rows.add(run, plan, ids)
    mark("import-half")
    import_rows.change(run, plan, drafts, ids)
    move(run, "finish", actor=WORKER)
    mark("import-written")


def undo(run: Import, *, actor: User) -> Import:
    """Take back what an applied import wrote: new items go, changed ones get their old content as a new edit.

    Raises Refused when anything of it was edited, submitted or released since: then there is no way back as a whole.
    """
    require(actor, "items.edit_item", run)
    with transaction.atomic():
        locked = _locked(run)
        undone = move(locked, "undo", actor=actor)
        plan = Plan.of(locked)
        drafts = _untouched(locked, plan)
        changed = {change.pk for change in plan.changed}
        import_rows.restore(locked, plan, drafts, import_images.known_images(locked, plan.old_images), actor=actor)
        import_rows.withdraw(locked, [draft for pk, draft in drafts.items() if pk not in changed], actor=actor)
    return undone


def refuse_stale(run: Import, plan: Plan) -> dict[int, Draft]:
    """The items that would change, under lock.

    Raises Refused when the items are not those of the check any more, Forbidden or Invisible when whoever started may not
    import any more.
    """
    require(run.started_by, "items.edit_item", run)
    if run.currency != settlement_currency(run.mini_program):
        raise Refused(
            _("The settlement currency of your merchant has changed since the check. Nothing was imported; check again.")
        )
    taken = _taken([addition.product_id for addition in plan.new], run)
    versions = {change.pk: change.version for change in plan.changed}
    drafts = lock_drafts(versions)
    fit = {pk for pk, draft in drafts.items() if draft.version == versions[pk] and draft.state not in FROZEN}
    if stale := taken + [change.product_id for change in plan.changed if change.pk not in fit]:
        raise Refused(changed_meanwhile(stale))
    return drafts


def changed_meanwhile(product_ids: Sequence[str]) -> str:
    """Why nothing was imported, with up to five of the items."""
    if not product_ids:
        return _("Items of this list were added by somebody else since the check. Nothing was imported; check again.")
    sentence = ngettext(
        "%(number)d item was added, edited or submitted since the check: %(names)s. Nothing was imported; check again.",
        "%(number)d items were added, edited or submitted since the check: %(names)s. Nothing was imported; check again.",
        len(product_ids),
    )
    names = ", ".join(product_ids[:5]) + ("…" if len(product_ids) > 5 else "")
    return sentence % {"number": len(product_ids), "names": names}


def _start(kind: str, run: Import, *, actor: User) -> Import:
    titles = {CHECK: _("Check of %(name)s"), APPLY: _("Import of %(name)s")}
    title = (titles[kind] % {"name": run.file_name})[:200]
    params = {"import": run.pk, "language": translation.get_language() or "en"}
    run.job = jobs.start(kind, actor=actor, title=title, params=params, container=run)
    run.save(update_fields=["job", "currency"])
    return run


def _shown_name(file: "File[Any]") -> str:
    name = "".join(letter for letter in str(file.name).replace("\\", "/").rpartition("/")[2] if letter.isprintable())
    return name[-200:] or "workbook.xlsx"


def _locked(run: Import) -> Import:
    """The import under lock, and its mini program: two imports of one program are written one after the other."""
    locked = lock(run)
    lock(locked.mini_program)
    return locked


def _taken(product_ids: list[str], run: Import) -> list[str]:
    rows = Item.objects.filter(mini_program_id=run.mini_program_id, product_id__in=bulk.listed(product_ids, str))
    return list(rows.values_list("product_id", flat=True))


# The way back


def _untouched(run: Import, plan: Plan) -> dict[int, Draft]:
    """The items that the import added and those that it changed, under lock; Refused when somebody touched one since."""
    added = {addition.product_id for addition in plan.new}
    planned = {change.pk: change.version for change in plan.changed}
    ours = Item.objects.filter(mini_program_id=run.mini_program_id, product_id__in=bulk.listed(added, str)).values_list(
        "pk", flat=True
    )
    drafts = lock_drafts([*ours, *planned])
    released = set(
        ReleaseEntry.objects.filter(item__in=drafts, release__requested_at__gte=run.applied_at).values_list("item_id", flat=True)
    )
    touched = [
        draft.product_id
        for pk, draft in drafts.items()
        if pk in released or draft.state in FROZEN or draft.version != planned.get(pk, 0) + 1
    ]
    if touched or len(drafts) != len(added) + len(planned):
        names = ", ".join(touched[:5]) + ("…" if len(touched) > 5 else "")
        message = _("The import cannot be undone: items of it were edited, submitted, released or deleted since (%(names)s).")
        raise Refused(message % {"names": names or _("deleted")})
    return drafts
