"""Peak growth of the worker's resident memory: the largest list, and workbooks made to harm (bench/README.md)."""

import time
from unittest.mock import patch

from django.core.files.base import ContentFile

from bench.import_items import ITEMS, place, reset, workbook
from bench.measuring import Result
from bench.memory import begin, grown, in_a_process
from console import jobs
from console.models import MiniProgram, User
from items.actions import imports as actions
from items.models import Import
from tests.items import test_import_hostile as hostile
from tests.items.workbooks import HEADER, inline_rows, package

GOAL = 80  # MB


def measure(_rows: int) -> list[Result]:
    """Each workbook in a process of its own, because a process keeps the memory it once had."""
    program, actor = place()
    reset(program, actor)
    found = [_result("10,000 rows", _grown(program, actor, workbook()))]
    found.append(_result("10,000 rows, 50,000 faults", _grown(program, actor, faulty())))
    for name, (make, _says, _most) in hostile.HOSTILE.items():
        found.append(_result(name, _grown(program, actor, make())))
    return found


def faulty() -> bytes:
    """Every cell of every row has a fault."""
    return package(inline_rows(HEADER, *[[f"a {n}", " ", "x", "\u202e", "../x"] for n in range(ITEMS)]))


def _result(name: str, measured: tuple[float, float]) -> Result:
    grew, seconds = measured
    words = f"at most {GOAL} MB; took {seconds:.2f} s"
    return Result(name=f"import_memory, {name}", ours=grew, limit=None, peer=None, unit="MB", goal=words, met=grew <= GOAL)


def _grown(program: MiniProgram, actor: User, content: bytes) -> tuple[float, float]:
    """MB by which the peak grew, and seconds, from the check's start to the end of the apply or to the refusal."""
    with patch.object(jobs.run_job, "delay_on_commit", lambda _pk: None):
        run = actions.upload(program, actor=actor, file=ContentFile(content, "items.xlsx"), mode="add_and_update")
    grew, seconds = in_a_process(f"bench.import_memory:work({run.pk})")
    return grew, seconds


def work(pk: int) -> None:
    """In a process of its own: do the jobs of an import and print MB and seconds."""
    run = Import.objects.select_related("job").get(pk=pk)
    before, began = begin(), time.perf_counter()
    jobs.run_job(run.job_id or 0)
    run = Import.objects.get(pk=pk)
    if run.state == "checked" and not run.faulty:
        with patch.object(jobs.run_job, "delay_on_commit", lambda _pk: None):
            confirmed = actions.confirm(run, actor=run.started_by)
        jobs.run_job(confirmed.job_id or 0)
    seconds = time.perf_counter() - began
    print(grown(before), seconds)
