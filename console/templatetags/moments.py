"""Moments as people read them, quickly: Django's date_format reads its pattern anew for each of a page's hundred times."""

from datetime import date, datetime
from functools import lru_cache

from django.utils.dateformat import format as django_format
from django.utils.dates import MONTHS_3
from django.utils.translation import get_language, pgettext

#: What the letters of a pattern stand for, as parts of a str.format template; other letters take Django's own way.
PARTS = {
    "j": "{0.day}", "d": "{0.day:02}", "n": "{0.month}", "m": "{0.month:02}", "Y": "{0.year:04}", "H": "{0.hour:02}",
    "i": "{0.minute:02}", "s": "{0.second:02}", "M": "{1}",
}  # fmt: skip


@lru_cache(maxsize=64)
def _template(pattern: str) -> str:
    """The pattern as a template; "" when a letter of it is not known here."""
    letters = [PARTS.get(sign, "" if sign.isascii() and sign.isalpha() or sign in "\\{}" else sign) for sign in pattern]
    return "".join(letters) if all(letters) else ""


@lru_cache(maxsize=64)
def _month(number: int, _language: str | None) -> str:
    return str(MONTHS_3[number]).title()


def day_text(day: date) -> str:
    """A day as people of the active language write it: `21 Nov 2026`."""
    return moment_text(day, pgettext("date format", "j M Y"))


def time_text(local: datetime) -> str:
    """A moment in the zone that it is in: `21 Nov 2026, 14:03`."""
    return moment_text(local, pgettext("date format", "j M Y, H:i"))


def moment_text(local: date, pattern: str) -> str:
    """`local` by a pattern of Django's date formats, in the active language."""
    template = _template(pattern)
    if not template:
        return str(django_format(local, pattern))
    return template.format(local, _month(local.month, get_language()))
