"""What the fields of an item may hold (docs/items.md): one place for the form, the import and the actions.

Every function returns the value to store, or raises ValidationError with a sentence that says what was found and what to do.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from console.money import MoneyError, parse_price

ID_LIMIT, NAME_LIMIT, DESCRIPTION_LIMIT = 64, 64, 1024
ID_CHARACTERS = re.compile(r"[A-Za-z0-9_-]")
#: Unicode's Bidi_Control: they make a name read differently from what it is.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_product_id(text: str) -> str:
    """1–64 of A–Z, a–z, 0–9, hyphen, underscore; case counts (docs/items.md)."""
    if not text.strip():
        raise ValidationError(_("Enter an item ID. It is what your game asks for, such as gems_100, and never changes."))
    for character in text:
        if not ID_CHARACTERS.match(character):
            message = _("An item ID may not contain %(found)s. Use only A–Z, a–z, 0–9, hyphens and underscores.")
            raise ValidationError(message % {"found": spoken(character)})
    return _within(text, ID_LIMIT, _("The item ID has %(count)d characters; the limit is %(limit)d. Shorten it."))


def clean_name(text: str) -> str:
    """1–64 characters after trimming, without control and bidi-control characters."""
    name = text.strip()
    if not any(_is_visible(character) for character in name):
        raise ValidationError(_("Enter a name. Players read it when they buy."))
    refuse_controls(name, _("The name contains %(found)s, which nobody can see. Delete it or type the name again."))
    return _within(name, NAME_LIMIT, _("The name has %(count)d characters; the limit is %(limit)d. Shorten it."))


def clean_description(text: str) -> str:
    """At most 1,024 characters after trimming; line breaks are allowed, other control characters are not."""
    description = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    message = _("The description contains %(found)s, which nobody can see. Delete it or type the text again.")
    refuse_controls(description, message, allowed="\n\t")
    message = _("The description has %(count)d characters; the limit is %(limit)d. Shorten it.")
    return _within(description, DESCRIPTION_LIMIT, message)


def clean_price(text: str, currency: str) -> int:
    """Minor units of a price typed in major units of `currency`; 1–99,999,999 minor units."""
    try:
        return parse_price(text, currency)
    except MoneyError as error:
        raise ValidationError(str(error)) from error


def refuse_controls(text: str, message: str, *, allowed: str = "") -> None:
    """Raise ValidationError with `message` for the first control, bidi-control or unpaired surrogate character."""
    for character in text:
        bad = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in BIDI_CONTROLS
        if bad and character not in allowed:
            raise ValidationError(message % {"found": spoken(character)})


def spoken(character: str) -> str:
    """A character as a sentence can show it: itself in quotes, or its code point when nobody can see it."""
    if character == " ":
        return _("a space")
    if _is_visible(character):
        return f"“{character}”"
    return _("the invisible character U+%(code)04X") % {"code": ord(character)}


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] not in "CZ"


def _within(text: str, limit: int, message: str) -> str:
    if len(text) > limit:
        raise ValidationError(message % {"count": len(text), "limit": limit})
    return text
