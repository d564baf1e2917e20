"""The images that an import brings: files first, one by one, which takes long; their rows with the rest, in one transaction."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console import bulk
from items.actions import image
from items.importing.pictures import read_entry
from items.importing.plan import Plan
from items.models import Import, ItemImage

Advance = Callable[[int, int], None]


@contextmanager
def stored_files(run: Import, plan: Plan, *, advance: Advance) -> Iterator[list[ItemImage]]:
    """Unsaved rows of the images of the .zip that the plan needs, their files stored. What has no row at the end is deleted.

    `advance` is told how many are stored, of how many steps; writing all rows is the last step.
    """
    images: list[ItemImage] = []
    missing = _missing(run, plan)
    try:
        advance(0, len(missing) + 1)
        if missing:
            with run.images.open("rb") as file, zipfile.ZipFile(file) as archive:
                for name in missing.values():
                    images.append(image.store(run.mini_program, read_entry(archive, name), actor=run.started_by))
                    advance(len(images), len(missing) + 1)
        yield images
    finally:
        _delete_unkept(images)


def keep(run: Import, plan: Plan, images: list[ItemImage]) -> dict[str, int]:
    """Write the rows of the stored files; returns the ids, by SHA-256, of all images that the plan names."""
    known = known_images(run, plan.images)
    ItemImage.objects.bulk_create([row for row in images if row.sha256 not in known])
    return known_images(run, plan.images) if images else known


def known_images(run: Import, hashes: set[str]) -> dict[str, int]:
    """Ids of the images of the mini program with these SHA-256."""
    rows = ItemImage.objects.filter(mini_program_id=run.mini_program_id, sha256__in=bulk.listed(hashes, str))
    return dict(rows.values_list("sha256", "pk"))


def _missing(run: Import, plan: Plan) -> dict[str, str]:
    """The entries of the .zip, by SHA-256, whose images are not stored yet."""
    known = known_images(run, set(plan.pictures)) if plan.pictures else {}
    return {sha256: name for sha256, name in plan.pictures.items() if sha256 not in known}


def _delete_unkept(images: list[ItemImage]) -> None:
    if not images:
        return
    kept = set(ItemImage.objects.filter(file__in=[row.file.name for row in images]).values_list("file", flat=True))
    for row in images:
        if row.file.name not in kept:
            row.file.delete(save=False)
            row.thumbnail.delete(save=False)
