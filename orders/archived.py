"""What is in the archive, asked for by number (docs/scale.md, "Retention and archive")."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from console.models import MiniProgram, Superapp
from console.templatetags.moments import day_text, moment_text
from orders.models import ArchivedOrder, ArchivedRefund


def archived_order(mini_program_id: int, *, env: int, out_trade_no: str) -> ArchivedOrder | None:
    """The tombstone of an order, with its archive; None when its number is free or its order is still in the tables."""
    same = {"out_trade_no": out_trade_no, "mini_program": mini_program_id, "env": env}
    return ArchivedOrder.objects.filter(**same).select_related("archive").first()


def archived_in(place: MiniProgram | Superapp, numbers: Iterable[str], *, column: str = "out_trade_no") -> QuerySet:
    """The tombstones of this place with one of these order numbers (`out_trade_no`) or refund numbers (`refund_no`)."""
    owner = {"mini_program": place} if isinstance(place, MiniProgram) else {"mini_program__superapp": place}
    rows: QuerySet = (ArchivedRefund if column == "refund_no" else ArchivedOrder).objects.all()
    return rows.filter(**{f"{column}__in": list(numbers)}, **owner).select_related("archive", "mini_program")


def told(tombstone: ArchivedOrder | ArchivedRefund) -> str:
    """Where an order or a refund has gone, in a sentence for those who may see the record."""
    words = {
        "number": str(tombstone),
        "day": day_text(tombstone.archive.made_at.date()),
        "month": moment_text(tombstone.archive.month, pgettext("date format", "F Y")),
        "archive": tombstone.archive_id,
    }
    if isinstance(tombstone, ArchivedRefund):
        return _(
            "The refund %(number)s was archived on %(day)s with its order, which was placed in %(month)s. Whoever runs the"
            " platform can read it in archive %(archive)s."
        ) % words  # fmt: skip
    return _(
        "The order %(number)s was archived on %(day)s with the orders of %(month)s. Whoever runs the platform can read it in"
        " archive %(archive)s."
    ) % words  # fmt: skip
