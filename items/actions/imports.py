"""Upload, confirm, apply, cancel and undo an import (docs/import.md). Only `apply` and `undo` change items."""

import uuid
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import jobs
from console.audit import build_entry, record
from console.errors import Forbidden, Invisible, Refused
from console.jobs import WORKER
from console.lifecycle import lock, move
from console.models import AuditEntry, MiniProgram, User
from console.permissions import require
from items.actions import image
from items.importing.pictures import read_entry
from items.models import Import, Item, ItemImage, ReleaseEntry
from items.settlement import settlement_currency
from payments.models import owners_of

CHECK, APPLY = "items.import.check", "items.import.apply"
BATCH = 1_000
UPDATED = (
    "name", "price", "currency", "description", "image", "draft_hash", "version", "edited_by", "edited_at", "last_import",
)  # fmt: skip
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
    """End an import of which nothing was written. Raises WrongState afterwards."""
    return move(run, "cancel", actor=actor)


def apply(run: Import) -> str:
    """Write the whole plan in one transaction, or refuse the import with a sentence; returns the state it is in then.

    Runs in a worker on behalf of whoever confirmed. Called again after a crash it finds either nothing written or everything.
    """
    try:
        with transaction.atomic():
            locked = _locked(run)
            if locked.state != Import.State.APPLYING:
                return locked.state
            refuse_stale(locked)
            _add(locked)
            _change(locked)
            return move(locked, "finish", actor=WORKER).state
    except (Refused, Forbidden, Invisible) as refused:
        return move(run, "refuse", actor=WORKER, reason=str(refused)).state
    except IntegrityError:
        # Somebody added one of the new ids between the look and the insert; the unique constraint decides.
        return move(run, "refuse", actor=WORKER, reason=changed_meanwhile([])).state


def undo(run: Import, *, actor: User) -> Import:
    """Take back what an applied import wrote: new items go, changed ones get their old content as a new edit.

    Raises Refused when anything of it was edited, submitted or released since: then there is no way back as a whole.
    """
    require(actor, "items.edit_item", run)
    with transaction.atomic():
        locked = _locked(run)
        undone = move(locked, "undo", actor=actor)
        new, changed = _untouched(locked)
        _restore(locked, changed, actor=actor)
        _withdraw(new, actor=actor)
    return undone


def refuse_stale(run: Import) -> None:
    """Raise Refused when the items are not those of the check any more, or whoever started may not import any more.

    Locks the items that would change, by id as all actions do.
    """
    require(run.started_by, "items.edit_item", run)
    if run.currency != settlement_currency(run.mini_program):
        raise Refused(
            _("The settlement currency of your merchant has changed since the check. Nothing was imported; check again.")
        )
    taken = _taken([row[1] for row in run.plan["new"]], run)
    planned = {pk: (version, product_id) for _row, pk, version, product_id, _changes in run.plan["changed"]}
    for item in _lock_items(planned):
        if item.version == planned[item.pk][0] and item.state not in FROZEN:
            del planned[item.pk]
    if stale := taken + [product_id for _version, product_id in planned.values()]:
        raise Refused(changed_meanwhile(stale))


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


def _lock_items(pks: Iterable[int]) -> list[Item]:
    rows = Item.objects.select_for_update(of=("self",), no_key=True).select_related("image")
    return list(rows.filter(pk__in=list(pks)).order_by("pk"))


def _taken(product_ids: list[str], run: Import) -> list[str]:
    rows = Item.objects.filter(mini_program_id=run.mini_program_id, product_id__in=product_ids)
    return list(rows.values_list("product_id", flat=True))


def _add(run: Import) -> None:
    images, own = _images(run), owners_of(run.mini_program)
    items = []
    for _row, product_id, name, price, description, sha256 in run.plan["new"]:
        item = Item(
            **own, product_id=product_id, name=name, price=price, currency=run.currency, description=description,
            image_id=images.get(sha256), edited_by=run.started_by, last_import=run,
        )  # fmt: skip
        item.draft_hash = item.content_hash()
        items.append(item)
    Item.objects.bulk_create(items, batch_size=BATCH)
    fields = ("product_id", "name", "price", "currency", "description")
    _record("items.item.add", [(item, {name: [None, getattr(item, name)] for name in fields}) for item in items], run.started_by)


def _change(run: Import) -> None:
    images = _images(run)
    planned = {pk: changes for _row, pk, _version, _product_id, changes in run.plan["changed"]}
    edited = []
    for item in _lock_items(planned):
        wanted = {key: value for key, (_old, value) in planned[item.pk].items()}
        if "image" in wanted:
            wanted["image_id"] = images[wanted.pop("image")]
        edited.append((item, _edit(item, wanted, run.started_by)))
        item.last_import = run
    _save(edited, run.started_by)


def _edit(item: Item, wanted: dict[str, Any], actor: User) -> dict[str, list[Any]]:
    """Set the draft of a locked item as an edit does; returns the changes for the audit entry."""
    changes = {field: [getattr(item, field), value] for field, value in wanted.items()}
    for field, value in wanted.items():
        setattr(item, field, value)
    changes["version"] = [item.version, item.version + 1]
    item.version, item.edited_by, item.edited_at = item.version + 1, actor, timezone.now()
    item.draft_hash = item.content_hash()
    return changes


def _save(edited: list[tuple[Item, dict[str, list[Any]]]], actor: User) -> None:
    # An upsert by primary key: Django's bulk_update writes a CASE a row and takes minutes for 10,000.
    Item.objects.bulk_create(
        [item for item, _changes in edited],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=list(UPDATED),
        batch_size=BATCH,
    )
    _record("items.item.edit", edited, actor)


def _record(verb: str, written: Iterable[tuple[Item, dict[str, Any]]], actor: User) -> None:
    AuditEntry.objects.bulk_create(
        [build_entry(verb, item, actor=actor, changes=changes) for item, changes in written], batch_size=BATCH
    )


def _images(run: Import) -> dict[str, int]:
    """Ids of the images that the plan names, by SHA-256; those of the .zip are stored now."""
    wanted = {row[5] for row in run.plan["new"]} | {row[4]["image"][1] for row in run.plan["changed"] if "image" in row[4]}
    rows = ItemImage.objects.filter(mini_program_id=run.mini_program_id, sha256__in=wanted)
    found = dict(rows.values_list("sha256", "pk"))
    missing = {sha256: name for sha256, name in run.plan.get("pictures", {}).items() if sha256 in wanted - found.keys()}
    if missing:
        with run.images.open("rb") as file, zipfile.ZipFile(file) as archive:
            for sha256, name in missing.items():
                kept = image.keep(run.mini_program, read_entry(archive, name), actor=run.started_by)
                found[sha256] = kept.pk
    return found


# The way back


def _untouched(run: Import) -> tuple[list[Item], list[Item]]:
    """The items that the import added and those that it changed, under lock; Refused when somebody touched one since."""
    added = {row[1] for row in run.plan["new"]}
    planned = {row[1]: row[2] for row in run.plan["changed"]}
    ours = Item.objects.filter(mini_program_id=run.mini_program_id, product_id__in=added).values_list("pk", flat=True)
    items = _lock_items([*ours, *planned])
    released = set(
        ReleaseEntry.objects.filter(item__in=items, release__requested_at__gte=run.applied_at).values_list("item_id", flat=True)
    )
    touched = [
        item.product_id
        for item in items
        if item.pk in released or item.state in FROZEN or item.version != planned.get(item.pk, 0) + 1
    ]
    if touched or len(items) != len(added) + len(planned):
        names = ", ".join(touched[:5]) + ("…" if len(touched) > 5 else "")
        message = _("The import cannot be undone: items of it were edited, submitted, released or deleted since (%(names)s).")
        raise Refused(message % {"names": names or _("deleted")})
    return [item for item in items if item.pk not in planned], [item for item in items if item.pk in planned]


def _restore(run: Import, items: list[Item], *, actor: User) -> None:
    planned = {pk: changes for _row, pk, _version, _product_id, changes in run.plan["changed"]}
    shas = {changes["image"][0] for changes in planned.values() if "image" in changes}
    images = dict(ItemImage.objects.filter(mini_program_id=run.mini_program_id, sha256__in=shas).values_list("sha256", "pk"))
    edited = []
    for item in items:
        wanted = {key: old for key, (old, _new) in planned[item.pk].items()}
        if "image" in wanted:
            wanted["image_id"] = images.get(wanted.pop("image"))
        edited.append((item, _edit(item, wanted, actor)))
        item.last_import = None
    _save(edited, actor)


def _withdraw(items: list[Item], *, actor: User) -> None:
    """Take new items away. They were never submitted, so nobody can have bought them live and their ids are free again."""
    _record("items.item.withdraw_import", [(item, {"product_id": [item.product_id, None]}) for item in items], actor)
    try:
        Item.objects.filter(pk__in=[item.pk for item in items]).delete()
    except ProtectedError:
        raise Refused(
            _("The import cannot be undone: items of it were bought in the sandbox. Delete what you do not need.")
        ) from None
