"""The rows of the mismatch desk as lines for people: orders, notifications, refused prices and differences alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.listing import Sort
from console.money import format_money
from console.templatetags.moments import time_text
from orders.archived import order_page
from orders.mismatches import TIMES, Case
from orders.models import Attempt, Delivery, Difference, Environment, Notification, Order, PriceRefusal, Settlement
from orders.story import outcome_sentence
from orders.wording import difference, in_words

SHOWN = 100
RELATED = {
    Order: ("mini_program",), Notification: ("order__mini_program", "mini_program"), PriceRefusal: ("mini_program",),
    Difference: ("order__mini_program", "mini_program", "reconciliation"),
}  # fmt: skip


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


@dataclass(frozen=True)
class Page:
    """Some lines of a case. The places are ids, 0 where there is no such page; `is_lost` when the one asked for is of no row."""

    lines: list[Line]
    previous: int = 0
    next: int = 0
    is_lost: bool = False


def page(case: Case, rows: QuerySet, *, after: int = 0, before: int = 0) -> Page:
    """SHOWN of `rows`, which are open_rows() or settled_rows() of the case, the newest first; at most five queries.

    The page begins after the row of the id `after`, or ends before that of `before`. The row itself may have left the case.
    """
    place = _place(rows, after or before)
    is_backwards = bool(before and place and not after)
    found = list(_cut(rows, place, is_backwards)[: SHOWN + 1])
    if (after or before) and not found:
        return replace(page(case, rows), is_lost=place is None)
    more, found = len(found) > SHOWN, found[:SHOWN]
    if is_backwards:
        found.reverse()
    has_previous, has_next = (more, True) if is_backwards else (place is not None, more)
    is_lost = bool(after or before) and place is None
    return Page(lines_of(case, found), found[0].pk if has_previous else 0, found[-1].pk if has_next else 0, is_lost)


def _place(rows: QuerySet, pk: int) -> tuple[Any, int] | None:
    """Time and id of a row, None where there is none."""
    return rows.model.objects.filter(pk=pk).values_list(TIMES[rows.model], "pk").first() if pk else None


def _cut(rows: QuerySet, place: tuple[Any, int] | None, is_backwards: bool) -> QuerySet:
    sort = Sort("time", "", TIMES[rows.model], descending=not is_backwards)
    return sort.behind(rows.select_related(*RELATED[rows.model]), place)


def lines(case: Case, rows: QuerySet) -> list[Line]:
    """The newest SHOWN of `rows`; at most four queries."""
    return lines_of(case, list(_cut(rows, None, False)[:SHOWN]))


def lines_of(case: Case, found: Sequence[Any]) -> list[Line]:
    """The rows of a case as lines, in their order."""
    settled = Settlement.objects.filter(case=case.name, subject__in=[row.pk for row in found]).select_related("settled_by")
    known = {row.subject: row for row in settled}
    if case.name == "signature":
        _name_orders(found)
    told = FINDERS[case.name](found) if case.name in FINDERS else {}
    return [_line(row, known.get(row.pk), told.get(row.pk, "")) for row in found]


def _line(row: Order | Notification | PriceRefusal | Difference, settlement: Settlement | None, told: str) -> Line:
    if isinstance(row, PriceRefusal):
        return _refusal_line(row, settlement)
    if isinstance(row, Difference):
        return _difference_line(row, settlement)
    if isinstance(row, Notification):
        if row.order is None:
            return _unmatched_line(row, settlement, told)
        return _order_line(row.order, row.pk, row.received_at, told or in_words(row.detail), settlement)
    return _order_line(row, row.pk, row.created_at, told, settlement)


def _order_line(order: Order, pk: int, at: datetime, detail: str, settlement: Settlement | None) -> Line:
    url = reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk})
    amount = format_money(order.paid_amount or order.amount, order.currency)
    return Line(pk, order.out_trade_no, url, order.mini_program.name, at, amount, detail, settlement)


def _unmatched_line(row: Notification, settlement: Settlement | None, told: str) -> Line:
    """What names no order of the tables; of one in the archive it is known whose it is, and where to read it."""
    program, url = row.mini_program, ""
    if program and row.verdict == Notification.Verdict.ARCHIVED:
        url = order_page(program.app_id, env=row.env, number=row.out_trade_no)
    name = program.name if program else ""
    return Line(row.pk, row.out_trade_no or "–", url, name, row.received_at, "", told or in_words(row.detail), settlement)


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
    words = difference(row.kind, row.ours, row.theirs)
    day = datetime.combine(row.reconciliation.day, time.min, tzinfo=UTC)
    if row.order:
        return _order_line(row.order, row.pk, day, words, settlement)
    program = row.mini_program.name if row.mini_program else row.app_id
    return Line(row.pk, row.out_trade_no, "", program, day, "", words, settlement)


def _name_orders(rows: Sequence[Notification]) -> None:
    """Give wrongly signed notifications the order they name where only one has the number, to be shown and never to be saved.

    Only the AppKey could say which mini program is meant, so of several with the number none is named.
    """
    numbers, superapps = {row.out_trade_no for row in rows}, {row.superapp_id for row in rows}
    orders = Order.objects.filter(superapp__in=superapps, out_trade_no__in=numbers, env=Environment.LIVE, kind=Order.Kind.VIRTUAL)
    known: dict[str, list[Order]] = {}
    for order in orders.select_related("mini_program"):
        known.setdefault(order.out_trade_no, []).append(order)
    for row in rows:
        if len(named := known.get(row.out_trade_no, [])) == 1:
            row.order = named[0]


def _signed_wrongly(rows: Sequence[Notification]) -> dict[int, str]:
    """What was told, and how the order that is named stands."""
    of_one = _("%(kind)s. The order of this number: %(state)s.")
    of_none = _("%(kind)s. Which order is meant cannot be told: not exactly one has this number.")
    return {
        row.pk: of_one % {"kind": row.get_kind_display(), "state": row.order.get_payment_state_display()}
        if row.order
        else of_none % {"kind": row.get_kind_display()}
        for row in rows
    }


def _told_of(orders: Sequence[Order]) -> dict[int, str]:
    """What did not fit; refunds that were refused are cases of their own."""
    rows = Notification.objects.filter(order__in=orders, verdict=Notification.Verdict.MISMATCH).order_by("pk")
    rows = rows.exclude(kind=Notification.Kind.REFUND)
    return {order: in_words(detail) for order, detail in rows.values_list("order", "detail") if order}


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
    return time_text(timezone.localtime(at)) if at else "–"


#: By case, what is known beyond the row itself: by row, at most one query for all of them.
FINDERS: dict[str, Callable[[Sequence[Any]], dict[int, str]]] = {
    "undelivered": _last_attempts, "waiting": _last_attempts, "refunded": _delivered, "payment": _told_of,
    "late": _closed_and_paid, "signature": _signed_wrongly,
}  # fmt: skip
