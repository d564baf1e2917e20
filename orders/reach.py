"""What ending a sale reaches: the orders of the last 24 hours, by item."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.money import format_money
from orders.models import Environment, Order

LAST_DAY = timedelta(hours=24)


@dataclass
class Reach:
    """Live orders of the last 24 hours. `amounts` are minor units by currency, which are never added up."""

    orders: int = 0
    amounts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        if not self.orders:
            return _("no orders")
        number = ngettext("%(number)s order", "%(number)s orders", self.orders) % {"number": f"{self.orders:,}"}
        money = [format_money(minor, code) for code, minor in sorted(self.amounts.items())]
        return ", ".join([number, *money])


def last_day(program_id: int, product_ids: Iterable[str]) -> dict[str, Reach]:
    """The reach of each of these items of a mini program, in one query; items without orders are not in it."""
    rows = Order.objects.filter(mini_program_id=program_id, env=Environment.LIVE, product_id__in=list(product_ids))
    recent = rows.filter(created_at__gte=timezone.now() - LAST_DAY).order_by()
    found: dict[str, Reach] = {}
    for product_id, code, number, amount in recent.values_list("product_id", "currency").annotate(Count("pk"), Sum("amount")):
        reach = found.setdefault(product_id, Reach())
        reach.orders += number
        reach.amounts[code] += amount
    return found


def total(reaches: Iterable[Reach]) -> Reach:
    """All of them together."""
    whole = Reach()
    for reach in reaches:
        whole.orders += reach.orders
        whole.amounts.update(reach.amounts)
    return whole
