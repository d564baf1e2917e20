"""The Celery app. A task only wakes work that a database row describes, so a lost message is late, never lost."""

import os
from typing import Any

import structlog
from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
log = structlog.get_logger(__name__)


class WakingTask(DjangoTask):
    """A task whose message may be lost.

    Celery's own `delay_on_commit` lets a broker error out of `transaction.commit()`: the row is stored but the user sees
    a 500. Here the error is logged and the sweeper finds the row within its next round (docs/reliability.md, promise 5).
    """

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: self._wake(args, kwargs))

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: self._wake(*args, **kwargs))

    def _wake(self, args: Any = None, kwargs: Any = None, **options: Any) -> None:
        try:
            self.apply_async(args, kwargs, **options)
        except (OperationalError, OSError) as error:
            log.warning("task_not_queued", task=self.name, error=str(error))


app = Celery("console", task_cls="console.celery:WakingTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
