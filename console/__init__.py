"""The project package. Importing the Celery app here makes `@shared_task` find it in every process."""

from console.celery import app as celery_app

__all__ = ["celery_app"]
