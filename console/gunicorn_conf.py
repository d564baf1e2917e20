"""gunicorn's settings, for production (`Procfile`) and for `make run`. Never sync workers: an export streams for minutes."""

import ctypes
import os
import signal
import sys
from typing import Any

import django

one_process = not os.environ.get("REDIS_URL")

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = 1 if one_process else int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "16"))
timeout = 60  # seconds
graceful_timeout = 2 if one_process else 20  # seconds
keepalive = 5 if one_process else 65  # seconds; longer than the load balancer's 60
limit_request_line = 8190  # bytes; 200 pasted order numbers stand in the address of their list
control_socket_disable = True
loglevel = "warning"

_background: list[Any] = []


def when_ready(_server: Any) -> None:
    if os.environ.get("DEMO"):
        from console.welcome import print_welcome  # needs django.setup(), which the master does not do for production

        django.setup()
        print_welcome()


def post_fork(_server: Any, _worker: Any) -> None:
    """A worker ends with its master. Left alone it would hold the port for 20 seconds more, and answer nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def post_worker_init(_worker: Any) -> None:
    if one_process:
        from console.background import Background  # needs settings, loaded in the worker only

        _background.append(Background())
        _background[0].start()


def worker_exit(_server: Any, _worker: Any) -> None:
    for background in _background:
        background.stop()
