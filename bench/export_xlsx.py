"""The workbook of the order record: against COPY of the same XML and against XlsxWriter and openpyxl (bench/README.md)."""

import os

import psycopg
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from bench.database import record
from bench.export_csv import COLUMNS, QUERY, ZONE, run_export, scale
from bench.measuring import Result, medians
from bench.usual_exports import by_import_export, by_openpyxl, by_rust, by_xlsxwriter
from console.exporting import SHEET, copy_sql
from console.exports import chosen
from console.middleware import known_zone
from console.models import Superapp, User
from orders.listings import order_listing

ROUNDS = 3
#: Peer → its name and how many times faster we want to be.
PEERS = {
    "rust": ("rustpy-xlsxwriter with plain values", 3),
    "xlsxwriter": ("XlsxWriter in constant memory", 18),
    "openpyxl": ("openpyxl write-only", 25),
    "import_export": ("django-import-export", 70),
}


def measure(rows: int) -> list[Result]:
    """The sixteen columns of `export_csv`, as a workbook with types, formats and the sheet About."""
    record(rows)
    actor = User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    place = Superapp.objects.get()
    with timezone.override(known_zone(ZONE)):
        times = medians(
            ROUNDS, ours=lambda: run_export(place, actor, file="xlsx"), csv=lambda: run_export(place, actor, file="csv"),
            limit=lambda: limit(place), rust=lambda: by_rust(place), xlsxwriter=lambda: by_xlsxwriter(place),
            openpyxl=lambda: by_openpyxl(place), import_export=lambda: by_import_export(place, "xlsx"),
        )  # fmt: skip
    return [compared(times, peer, scale(place)) for peer in PEERS]


def compared(times: dict[str, float], peer: str, times_as_many: float) -> Result:
    """Beside one of the peers, whose time is linear in the rows."""
    name, least = PEERS[peer]
    sides = {"ours": times["ours"], "limit": times["limit"], "peer": times[peer] * times_as_many}
    ours, to_csv = sides["ours"], times["ours"] / times["csv"]
    met = ours <= 1.2 * sides["limit"] and to_csv <= 1.6 and sides["peer"] >= least * ours
    goal = f"≤ 1.2 × COPY of the rows' XML to /dev/null; ≤ 1.6 × the CSV ({to_csv:.2f} ×); ≥ {least} × {name}"
    return Result(name=f"export_xlsx, {peer}", unit="s", goal=goal, met=met, **sides)


def limit(place: Superapp) -> None:
    """What the database alone needs for the XML of the rows, to /dev/null."""
    listing = order_listing(place, QueryDict(QUERY))
    connection.ensure_connection()
    sql, params = copy_sql(connection, listing.ordered, chosen(listing, list(COLUMNS)), ZONE, SHEET)
    statement = psycopg.ClientCursor(connection.connection).mogrify(sql, params)
    with connection.connection.cursor() as cursor, open(os.devnull, "wb") as target:
        with cursor.copy(f"COPY ({statement}) TO STDOUT ({SHEET.options})") as copy:
            for block in copy:
                target.write(block)
