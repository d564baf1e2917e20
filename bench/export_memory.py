"""Peak growth of the worker's resident memory while it exports: flat, however many rows there are (bench/README.md)."""

from django.http import QueryDict

from bench.database import copy_orders, orders, programs
from bench.export_csv import QUERY, run_export
from bench.measuring import Result
from bench.memory import begin, grown, in_a_process
from console.models import Superapp, User
from orders.listings import order_listing

GOAL, FLAT = 32, 4  # MB
FEW = 100_000


def measure(rows: int) -> list[Result]:
    """Each export in a process of its own: of few orders, then of all."""
    owners, few = programs(), min(FEW, rows // 2)
    User.objects.create_user("bench@example.test", name="Bench", platform_role="platform_admin")
    orders(owners, few, seed=1)
    first = {file: exported(file) for file in ("csv", "xlsx")}
    copy_orders(owners, rows - few, seed=2, first=few)
    number = order_listing(Superapp.objects.get(), QueryDict(QUERY)).matching.count()
    found = []
    for file, before in first.items():
        now = exported(file)
        met = now <= GOAL and now <= before + FLAT
        goal = f"≤ {GOAL} MB; at most {FLAT} MB more than for the first {few:,} orders, which is the limit here"
        name = f"export_memory {file}, {number:,} rows"
        found.append(Result(name=name, ours=now, limit=before, peer=None, unit="MB", goal=goal, met=met))
    return found


def exported(file: str) -> float:
    """MB by which the peak of a worker grew."""
    return in_a_process(f"bench.export_memory:work({file!r})")[0]


def work(file: str) -> None:
    """In a process of its own: the export's job, and MB."""
    place, actor = Superapp.objects.get(), User.objects.get()
    order_listing(place, QueryDict(QUERY)).page  # noqa: B018 (what is loaded once is no growth)
    before = begin()
    run_export(place, actor, file=file)
    print(grown(before))
