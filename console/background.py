"""What production runs as separate processes, as threads of one process, for `make run`: worker, beat, dispatcher.

Only without REDIS_URL: messages of a memory:// broker do not leave the process.
"""

import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import structlog
from celery.beat import EmbeddedService
from celery.worker import WorkController, state
from django.utils.module_loading import import_string

from console.celery import app

log = structlog.get_logger(__name__)
DISPATCHER = "orders.dispatcher"  # named by text: console may not import orders
STOP_SECONDS = 1.0  # below graceful_timeout in gunicorn_conf.py, or the worker is killed


def keep_running(run: Callable[[threading.Event], Any], stop: threading.Event) -> None:
    """Call `run(stop)` until `stop` is set; a crash is logged and starts over after a second."""
    while not stop.is_set():
        try:
            run(stop)
        except Exception:
            log.exception("background_thread_failed", thread=threading.current_thread().name)
        stop.wait(1)


def _run_worker(_stop: threading.Event) -> None:
    WorkController(app=app, pool_cls="threads", concurrency=4, quiet=True).start()


class Background:
    """The three threads. They are daemons: what does not end in time is cut off, and its row says what is left to do."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.beat = EmbeddedService(app, thread=True, scheduler_cls="celery.beat:Scheduler")
        runs: dict[str, Callable[[threading.Event], Any]] = {"worker": _run_worker}
        if find_spec(DISPATCHER):
            runs["dispatcher"] = import_string(f"{DISPATCHER}.run")
        self.threads = [
            threading.Thread(target=keep_running, args=(run, self.stopping), name=name, daemon=True)
            for name, run in runs.items()
        ]

    def start(self) -> None:
        for thread in (self.beat, *self.threads):
            thread.start()

    def stop(self) -> None:
        """Ask all to end and wait at most STOP_SECONDS for them together."""
        deadline = time.monotonic() + STOP_SECONDS
        self.stopping.set()
        state.should_stop = 0
        self.beat.service.stop(wait=False)
        for thread in (self.beat, *self.threads):
            thread.join(max(0.0, deadline - time.monotonic()))
