"""Exports of the order record and the after-sales record, as jobs."""

import zipfile
from datetime import datetime
from typing import IO, Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import jobs
from console.columns import Column
from console.errors import Refused
from console.exporting import Export, about, told, write_csv, write_workbook
from console.jobs import Cancelled, Progress, job
from console.listing import Listing
from console.middleware import known_zone
from console.models import Job, MiniProgram, Superapp, User
from console.permissions import require
from orders.listings import listing_of

KIND = "orders.export"
#: What an export can be, as the ending of its name: CSV, a zip of the CSV and an about.txt, a workbook.
FILES = ("csv", "zip", "xlsx")
PERMISSIONS = {"orders": "orders.view_order", "refunds": "orders.view_refund"}


def start_export(
    record: str, place: MiniProgram | Superapp, *, actor: User, query: str, columns: list[str], scope: str, file: str
) -> Job:
    """Start the job. `query` is the query of the list's address, `scope` is "page" or "all", `file` one of FILES.

    Raises Invisible, Forbidden, or Refused when the filters cannot be understood.
    """
    permission = PERMISSIONS[record]
    require(actor, permission, place)
    if not listing_of(record, place, QueryDict(query)).is_valid:
        raise Refused(_("The filters of this list cannot be understood. Go back and mend what is marked."))
    params = {
        "record": record, "permission": permission, "query": query, "columns": columns, "scope": scope, "file": file,
        "app_id": place.app_id if isinstance(place, MiniProgram) else "",
        "superapp": place.code if isinstance(place, Superapp) else "",
        "zone": timezone.get_current_timezone_name(), "language": translation.get_language() or "en",
    }  # fmt: skip
    words = {"orders": _("Export of orders: %(place)s"), "refunds": _("Export of refunds: %(place)s")}
    return jobs.start(KIND, actor=actor, title=words[record] % {"place": place.name}, params=params, container=place)


def chosen(listing: Listing, names: list[str]) -> list[Column]:
    """The columns with these names, in the listing's order."""
    return [column for column in listing.columns if column.name in names]


def rows_of(listing: Listing, scope: str) -> QuerySet:
    """All rows that match, or those of the page that the address names."""
    if scope == "all":
        return listing.matching
    return listing.matching.filter(pk__in=[row["id"] for row in listing.page.rows])


@job(KIND)
def export(row: Job, progress: Progress) -> dict[str, Any]:
    """Write the file; whoever lost the permission since gets none."""
    params = row.params
    place = _place(params)
    require(row.actor, params["permission"], place)
    with translation.override(params["language"]), timezone.override(known_zone(params["zone"])):
        listing = listing_of(params["record"], place, QueryDict(params["query"]))
        return _write(row, listing, progress)


def _place(params: dict[str, Any]) -> MiniProgram | Superapp:
    if params["app_id"]:
        return MiniProgram.objects.get(app_id=params["app_id"])
    return Superapp.objects.get(code=params["superapp"])


def _write(row: Job, listing: Listing, progress: Progress) -> dict[str, Any]:
    params = row.params
    columns, rows = chosen(listing, params["columns"]), rows_of(listing, params["scope"])
    stem = f"{params['record']}-{params['app_id'] or params['superapp']}-{timezone.localtime():%Y%m%d-%H%M}"
    name = f"{stem}.{params['file']}"
    with TemporaryUploadedFile(name, "application/octet-stream", 0, None) as file:
        assert file.file
        if params["file"] == "zip":
            done = _zip(file.file, stem, listing, rows, columns, progress)
        else:
            write = write_workbook if params["file"] == "xlsx" else write_csv
            done = write(listing, rows, columns, file.file, progress=progress)
        file.file.flush()
        _keep(row, name, file)
    return _result(name, listing, done)


def _zip(target: IO[bytes], stem: str, listing: Listing, rows: QuerySet, columns: list[Column], progress: Progress) -> Export:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(f"{stem}.csv", "w", force_zip64=True) as inside:
            done = write_csv(listing, rows, columns, inside, progress=progress)
        archive.writestr("about.txt", about(listing, done.totals, done))
    return done


def _keep(row: Job, name: str, file: TemporaryUploadedFile) -> None:
    """Move the file to where results are kept, unless the job was cancelled meanwhile."""
    row.file.save(name, file, save=False)
    if not Job.objects.filter(pk=row.pk, state=Job.State.RUNNING).update(file=row.file.name):
        row.file.delete(save=False)
        raise Cancelled


def _result(name: str, listing: Listing, done: Export) -> dict[str, Any]:
    facts = [
        [_("Rows"), ngettext("%(number)s row", "%(number)s rows", done.totals.rows) % {"number": f"{done.totals.rows:,}"}],
        [_("As of"), _moment(done.taken_at)],
        [_("SHA-256 of the workbook") if name.endswith("xlsx") else _("SHA-256 of the CSV"), done.sha256],
    ]
    return {
        "filename": name, "rows": done.totals.rows, "sha256": done.sha256, "size": done.size,
        "totals": told(listing, done.totals), "facts": facts,
    }  # fmt: skip


def _moment(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S} ({timezone.get_current_timezone_name()})"
