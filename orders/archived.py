"""What is in the archive, asked for by number (docs/scale.md, "Retention and archive")."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from console.models import MiniProgram, Superapp
from console.templatetags.moments import day_text, moment_text
from orders.archive_files import ArchiveFault, find
from orders.models import ArchivedOrder, ArchivedRefund, Attempt, Delivery, Notification, Order, Refund

Tombstone = ArchivedOrder | ArchivedRefund
Row = TypeVar("Row", bound=Model)


class Whole(NamedTuple):
    """An order as its line of the archive has it. The rows are unsaved: nothing of them is in the tables any more."""

    order: Order
    refunds: list[Refund]
    deliveries: list[Delivery]
    attempts: list[Attempt]
    notifications: list[Notification]


def archived_order(mini_program_id: int, *, env: int, out_trade_no: str) -> ArchivedOrder | None:
    """The tombstone of an order, with its archive; None when its number is free or its order is still in the tables."""
    same = {"out_trade_no": out_trade_no, "mini_program": mini_program_id, "env": env}
    return ArchivedOrder.objects.filter(**same).select_related("archive").first()


def archived_in(place: MiniProgram | Superapp, numbers: Iterable[str], *, column: str = "out_trade_no") -> QuerySet:
    """The tombstones of this place with one of these order numbers (`out_trade_no`) or refund numbers (`refund_no`)."""
    owner = {"mini_program": place} if isinstance(place, MiniProgram) else {"mini_program__superapp": place}
    rows: QuerySet = (ArchivedRefund if column == "refund_no" else ArchivedOrder).objects.all()
    return rows.filter(**{f"{column}__in": list(numbers)}, **owner).select_related("archive", "mini_program")


def archived_refund(mini_program_id: int, *, refund_no: str) -> ArchivedRefund | None:
    """The tombstone of a refund, with its archive."""
    same = {"refund_no": refund_no, "mini_program": mini_program_id}
    return ArchivedRefund.objects.filter(**same).select_related("archive").first()


def read(tombstone: Tombstone) -> Whole:
    """The order of a tombstone with all its rows, out of its file. Raises ArchiveFault when the file does not give it."""
    column, file = ("refund_no" if isinstance(tombstone, ArchivedRefund) else "out_trade_no"), tombstone.archive.file
    for line in find(file, column, str(tombstone)):
        if line["order"]["mini_program_id"] == tombstone.mini_program_id:
            return _whole(line)
    raise ArchiveFault(f"{file}: it does not hold {tombstone}.")


def _whole(line: Mapping[str, Any]) -> Whole:
    order = _row(Order, line["order"])
    refunds = [_row(Refund, row) for row in line["refunds"]]
    for refund in refunds:
        refund.order = order
    attempts = [_row(Attempt, row) for delivery in line["deliveries"] for row in delivery["attempts"]]
    attempts.sort(key=lambda row: (row.started_at, row.pk))
    deliveries = [_row(Delivery, row) for row in line["deliveries"]]
    return Whole(order, refunds, deliveries, attempts, [_row(Notification, row) for row in line["notifications"]])


def _row(model: type[Row], columns: Mapping[str, Any]) -> Row:
    """An unsaved row. What the table has no column for any more is left out: files stay as they were written."""
    known = {each.attname: each for each in model._meta.concrete_fields}
    return model(**{name: known[name].to_python(value) for name, value in columns.items() if name in known})


def page_of(tombstone: Tombstone, *, app_id: str) -> str:
    """The address of the page that reads it out of the archive. Numbers of refunds may hold any sign, so they are no path."""
    if isinstance(tombstone, ArchivedRefund):
        return refund_page(app_id, tombstone.refund_no)
    return order_page(app_id, env=tombstone.env, number=tombstone.out_trade_no)


def order_page(app_id: str, *, env: int, number: str) -> str:
    """The address of the page of an archived order."""
    return f"{reverse('orders:archived', kwargs={'app_id': app_id})}?{urlencode({'env': env, 'number': number})}"


def refund_page(app_id: str, number: str) -> str:
    """The address of the page of an archived refund."""
    return f"{reverse('orders:archived-refund', kwargs={'app_id': app_id})}?{urlencode({'number': number})}"


def words_of(tombstone: Tombstone) -> dict[str, Any]:
    """When it was archived, with which month and in which archive, for sentences."""
    return {
        "number": str(tombstone),
        "day": day_text(tombstone.archive.made_at.date()),
        "month": moment_text(tombstone.archive.month, pgettext("date format", "F Y")),
        "archive": tombstone.archive_id,
    }


def told(tombstone: Tombstone) -> SafeString:
    """Where an order or a refund has gone, in a sentence for those who may see the record, with the link to it."""
    if isinstance(tombstone, ArchivedRefund):
        sentence = _("The refund %(number)s was archived on %(day)s with its order, which was placed in %(month)s.")
    else:
        sentence = _("The order %(number)s was archived on %(day)s with the orders of %(month)s.")
    url, label = page_of(tombstone, app_id=tombstone.mini_program.app_id), _("Read it in the archive")
    return format_html('{} <a href="{}">{}</a>', sentence % words_of(tombstone), url, label)
