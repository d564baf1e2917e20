"""The table beside the charts of the home page: the same figures, day by day, the newest first."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from console.money import format_money
from console.templatetags.moments import moment_text
from orders.charts import number_text, percent_text
from orders.figures import Day, currencies_of, share
from orders.models import Order


def head(days: Sequence[Day]) -> list[str]:
    """The columns after the day."""
    amounts = [
        text % {"currency": code}
        for code in currencies_of(days)
        for text in (_("Paid in %(currency)s"), _("Refunded in %(currency)s"))
    ]
    delivery = [pgettext("state", "Delivered"), _("Within 5 seconds"), _("At the first attempt")]
    return [_("Orders"), _("Paid orders"), *amounts, _("Refunds"), *delivery]


def body(days: Sequence[Day], orders_url: str) -> SafeString:
    """The rows; the day leads to the orders that were placed on it, of each kind."""
    currencies = currencies_of(days)
    return SafeString("".join(_row(day, currencies, orders_url) for day in reversed(days)))


def _row(day: Day, currencies: Sequence[str], orders_url: str) -> str:
    cells = "".join(f'<td class="num">{escape(cell)}</td>' for cell in _cells(day, currencies))
    return f'<tr><th scope="row">{_links(day, orders_url)}</th>{cells}</tr>'


def _links(day: Day, orders_url: str) -> SafeString:
    """The figures count both kinds together, the records show one: where standard orders were placed they have a link too."""
    label = moment_text(day.date, pgettext("date format", "D j M"))
    links = [(_record(day, orders_url), label)]
    if day.total("standard"):
        links.append((_record(day, orders_url, kind=Order.Kind.STANDARD), str(Order.Kind.STANDARD.label)))
    return format_html_join("\u00a0· ", '<a href="{}">{}</a>', links)


def _record(day: Day, orders_url: str, **kind: str) -> str:
    """The orders of the day, which is that of the zone whoever opens the address."""
    days = {"since": str(day.date), "until": str(day.date), "zone": timezone.get_current_timezone_name()}
    return f"{orders_url}?{urlencode(kind | days)}"


def _cells(day: Day, currencies: Sequence[str]) -> list[str]:
    delivered = day.total("delivered")
    amounts = [
        format_money(sign * minor, code) if (minor := day.amount(name, code)) else "–"
        for code in currencies
        for name, sign in (("paid_amount", 1), ("refunded_amount", -1))
    ]
    shares = [share(delivered, day.total("due")), *(share(day.total(name), delivered) for name in ("within_5s", "at_first"))]
    numbers = [number_text(day.total(name)) for name in ("orders", "paid", "refunds")]
    return [*numbers[:2], *amounts, numbers[2], *map(percent_text, shares)]
