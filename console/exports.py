"""Exports of lists, as jobs: any list that is registered here, whole, a page of it or the ticked rows (docs/exports.md)."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import jobs, replica
from console.columns import Column
from console.errors import Refused
from console.exporting import Export, about, told, write_csv, write_workbook
from console.jobs import Progress, job
from console.listing import Listing
from console.middleware import known_zone
from console.models import ExportSchedule, Job, MiniProgram, Notice, Superapp, Team, User
from console.notices import News, tell
from console.packing import packed
from console.permissions import THE_PLATFORM, Platform, can, require
from console.sentences import joined

KIND = "console.export"
#: What an export can be, as the ending of its name: CSV, a zip of the CSV and an about.txt, a workbook.
FILES = ("csv", "zip", "xlsx")
MOST_SELECTED = 1_000
#: Whoever waited longer is told when the file is ready.
LONG = timedelta(seconds=30)
Place = MiniProgram | Team | Superapp | Platform


@dataclass(frozen=True)
class Exportable:
    """A list that can be exported by those who hold `permission`. `title` names the job and holds %(place)s."""

    name: str
    permission: str
    title: str | Promise
    listing: Callable[[Any, QueryDict], Listing]


_lists: dict[str, Exportable] = {}


def register(exportable: Exportable) -> None:
    """Make a list known under its name; the app that declares the list calls it."""
    _lists[exportable.name] = exportable


def exportable(name: str) -> Exportable:
    """The list of this name. Raises KeyError."""
    return _lists[name]


def names_of(place: Place) -> dict[str, str]:
    """The place as texts that a job can hold."""
    return {
        "app_id": place.app_id if isinstance(place, MiniProgram) else "",
        "team": place.code if isinstance(place, Team) else "",
        "superapp": place.code if isinstance(place, Superapp) else "",
    }


def place_of(params: dict[str, Any]) -> Place:
    """The place that names_of() made these texts from."""
    if params["app_id"]:
        return MiniProgram.objects.get(app_id=params["app_id"])
    if params.get("team"):
        return Team.objects.get(code=params["team"])
    return Superapp.objects.get(code=params["superapp"]) if params["superapp"] else THE_PLATFORM


def start_export(
    record: str, place: Place, *, actor: User, query: str, columns: list[str], scope: str, file: str, ids: Sequence[int] = ()
) -> Job:
    """Start the job. `query` is that of the list's address, `scope` "page", "all" or "selected" with `ids`, `file` one of FILES.

    Of a page the ids are kept: rows that arrive before a worker begins would move it. Days such as "the past seven" are kept as
    they are now: midnight would move them.
    Raises Invisible, Forbidden, or Refused when the filters cannot be understood or too many rows are ticked.
    """
    what = exportable(record)
    require(actor, what.permission, place)
    listing = what.listing(place, QueryDict(query))
    if not listing.is_valid:
        raise Refused(_("The filters of this list cannot be understood. Go back and mend what is marked."))
    if len(ids) > MOST_SELECTED:
        raise Refused(_("At most %(most)s rows can be ticked. Use filters and export all that match.") % {"most": MOST_SELECTED})
    params = {
        "record": record, "permission": what.permission, "query": _fixed(listing), "columns": columns, "scope": scope,
        "file": file, "ids": page_ids(listing) if scope == "page" else list(ids), **names_of(place),
        "zone": timezone.get_current_timezone_name(), "language": translation.get_language() or "en",
    }  # fmt: skip
    return jobs.start(KIND, actor=actor, title=str(what.title) % {"place": place}, params=params, container=place)


def _fixed(listing: Listing) -> str:
    query = listing.query.copy()
    for name, value in listing.filterset.fixed.items():
        query[name] = value
    return query.urlencode()


def chosen(listing: Listing, names: list[str]) -> list[Column]:
    """The columns with these names, in the listing's order."""
    return [column for column in listing.columns if column.name in names]


def rows_of(listing: Listing, scope: str, ids: Sequence[int] = ()) -> QuerySet:
    """All rows that match, or those that were ticked or are on the page; of a page without ids that of the address.

    What was ticked stays in the export when it changes and does not match the filters any more.
    """
    if scope == "all":
        return listing.matching
    return listing.rows.filter(pk__in=page_ids(listing) if scope == "page" and not ids else ids)


def page_ids(listing: Listing) -> list[int]:
    """The ids of the rows of the page that the address names; none where they have left the list, never those of another page."""
    return [] if listing.is_lost else [row["id"] for row in listing.page.rows]


def _hand_out(row: Job, place: Place) -> list[User]:
    """Let the schedule's recipients have the job's page and file: those of them who hold the permission now."""
    schedule = ExportSchedule.objects.filter(pk=row.params["schedule"]).first()
    people = schedule.recipients.filter(is_active=True) if schedule else User.objects.none()
    readers = [user for user in people if can(user, row.params["permission"], place)]
    row.readers.set(readers)
    return readers


def tell_ready(row: Job, people: Sequence[User]) -> None:
    """Tell people that the file is ready and where; in the caller's transaction. The mail holds a link, never the file."""

    def write(_reader: User) -> News:
        subject = _("The file is ready: %(export)s") % {"export": row.title}
        return _news(row, subject, _("It is kept for 7 days. Sign in to download it; every download is recorded."))

    tell(people, kind=Notice.Kind.EXPORT, write=write)


def tell_failed(row: Job) -> None:
    """Tell whoever waits that there is no file, and why: those who would be told that it is ready, and a schedule's owner."""
    if "schedule" in row.params:
        people = {row.actor, *_hand_out(row, place_of(row.params))}
    else:
        people = {row.actor} if _took_long(row) else set()

    def write(_reader: User) -> News:
        return _news(row, _("The export failed: %(export)s") % {"export": row.title}, row.error)

    tell(people, kind=Notice.Kind.EXPORT, write=write)


def _took_long(row: Job) -> bool:
    return timezone.now() - row.created_at > LONG


def _news(row: Job, subject: str, said: str) -> News:
    url = reverse("job-detail", kwargs={"uid": row.uid})
    return News(subject, url, f"{subject}\n\n{said}\n\n{settings.BASE_URL}{url}\n")


@job("orders.export", failed=tell_failed)  # started before the activity could be exported too
@job(KIND, failed=tell_failed)
def export(row: Job, progress: Progress) -> dict[str, Any]:
    """Write the file; who lost the permission since gets none. Raises Refused for filters not understood any more."""
    params = row.params
    place = place_of(params)
    require(row.actor, params["permission"], place)
    with translation.override(params["language"]), timezone.override(known_zone(params["zone"])):
        listing = exportable(params["record"]).listing(place, QueryDict(params["query"]))
        if not listing.is_valid:
            why = _("The filters of this list cannot be understood, so there is no file.")
            raise Refused(joined([why, *listing.filterset.faults]))
        result = replica.read(lambda: _write(row, listing, progress))
    with transaction.atomic():
        progress.finish(result)
        if "schedule" in params:
            tell_ready(row, _hand_out(row, place))
        elif _took_long(row):
            tell_ready(row, [row.actor])
    return result


def _write(row: Job, listing: Listing, progress: Progress) -> dict[str, Any]:
    params = row.params
    columns, rows = chosen(listing, params["columns"]), rows_of(listing, params["scope"], params.get("ids", ()))
    where = params["app_id"] or params.get("team") or params["superapp"] or "platform"
    stem = f"{params['record']}-{where}-{timezone.localtime():%Y%m%d-%H%M}"
    name = f"{stem}.{params['file']}"
    with TemporaryUploadedFile(name, "application/octet-stream", 0, None) as file:
        assert file.file
        if params["file"] == "zip":
            done = _zip(file.file, stem, listing, rows, columns, progress)
        else:
            write = write_workbook if params["file"] == "xlsx" else write_csv
            done = write(listing, rows, columns, file.file, progress=progress)
        file.file.flush()
        progress.keep(name, file)
    return _result(name, listing, done)


def _zip(target: IO[bytes], stem: str, listing: Listing, rows: QuerySet, columns: list[Column], progress: Progress) -> Export:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with packed(archive, f"{stem}.csv", force_zip64=True) as inside:
            done = write_csv(listing, rows, columns, inside, progress=progress)
        archive.writestr("about.txt", about(listing, done.totals, done))
    return done


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
