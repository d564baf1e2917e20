"""The event loops of what posts, and the collector meanwhile."""

import asyncio
import gc

import pytest
import uvloop

from console import http, loops
from console.loops import seldom_collected


async def loop_here():
    return asyncio.get_running_loop()


def test_what_posts_runs_on_uvloop():
    assert isinstance(loops.run(loop_here()), uvloop.Loop)
    assert isinstance(http.running().run(loop_here()), uvloop.Loop)


def test_the_collector_passes_over_what_was_there_and_looks_again_afterwards():
    usual = gc.get_threshold()
    there = [[]]  # tracked by the collector
    with pytest.raises(KeyboardInterrupt), seldom_collected():
        assert gc.get_threshold()[0] == loops.SELDOM and gc.get_freeze_count()
        assert not any(each is there for each in gc.get_objects())
        raise KeyboardInterrupt
    assert gc.get_threshold() == usual and not gc.get_freeze_count()
