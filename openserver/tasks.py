"""Work that nobody waits for; beat starts it (console/settings.py)."""

from console.celery import app
from openserver.actions import notifications, sessions


@app.task
def prune() -> int:
    """Delete nonces and sessions that no longer count."""
    return sessions.prune()


@app.task
def match_notifications() -> int:
    """Apply kept notifications whose order has appeared."""
    return notifications.match_kept()
