"""The worker's resident memory while it exports: its growth is flat, however many rows there are (bench/README.md)."""

from django.http import QueryDict

from bench.database import copy_orders, orders, programs
from bench.export_csv import QUERY, run_export
from bench.measuring import Result
from bench.memory import begin, grown, in_a_process
from console.models import Superapp, User
from orders.listings import order_listing

GOAL, FLAT, ALL = 32, 4, 150  # MB
FEW = 100_000
MATCH = 0.74  # of the orders are in the export


def measure(rows: int) -> list[Result]:
    """Each export in a process of its own: of few orders, then of so many that `rows` are exported."""
    owners, few = programs(), min(FEW, rows // 2)
    User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    orders(owners, few, seed=1)
    first = {file: exported(file) for file in ("csv", "xlsx")}
    copy_orders(owners, round(rows / MATCH) - few, seed=2, first=few)
    number = order_listing(Superapp.objects.get(), QueryDict(QUERY)).matching.count()
    found = []
    for file, (before, _peak) in first.items():
        now, peak = exported(file)
        met = now <= GOAL and now <= before + FLAT and peak <= ALL
        goal = f"≤ {GOAL} MB; at most {FLAT} MB above the first {few:,} orders, which is the limit here; ≤ {ALL} MB in all"
        name = f"export_memory {file}, {number:,} rows, {peak:.0f} MB in all"
        found.append(Result(name=name, ours=now, limit=before, peer=None, unit="MB", goal=goal, met=met))
    return found


def exported(file: str) -> tuple[float, float]:
    """MB by which the peak of a worker grew, and the peak."""
    grew, peak = in_a_process(f"bench.export_memory:work({file!r})")
    return grew, peak


def work(file: str) -> None:
    """In a process of its own: the export's job, and MB."""
    place, actor = Superapp.objects.get(), User.objects.get()
    order_listing(place, QueryDict(QUERY)).page  # noqa: B018 (what is loaded once is no growth)
    before = begin()
    run_export(place, actor, file=file)
    print(grown(before), before + grown(before))
