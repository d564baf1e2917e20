"""What people type into requests, made safe to store and to show."""

import unicodedata

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.errors import Refused
from payments.models import REASON_LIMIT

#: Control and format characters: they show nothing, and some turn the direction of what stands beside them.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
#: Joiners that some scripts need between visible letters.
_KEPT = {"\n", "\t", "\u200c", "\u200d"}


def message_given(message: str, *, required: bool = True) -> str:
    """The message of a request, trimmed.

    Raises Refused at the field `message`: nothing visible in it, over 500 characters, control or format characters.
    """
    text = message.replace("\r\n", "\n").strip()
    if not any(_visible(letter) for letter in text):
        if not required and not text:
            return ""
        raise Refused(message=_("Enter a message of 1 to 500 characters that says what the approver should know."))
    if len(text) > REASON_LIMIT:
        raise Refused(
            message=ngettext(
                "The message has %(count)d character; the limit is %(limit)d. Shorten it.",
                "The message has %(count)d characters; the limit is %(limit)d. Shorten it.",
                len(text),
            )
            % {"count": len(text), "limit": REASON_LIMIT}
        )
    if unseen := next((letter for letter in text if unicodedata.category(letter) in _UNSEEN and letter not in _KEPT), ""):
        raise Refused(message=_("The message holds the invisible character U+%04X. Remove it.") % ord(unseen))
    return text


def _visible(letter: str) -> bool:
    return not letter.isspace() and unicodedata.category(letter) not in _UNSEEN and letter not in "\u115f\u1160\u2800\u3164\uffa0"
