"""Money: integer minor units inside, major units in front of people.

The number of decimals is ISO 4217's. Babel carries CLDR's, which for some currencies says how many people *use* (IQD 0) and
not how many the standard has (IQD 3); `_ISO_EXPONENTS` puts those right, because a factor of 1000 is at stake.
"""

import re
from datetime import date
from decimal import Decimal
from functools import cache

from babel.core import get_global
from babel.numbers import get_currency_precision, get_territory_currencies
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

KNOWN_SINCE = date(2020, 1, 1)
MIN_PRICE = 1
MAX_PRICE = 99_999_999  # minor units; docs/domain.md, section 4
MAX_DIGITS = 15  # of the whole part: far above any price, and far below what a database integer refuses

# ISO 4217 (list one) where CLDR says 0.
_ISO_EXPONENTS = {"IQD": 3} | dict.fromkeys(
    ("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SLL", "SOS", "SYP", "YER"), 2
)


class MoneyError(ValueError):
    """An amount or a currency cannot be accepted; the sentence says what was found and what to do."""


@cache
def _currencies(first: date | None = None, last: date | None = None) -> frozenset[str]:
    """Of all territories: today, or from the first day to the last of a period."""
    territories = get_global("territory_currencies")
    return frozenset(code for territory in territories for code in get_territory_currencies(territory, first, last))


def currencies() -> list[str]:
    """The ISO 4217 codes of all currencies that some territory uses as legal tender today, in alphabetical order."""
    return sorted(_currencies())


def is_currency(code: str) -> bool:
    """Say whether `code` is a currency some territory uses as legal tender today (upper-case ISO 4217 code)."""
    return isinstance(code, str) and code in _currencies()


def known_currencies() -> frozenset[str]:
    """Those in use today and those that were since KNOWN_SINCE: what was sold in them is still shown and refunded."""
    return _currencies(KNOWN_SINCE, date.max)


@cache
def exponent(currency: str) -> int:
    """Return how many decimals `currency` has by ISO 4217: JPY 0, USD 2, KWD 3. Raises MoneyError for an unknown code."""
    if currency not in known_currencies():
        raise MoneyError(
            _("“%(found)s” is not a currency in use. Use a three-letter ISO 4217 code such as USD.")
            % {"found": str(currency)[:20]}
        )
    return _ISO_EXPONENTS.get(currency, get_currency_precision(currency))


def to_major(minor: int, currency: str) -> Decimal:
    """Return `minor` units as an exact decimal of major units: 990 USD is Decimal("9.90"). Raises MoneyError."""
    return Decimal(minor).scaleb(-exponent(currency))


def format_money(minor: int, currency: str) -> str:
    """Return minor units as people read them, currency first: "USD 1,234.50", "JPY 1,235". Raises MoneyError."""
    return f"{currency} {to_major(minor, currency):,.{exponent(currency)}f}"


def parse_major(text: str, currency: str) -> int:
    """Return the minor units of an amount typed in major units: "9.9" USD is 990. Zero is an amount.

    Only the digits 0–9 and one decimal point are read: guessing at "1,000" or "１２" would be guessing at a price.
    Raises MoneyError with what was found and what to do.
    """
    found = str(text).strip()
    decimals = exponent(currency)
    match = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", found)
    if match is None:
        raise MoneyError(_complaint(found, currency))
    whole, fraction = match[1].lstrip("0"), match[2] or ""
    if len(fraction) > decimals:
        raise MoneyError(_too_many_decimals(found, currency))
    if len(whole) > MAX_DIGITS:
        raise MoneyError(_("This amount has %(digits)s digits. Enter a smaller one.") % {"digits": len(whole)})
    return int(whole + fraction.ljust(decimals, "0") or "0")


def check_price(minor: int, currency: str) -> int:
    """Return `minor` if an item may have that price: 1–99,999,999 minor units (docs/domain.md, 4). Raises MoneyError."""
    if not MIN_PRICE <= minor <= MAX_PRICE:
        raise MoneyError(
            _("The price %(found)s is out of range. Enter a price from %(least)s to %(most)s.")
            % {
                "found": format_money(minor, currency),
                "least": format_money(MIN_PRICE, currency),
                "most": format_money(MAX_PRICE, currency),
            }
        )
    return minor


def parse_price(text: str, currency: str) -> int:
    """Return the minor units of a price typed in major units: `parse_major`, then `check_price`. Raises MoneyError."""
    return check_price(parse_major(text, currency), currency)


def _complaint(found: str, currency: str) -> str:
    if not found:
        return _("There is no amount. Enter one such as %(example)s.") % {"example": _example(currency)}
    values = {"found": found[:40], "example": _example(currency)}
    for pattern, sentence in _faults():
        if re.search(pattern, found):
            return sentence % values
    return _("“%(found)s” is not an amount. Enter digits and at most one decimal point, such as %(example)s.") % values


def _faults() -> list[tuple[str, str]]:
    """Return what people type instead of an amount, the first that fits wins."""
    return [
        (r"^[-−–(]", _("“%(found)s” is negative. Enter an amount above zero, such as %(example)s.")),
        (r"^[0-9.]+[eE]", _("“%(found)s” is in scientific notation. Write the amount out, such as %(example)s.")),
        (
            r"[,'’٬  _]",
            _("“%(found)s” has a comma or another separator. Enter digits with a decimal point, such as %(example)s."),
        ),
        (
            r"[^\W\d_]|[$€£¥₩₹]",
            _("“%(found)s” has letters or a currency sign. Enter the number only, such as %(example)s."),
        ),
        (
            r"[^\x00-\x7f]",
            _("“%(found)s” has digits or signs of another script. Use 0–9 and a point, such as %(example)s."),
        ),
    ]


def _too_many_decimals(found: str, currency: str) -> str:
    decimals = exponent(currency)
    values = {"found": found[:40], "currency": currency, "decimals": decimals}
    if decimals == 0:
        return _("“%(found)s” has decimals, but %(currency)s has none. Enter a whole number.") % values
    sentence = ngettext(
        "“%(found)s” has too many decimals: %(currency)s has %(decimals)s. Shorten it.",
        "“%(found)s” has too many decimals: %(currency)s has %(decimals)s. Shorten it.",
        decimals,
    )
    return sentence % values


def _example(currency: str) -> str:
    return f"{to_major(990 * 10 ** max(exponent(currency) - 2, 0), currency):f}"
