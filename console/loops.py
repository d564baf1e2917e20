"""The event loops of everything that posts: uvloop's, and how often Python's collector looks at what they make.

Both for processor time only (docs/performance.md, "Where deliveries spend their time"); all that console.http promises holds with
the loop of the standard library too.
"""

import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")

SELDOM = 20_000  # objects that may be made, and not freed, between two looks at the youngest; Python's own number is 700


def new_loop() -> uvloop.Loop:
    """An event loop that does not run yet."""
    return uvloop.new_event_loop()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """As asyncio.run()."""
    return uvloop.run(work)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For a process that makes and drops thousands of objects a second: what is there now is not looked at again meanwhile.

    For the whole process. Without it a third of the loop's time goes to looking at the whole program for cycles it does not have.
    """
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
