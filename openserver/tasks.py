"""Work that nobody waits for; beat starts it (console/settings.py)."""

from console.celery import app
from openserver.actions import sessions


@app.task
def prune() -> int:
    """Delete nonces and sessions that no longer count."""
    return sessions.prune()
