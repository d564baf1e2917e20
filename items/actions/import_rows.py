"""The rows of an import as plain values: ten thousand of them cost less than a second (docs/performance.md, `import_items`).

Parts of `items.actions.imports`, which checks permissions and holds the locks.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from console import bulk
from console.audit import Subject, record_subjects
from console.errors import Refused
from console.models import User
from items.importing.plan import Plan
from items.models import Import, Item, hash_content

ADDED = (
    "mini_program_id", "team_id", "superapp_id", "edited_by_id", "last_import_id", "product_id", "name", "price", "currency",
    "description", "image_id", "draft_hash",
)  # fmt: skip
EDITED = (
    "edited_by_id", "edited_at", "last_import_id", "version", "name", "price", "currency", "description", "image_id",
    "draft_hash",
)  # fmt: skip


class Draft(NamedTuple):
    """What stands in an item's row now."""

    pk: int
    product_id: str
    state: str
    version: int
    name: str
    price: int
    currency: str
    description: str
    image_id: int | None

    @property
    def label(self) -> str:
        """As str() of the item."""
        return f"{self.name} ({self.product_id})"

    @property
    def draft_hash(self) -> str:
        """As the item's content_hash()."""
        return hash_content([self.product_id, self.name, self.price, self.currency, self.image_id, self.description])


def lock_drafts(pks: Iterable[int]) -> dict[int, Draft]:
    """The items with these keys under lock, in the order of the keys as all actions lock them."""
    columns = ("pk", *Draft._fields[1:])
    rows = Item.objects.select_for_update(no_key=True).filter(pk__in=bulk.listed(pks, int)).order_by("pk")
    return {values[0]: Draft._make(values) for values in rows.values_list(*columns)}


def add(run: Import, plan: Plan, images: Mapping[str, int]) -> None:
    """Add the new items of the plan, with an audit entry each; `images` are ids by SHA-256."""
    owners = (run.mini_program_id, run.team_id, run.superapp_id, run.started_by_id, run.pk)
    rows, changes = [], {}
    for _row, product_id, name, price, description, sha256 in plan.new:
        image_id = images.get(sha256)
        digest = hash_content([product_id, name, price, run.currency, image_id, description])
        rows.append((*owners, product_id, name, price, run.currency, description, image_id, digest))
        changes[product_id] = {
            "product_id": [None, product_id], "name": [None, name], "price": [None, price], "currency": [None, run.currency],
            "description": [None, description],
        }  # fmt: skip
    bulk.insert(Item, ADDED, rows)
    added = list(run.items.values_list("pk", "product_id", "name"))  # before `change`, so only these belong to the import
    subjects = [_subject(run, pk, f"{name} ({product_id})") for pk, product_id, name in added]
    told = [changes[product_id] for _pk, product_id, _name in added]
    record_subjects("items.item.add", subjects, actor=run.started_by, changes=told)


def change(run: Import, plan: Plan, drafts: Mapping[int, Draft], images: Mapping[str, int]) -> None:
    """Edit the changed items of the plan."""
    wanted = {change.pk: _wanted(change.fields, 1, images) for change in plan.changed}
    _edit(run, drafts, wanted, actor=run.started_by, last_import_id=run.pk)


def restore(run: Import, plan: Plan, drafts: Mapping[int, Draft], images: Mapping[str, int], *, actor: User) -> None:
    """Give the changed items their old content back, as a new edit."""
    wanted = {change.pk: _wanted(change.fields, 0, images) for change in plan.changed}
    _edit(run, drafts, wanted, actor=actor, last_import_id=None)


def withdraw(run: Import, drafts: Iterable[Draft], *, actor: User) -> None:
    """Take new items away. They were never submitted, so nobody can have bought them live and their ids are free again."""
    drafts = list(drafts)
    subjects = [_subject(run, draft.pk, draft.label) for draft in drafts]
    told = [{"product_id": [draft.product_id, None]} for draft in drafts]
    record_subjects("items.item.withdraw_import", subjects, actor=actor, changes=told)
    try:
        Item.objects.filter(pk__in=[draft.pk for draft in drafts]).delete()
    except ProtectedError:
        raise Refused(
            _("The import cannot be undone: items of it were bought in the sandbox. Delete what you do not need.")
        ) from None


def _subject(run: Import, pk: int, label: str) -> Subject:
    return Subject(run.team_id, run.superapp_id, run.mini_program_id, Item._meta.label_lower, str(pk), label)


def _wanted(changes: Mapping[str, list[Any]], side: int, images: Mapping[str, int]) -> dict[str, Any]:
    """The columns of one side of a difference; an image is stored by its id."""
    wanted = {key: pair[side] for key, pair in changes.items()}
    if "image" in wanted:
        wanted["image_id"] = images.get(wanted.pop("image"))
    return wanted


def _edit(
    run: Import, drafts: Mapping[int, Draft], wanted: Mapping[int, dict[str, Any]], *, actor: User, last_import_id: int | None
) -> None:
    now, rows, subjects, told = timezone.now(), [], [], []
    for pk, columns in wanted.items():
        old = drafts[pk]
        new = old._replace(version=old.version + 1, **columns)
        rows.append((pk, actor.pk, now, last_import_id, *new[3:], new.draft_hash))
        changes = {name: [getattr(old, name), value] for name, value in columns.items()}
        subjects.append(_subject(run, pk, new.label))
        told.append(changes | {"version": [old.version, new.version]})
    bulk.update(Item, EDITED, rows)
    record_subjects("items.item.edit", subjects, actor=actor, changes=told)
