"""What goes on behind the pages for the whole console."""

from console.audit import seal_entries
from console.celery import app

BATCH = 5000


@app.task(name="console.tasks.seal_audit")
def seal_audit() -> int:
    """Link all audit entries that are not linked yet; returns how many. Beat wakes it every few seconds."""
    sealed = total = seal_entries(BATCH)
    while sealed == BATCH:
        sealed = seal_entries(BATCH)
        total += sealed
    return total
