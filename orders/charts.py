"""The charts of the home page: inline SVG without a style of its own, made in Python because a template takes too long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from console.money import format_money
from console.templatetags.moments import day_text, moment_text
from orders.figures import Day, currencies_of, share

SLOT, HEIGHT = 10.0, 100.0  # of a day, of the highest bar: in units that the page stretches
LEAST = 1.5  # of a bar: one order among thousands is still to be seen
BLOCK = 30  # days from one label of the axis to the next, where not every day has one
EACH = 14  # days at most, for each to have a label

Value = Callable[[Day], int]


@dataclass(frozen=True)
class Series:
    """A part of each bar: how it looks (data.css), what it is, how much of it a day has."""

    look: str
    label: str
    value: Value


@dataclass(frozen=True)
class Chart:
    """One figure over the days: a headline, a sentence, bars of one or more parts. `words` says a value."""

    name: str
    title: str
    value: str
    detail: str
    series: tuple[Series, ...]
    days: Sequence[Day]
    words: Callable[[int], str]

    @property
    def summary(self) -> str:
        """What one sees at a glance, for those who do not."""
        highest = max(self.days, key=self.total)
        facts = {"since": day_text(self.days[0].date), "until": day_text(self.days[-1].date), "value": self.value}
        facts |= {"day": day_text(highest.date), "most": self.words(self.total(highest))}
        return _("%(since)s to %(until)s: %(value)s. Most on %(day)s: %(most)s.") % facts

    @property
    def legend(self) -> list[dict[str, str]]:
        """The parts with their sums; a chart of one part needs none."""
        if len(self.series) == 1:
            return []
        return [
            {"look": part.look, "label": part.label, "value": self.words(sum(map(part.value, self.days)))} for part in self.series
        ]

    @property
    def labels(self) -> list[str]:
        """Of the axis: each day, or the first day of each block."""
        pattern = pgettext("date format", "D j") if self.is_short else pgettext("date format", "j M")
        return [moment_text(day.date, pattern) for day in self.days[:: 1 if self.is_short else BLOCK]]

    @property
    def last_label(self) -> str:
        """The end of an axis that does not name each day."""
        return "" if self.is_short else moment_text(self.days[-1].date, pgettext("date format", "j M"))

    @property
    def is_short(self) -> bool:
        """Whether each day has a label."""
        return len(self.days) <= EACH

    def total(self, day: Day) -> int:
        """The height of a day's bar."""
        return sum(part.value(day) for part in self.series)

    def svg(self) -> SafeString:
        """The bars, a band behind each that tells its day, and a tick for each Monday of a long axis."""
        top = max(self.total(day) for day in self.days) or 1
        bars = "".join(self._bar(place, day, top) for place, day in enumerate(self.days))
        ticks = "" if self.is_short else "".join(_tick(place) for place, day in enumerate(self.days) if not day.date.weekday())
        return format_html(
            '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-labelledby="{}-title {}-words">'
            '<title id="{}-title">{}</title><desc id="{}-words">{}</desc>{}{}</svg>',
            f"{SLOT * len(self.days):g}", f"{HEIGHT + 4:g}", *[self.name] * 3, self.title, self.name, self.summary,
            SafeString(ticks), SafeString(bars),
        )  # fmt: skip

    def _bar(self, place: int, day: Day, top: int) -> str:
        left, height, parts, gap = place * SLOT, 0.0, "", 3.5 if self.is_short else 2.0
        for part in self.series:
            tall = HEIGHT * part.value(day) / top
            if tall:
                height += (tall := max(tall, LEAST))
                parts += _rect(f"bar {part.look}", left + gap / 2, HEIGHT - height, SLOT - gap, tall)
        told = escape(f"{moment_text(day.date, pgettext('date format', 'D j M'))}: {self._told(day)}")
        return f"<g><title>{told}</title>{_rect('slot', left, 0, SLOT, HEIGHT)}{parts}</g>"

    def _told(self, day: Day) -> str:
        if len(self.series) == 1:
            return self.words(self.total(day))
        return ", ".join(f"{part.label} {self.words(part.value(day))}" for part in self.series)


def _rect(look: str, left: float, top: float, width: float, height: float) -> str:
    return f'<rect class="{look}" x="{left:.4g}" y="{top:.4g}" width="{width:.4g}" height="{height:.4g}"></rect>'


def _tick(place: int) -> str:
    left = f"{place * SLOT:g}"
    return f'<line class="axis" x1="{left}" x2="{left}" y1="{HEIGHT:g}" y2="{HEIGHT + 4:g}"></line>'


def charts_of(days: Sequence[Day]) -> list[Chart]:
    """All of a home page: orders, what was paid in each currency, refunds, deliveries and their speed."""
    paid = [_paid(days, code) for code in currencies_of(days)]
    return [_orders(days), *paid, _refunds(days), _deliveries(days), _speed(days)]


def total(days: Sequence[Day], name: str) -> int:
    """A number of all days and currencies."""
    return sum(day.total(name) for day in days)


def percent_text(percent: float | None) -> str:
    """`98.4 %`; a dash where there was nothing. Never rounded up to 100."""
    if percent is None:
        return "–"
    shown = 99.9 if 99.9 < percent < 100 else percent
    return _("%(percent)s %%") % {"percent": f"{shown:.1f}"}


def number_text(number: int) -> str:
    """With separators."""
    return f"{number:,}"


def _orders(days: Sequence[Day]) -> Chart:
    detail = _("%(number)s paid") % {"number": number_text(total(days, "paid"))}
    series = (Series("series-1", _("Orders"), lambda day: day.total("orders")),)
    return Chart("orders", _("Orders"), number_text(total(days, "orders")), detail, series, days, number_text)


def _paid(days: Sequence[Day], code: str) -> Chart:
    def words(minor: int) -> str:
        return format_money(minor, code)

    amount, number = (sum(day.amount(name, code) for day in days) for name in ("paid_amount", "paid"))
    detail = _("%(amount)s an order on average") % {"amount": words(round(amount / number))} if number else "–"
    title = _("Paid in %(currency)s") % {"currency": code}
    series = (Series("series-1", title, lambda day: day.amount("paid_amount", code)),)
    return Chart(f"paid-{code}", title, words(amount), detail, series, days, words)


def _refunds(days: Sequence[Day]) -> Chart:
    number = total(days, "refunds")
    amounts = [(code, sum(day.amount("refunded_amount", code) for day in days)) for code in currencies_of(days)]
    detail = ", ".join(format_money(-minor, code) for code, minor in amounts if minor) or _("Nothing refunded")
    series = (Series("series-4", _("Refunds"), lambda day: day.total("refunds")),)
    return Chart("refunds", _("Refunds"), number_text(number), detail, series, days, number_text)


def _deliveries(days: Sequence[Day]) -> Chart:
    due, delivered = total(days, "due"), total(days, "delivered")
    words = ngettext("%(delivered)s of %(due)s paid order", "%(delivered)s of %(due)s paid orders", due)
    series = (
        Series("series-2", pgettext("state", "Delivered"), lambda day: day.total("delivered")),
        Series("series-bad", _("Not delivered"), lambda day: day.total("due") - day.total("delivered")),
    )
    detail = words % {"delivered": number_text(delivered), "due": number_text(due)}
    title, value = pgettext("state", "Delivered"), percent_text(share(delivered, due))
    return Chart("delivered", title, value, detail, series, days, number_text)


#: How long a delivery took: what is counted up to there, how it looks, what it is called.
def _speeds() -> list[tuple[str, str, str]]:
    return [
        ("within_5s", "series-2", _("Within 5 seconds")),
        ("within_1m", "series-1", _("Within a minute")),
        ("within_1h", "series-3", _("Within an hour")),
        ("delivered", "series-bad", _("After more than an hour")),
    ]


def _speed(days: Sequence[Day]) -> Chart:
    delivered, series, before = total(days, "delivered"), [], ""
    for name, look, label in _speeds():
        # The counts contain each other; a part of the bar is what the one before does not contain.
        series.append(Series(look, label, _difference(name, before)))
        before = name
    fast, first = (share(total(days, name), delivered) for name in ("within_5s", "at_first"))
    detail = _("%(percent)s at the first attempt") % {"percent": percent_text(first)}
    title = _("Delivered within 5 seconds of the payment")
    return Chart("speed", title, percent_text(fast), detail, tuple(series), days, number_text)


def _difference(name: str, less: str) -> Value:
    return lambda day: day.total(name) - (day.total(less) if less else 0)
