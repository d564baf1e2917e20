"""Work that nobody waits for; beat starts it (console/settings.py)."""

from console.celery import app
from openserver.actions import reconciliation, sessions


@app.task
def prune() -> int:
    """Delete nonces and sessions that no longer count."""
    return sessions.prune()


@app.task
def reconcile() -> int:
    """Compare the days that are due with the superapps' lists of transactions."""
    return reconciliation.compare_due()
