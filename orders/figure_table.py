"""The table beside the charts of the home page: the same figures, day by day, the newest first."""

from collections.abc import Sequence

from django.http import QueryDict
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from console.money import format_money
from console.templatetags.moments import moment_text
from orders.charts import number_text, percent_text
from orders.figures import Day, currencies_of, share


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
    """The rows; the day leads to its orders."""
    currencies = currencies_of(days)
    return SafeString("".join(_row(day, currencies, orders_url) for day in reversed(days)))


def _row(day: Day, currencies: Sequence[str], orders_url: str) -> str:
    query = QueryDict(mutable=True)
    query.update({"since": str(day.date), "until": str(day.date)})
    label = moment_text(day.date, pgettext("date format", "D j M"))
    first = format_html('<th scope="row"><a href="{}?{}">{}</a></th>', orders_url, query.urlencode(), label)
    cells = "".join(f'<td class="num">{escape(cell)}</td>' for cell in _cells(day, currencies))
    return f"<tr>{first}{cells}</tr>"


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
