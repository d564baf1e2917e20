"""The figures of a mini program's home page: seven days of live orders, what needs somebody, what people did."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from console.filters import start_of
from console.models import AuditEntry, MiniProgram
from console.money import format_money
from console.subjects import name_of
from console.templatetags.moments import moment_text
from console.verbs import WORDS
from items.models import Item
from orders.mismatches import cases_of, open_rows
from orders.models import DeliveryState, Environment, Order

DAYS = 7
COUNT_CAP = 1_000
WIDTH, HEIGHT, FOOT, GAP = 640, 160, 22, 14  # of the chart, in its own units


@dataclass
class Day:
    """One day in the reader's zone. `amounts` are paid minor units by currency."""

    date: date
    orders: int = 0
    paid: int = 0
    delivered: int = 0
    amounts: Counter[str] = field(default_factory=Counter)

    @property
    def label(self) -> str:
        """Short, for the axis."""
        return moment_text(self.date, pgettext("date format", "D j"))

    @property
    def amounts_text(self) -> str:
        """Every currency for itself; they are never added."""
        return ", ".join(format_money(minor, code) for code, minor in sorted(self.amounts.items()) if minor)


def days_of(program: MiniProgram) -> list[Day]:
    """The last seven days of live orders, today included, oldest first; one query."""
    today = timezone.localdate()
    days = {today - timedelta(days=back): Day(today - timedelta(days=back)) for back in reversed(range(DAYS))}
    # The kinds are named because the index of the list begins with them.
    rows = Order.objects.filter(mini_program=program, kind__in=Order.Kind.values, env=Environment.LIVE)
    rows = rows.filter(created_at__gte=start_of(min(days)))
    grouped = rows.annotate(day=TruncDate("created_at")).values("day", "currency").order_by("day").annotate(
        number=Count("id"),
        paid=Count("id", filter=Q(payment_state=Order.Payment.PAID)),
        delivered=Count("id", filter=Q(delivery_state=DeliveryState.DELIVERED)),
        amount=Sum("paid_amount"),
    )  # fmt: skip
    for row in grouped:
        if day := days.get(row["day"]):
            day.orders, day.paid, day.delivered = (
                day.orders + row["number"],
                day.paid + row["paid"],
                day.delivered + row["delivered"],
            )
            day.amounts[row["currency"]] += row["amount"] or 0
    return list(days.values())


def facts(days: list[Day]) -> list[dict[str, Any]]:
    """The sums of the days, for components/summary.html."""
    amounts: Counter[str] = sum((day.amounts for day in days), Counter())
    paid, delivered = sum(day.paid for day in days), sum(day.delivered for day in days)
    shown = [{"label": _("Orders"), "value": f"{sum(day.orders for day in days):,}", "figure": True}]
    shown.append({"label": _("Paid"), "value": f"{paid:,}", "figure": True})
    for code, minor in sorted(amounts.items()):
        shown.append(
            {"label": _("Paid in %(currency)s") % {"currency": code}, "value": format_money(minor, code), "figure": True}
        )
    rate = _("%(percent)s %%") % {"percent": f"{100 * delivered / paid:.1f}"} if paid else "–"
    shown.append({"label": _("Delivered of paid"), "value": rate, "figure": True})
    return shown


def chart(days: list[Day]) -> dict[str, Any]:
    """Bars of the orders per day, in the units of the SVG."""
    top = max([day.orders for day in days] + [1])
    slot = WIDTH / len(days)
    room = HEIGHT - FOOT - 16
    bars: list[dict[str, Any]] = []
    for place, day in enumerate(days):
        height = round(room * day.orders / top, 1)
        top_edge, left = HEIGHT - FOOT - height, place * slot
        box = {"x": left + GAP / 2, "y": top_edge, "width": slot - GAP, "height": height}
        words = {"middle": left + slot / 2, "above": top_edge - 5}
        bars.append({name: round(value, 1) for name, value in (box | words).items()} | {"day": day})
    is_empty = not any(day.orders for day in days)
    return {"is_empty": is_empty, "width": WIDTH, "height": HEIGHT, "base": HEIGHT - FOOT, "foot": HEIGHT - 6, "bars": bars}


def attention(program: MiniProgram) -> list[dict[str, Any]]:
    """What needs somebody, for components/tiles.html: a query for each case of the mismatch desk, and one for items."""
    desk = reverse("orders:mismatches", kwargs={"app_id": program.app_id})
    cases = cases_of(program)
    tiles = [_tile(str(case.label), open_rows(case, program).values("pk"), f"{desk}?case={case.name}") for case in cases]
    items = f"{reverse('items:list', kwargs={'app_id': program.app_id})}?state={Item.State.REJECTED}"
    tiles.append(_tile(_("Items rejected"), Item.objects.filter(mini_program=program, state=Item.State.REJECTED), items))
    return [tile for tile in tiles if tile]


def _tile(label: str, rows: Any, url: str) -> dict[str, Any]:
    number = rows.order_by()[: COUNT_CAP + 1].count()
    if not number:
        return {}
    value = _("%(number)s or more") % {"number": f"{COUNT_CAP:,}"} if number > COUNT_CAP else f"{number:,}"
    hint = ngettext("Show it", "Show them", number)
    return {"label": label, "value": value, "hint": hint, "url": url, "icon": "exclamation-triangle", "tone": "danger"}


def activity(program: MiniProgram) -> list[dict[str, Any]]:
    """The last eight things people did here, newest first; one query. The system's own entries are left out."""
    rows = AuditEntry.objects.filter(mini_program=program, actor__isnull=False, verb__in=WORDS).order_by("-id")[:8]
    return [
        {
            "at": row.created_at,
            "who": row.actor_label,
            "what": WORDS[row.verb],
            "object": name_of(row.object_type, row.object_label),
        }
        for row in rows
    ]
