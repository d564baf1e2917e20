"""The workbook of the order record: against COPY of the same XML and against XlsxWriter and openpyxl (bench/README.md)."""

import io
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import xlsxwriter
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from openpyxl import Workbook

from bench.database import orders, programs
from bench.export_csv import COLUMNS, PEER_ROWS, QUERY, ZONE, peer_cells, run_export
from bench.measuring import Result, medians
from console.exporting import SHEET, copy_sql
from console.exports import chosen
from console.filters import months_before, start_of
from console.middleware import known_zone
from console.models import Superapp, User
from orders.listings import order_listing
from orders.models import Order

ROUNDS = 3


def measure(rows: int) -> list[Result]:
    """The sixteen columns of `export_csv`, as a workbook with types, formats and the sheet About."""
    orders(programs(), rows)
    actor = User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    place = Superapp.objects.get()
    with timezone.override(known_zone(ZONE)):
        times = medians(
            ROUNDS, ours=lambda: run_export(place, actor, file="xlsx"), csv=lambda: run_export(place, actor, file="csv"),
            limit=lambda: limit(place), xlsxwriter=lambda: by_xlsxwriter(place), openpyxl=lambda: by_openpyxl(place),
        )  # fmt: skip
        # Linear in its rows: the whole would take minutes a round.
        scale = max(1.0, order_listing(place, QueryDict(QUERY)).matching.count() / PEER_ROWS)
    ours = times["ours"]
    found = []
    for peer, goal, least in (("xlsxwriter", "XlsxWriter in constant memory", 18), ("openpyxl", "openpyxl write-only", 25)):
        met = ours <= 1.2 * times["limit"] and ours <= 1.6 * times["csv"] and times[peer] * scale >= least * ours
        words = f"≤ 1.2 × COPY of the rows' XML to /dev/null; ≤ 1.6 × the CSV ({ours / times['csv']:.2f} ×); ≥ {least} × {goal}"
        sides = {"ours": ours, "limit": times["limit"], "peer": times[peer] * scale}
        found.append(Result(name=f"export_xlsx, {peer}", unit="s", goal=words, met=met, **sides))
    return found


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


def peer_rows(place: Superapp) -> Iterator[list[Any]]:
    """The cells of the peers, from model instances."""
    rows = Order.objects.filter(superapp=place, payment_state="paid").select_related("mini_program")
    since = start_of(months_before(timezone.localdate(), 12))
    for order in rows.filter(created_at__gte=since).order_by("-created_at", "-id")[:PEER_ROWS].iterator():
        yield peer_cells(order)


def by_xlsxwriter(place: Superapp) -> None:
    """XlsxWriter in constant memory."""
    book = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True})
    sheet = book.add_worksheet()
    for number, cells in enumerate(peer_rows(place)):
        sheet.write_row(number, 0, cells)
    book.close()


def by_openpyxl(place: Superapp) -> None:
    """openpyxl, write-only."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for cells in peer_rows(place):
        sheet.append(cells)
    book.save(io.BytesIO())
