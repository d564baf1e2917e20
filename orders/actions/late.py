"""Keep what a superapp tells of an order that is in the archive (docs/scale.md, "Retention and archive")."""

from django.utils.translation import gettext as _

from orders.models import ArchivedOrder, Notification


def keep_late(notification: Notification, gone: ArchivedOrder) -> None:
    """Mark a notification that is stored as one about an archived order: it changes nothing, and the mismatch desk shows it."""
    notification.verdict, notification.mini_program = Notification.Verdict.ARCHIVED, gone.mini_program
    notification.detail = _("The order has been in archive %(archive)s since %(day)s.") % {
        "archive": gone.archive_id,
        "day": f"{gone.archive.made_at:%Y-%m-%d}",
    }
    notification.save(update_fields=["verdict", "mini_program", "detail"])
