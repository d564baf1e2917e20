"""Keep what a superapp tells of an order that is in the archive (docs/scale.md, "Retention and archive")."""

from orders import notes
from orders.models import ArchivedOrder, Notification


def keep_late(notification: Notification, gone: ArchivedOrder) -> None:
    """Mark a notification that is stored as one about an archived order: it changes nothing, and the mismatch desk shows it."""
    notification.verdict, notification.mini_program = Notification.Verdict.ARCHIVED, gone.mini_program
    notification.detail = notes.ARCHIVED % {
        "archive": gone.archive_id,
        "day": f"{gone.archive.made_at:%Y-%m-%d}",
    }
    notification.save(update_fields=["verdict", "mini_program", "detail"])
