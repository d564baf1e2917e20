"""The rows of the mismatch desk as lines for people: orders, notifications, refused prices and differences alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from console.money import format_money
from console.templatetags.moments import moment_text
from orders.archived import order_page
from orders.mismatches import NEWEST, Case
from orders.models import Attempt, Delivery, Difference, Notification, Order, PriceRefusal, Settlement
from orders.story import outcome_sentence

SHOWN = 100
RELATED = {
    Order: ("mini_program",), Notification: ("order__mini_program", "mini_program"), PriceRefusal: ("mini_program",),
    Difference: ("order__mini_program", "mini_program", "reconciliation"),
}  # fmt: skip
DIFFERENCES = {
    Difference.Kind.MISSING_HERE: gettext_lazy("Not known here. The superapp says: %(theirs)s"),
    Difference.Kind.MISSING_THERE: gettext_lazy("Not in the superapp's list. Here: %(ours)s"),
    Difference.Kind.AMOUNT: gettext_lazy("Amount in minor units: here %(ours)s, there %(theirs)s"),
    Difference.Kind.STATE: gettext_lazy("State: here %(ours)s, there %(theirs)s"),
    Difference.Kind.REFUNDS: gettext_lazy("Refunded in minor units: here %(ours)s, there %(theirs)s"),
}


@dataclass(frozen=True)
class Line:
    """One mismatch. `pk` is that of its row, `amount` is in words, `detail` what was found about this very one."""

    pk: int
    number: str
    url: str
    program: str
    at: datetime
    amount: str = ""
    detail: str = ""
    settlement: Settlement | None = None


def lines(case: Case, rows: QuerySet) -> list[Line]:
    """The newest SHOWN of `rows`, which are open_rows() or settled_rows() of the case; at most three queries."""
    found = list(rows.select_related(*RELATED[rows.model]).order_by(*NEWEST[rows.model])[:SHOWN])
    settled = Settlement.objects.filter(case=case.name, subject__in=[row.pk for row in found]).select_related("settled_by")
    known = {row.subject: row for row in settled}
    told = FINDERS[case.name](found) if case.name in FINDERS else {}
    return [_line(row, known.get(row.pk), told.get(row.pk, "")) for row in found]


def _line(row: Order | Notification | PriceRefusal | Difference, settlement: Settlement | None, told: str) -> Line:
    if isinstance(row, PriceRefusal):
        return _refusal_line(row, settlement)
    if isinstance(row, Difference):
        return _difference_line(row, settlement)
    if isinstance(row, Notification):
        if row.order is None:
            return _unmatched_line(row, settlement)
        return _order_line(row.order, row.pk, row.received_at, row.detail, settlement)
    return _order_line(row, row.pk, row.created_at, told, settlement)


def _order_line(order: Order, pk: int, at: datetime, detail: str, settlement: Settlement | None) -> Line:
    url = reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk})
    amount = format_money(order.paid_amount or order.amount, order.currency)
    return Line(pk, order.out_trade_no, url, order.mini_program.name, at, amount, detail, settlement)


def _unmatched_line(row: Notification, settlement: Settlement | None) -> Line:
    """What names no order of the tables; of one in the archive it is known whose it is, and where to read it."""
    program, url = row.mini_program, ""
    if program and row.verdict == Notification.Verdict.ARCHIVED:
        url = order_page(program.app_id, env=row.env, number=row.out_trade_no)
    name = program.name if program else ""
    return Line(row.pk, row.out_trade_no or "–", url, name, row.received_at, "", row.detail, settlement)


def _refusal_line(row: PriceRefusal, settlement: Settlement | None) -> Line:
    program, times = row.mini_program, {"times": f"{row.times:,}", "number": row.last_number or "–"}
    if not row.product_id:
        said = ngettext(
            "Refused %(times)s time, for more items and prices than a day lists. Last order number: %(number)s.",
            "Refused %(times)s times, for more items and prices than a day lists. Last order number: %(number)s.",
            row.times,
        )
        return Line(row.pk, _("Further items"), "", program.name, row.last_at, "", said % times, settlement)
    asked, price = format_money(row.asked_price, row.asked_currency), format_money(row.price, row.currency)
    said = ngettext(
        "The game asked %(asked)s, the item costs %(price)s. Refused %(times)s time. Last order number: %(number)s.",
        "The game asked %(asked)s, the item costs %(price)s. Refused %(times)s times. Last order number: %(number)s.",
        row.times,
    )
    url = reverse("items:detail", kwargs={"app_id": program.app_id, "product_id": row.product_id})
    detail = said % (times | {"asked": asked, "price": price})
    return Line(row.pk, row.product_id, url, program.name, row.last_at, asked, detail, settlement)


def _difference_line(row: Difference, settlement: Settlement | None) -> Line:
    words = str(DIFFERENCES[Difference.Kind(row.kind)]) % {"ours": row.ours, "theirs": row.theirs}
    day = datetime.combine(row.reconciliation.day, time.min, tzinfo=UTC)
    if row.order:
        return _order_line(row.order, row.pk, day, words, settlement)
    program = row.mini_program.name if row.mini_program else row.app_id
    return Line(row.pk, row.out_trade_no, "", program, day, "", words, settlement)


def _told_of(orders: Sequence[Order]) -> dict[int, str]:
    """What did not fit."""
    rows = Notification.objects.filter(order__in=orders, verdict=Notification.Verdict.MISMATCH).order_by("pk")
    return dict(rows.values_list("order", "detail"))


def _last_attempts(orders: Sequence[Order]) -> dict[int, str]:
    """What the newest attempt to deliver came to, and which one it was."""
    rows = Attempt.objects.filter(delivery__order__in=orders, delivery__event=Delivery.Event.GOODS)
    newest = rows.filter(number=F("delivery__attempt_number")).select_related("delivery")
    said = _("Attempt %(number)d: %(outcome)s")
    told = {row.delivery.order_id: said % {"number": row.number, "outcome": outcome_sentence(row)} for row in newest}
    return {pk: text for pk, text in told.items() if pk}


def _closed_and_paid(orders: Sequence[Order]) -> dict[int, str]:
    said = _("Closed %(closed)s, paid %(paid)s.")
    return {row.pk: said % {"closed": _moment(row.closed_at), "paid": _moment(row.paid_at)} for row in orders}


def _delivered(orders: Sequence[Order]) -> dict[int, str]:
    return {row.pk: _("Delivered %(time)s.") % {"time": _moment(row.delivered_at)} for row in orders}


def _moment(at: datetime | None) -> str:
    return moment_text(timezone.localtime(at), pgettext("date format", "j M Y, H:i")) if at else "–"


#: By case, what is known beyond the row of the order itself: by order, at most one query for all of them.
FINDERS: dict[str, Callable[[Sequence[Order]], dict[int, str]]] = {
    "undelivered": _last_attempts, "refunded": _delivered, "payment": _told_of, "late": _closed_and_paid,
}  # fmt: skip
