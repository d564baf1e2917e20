"""What orders.notes stored in English, in the reader's language: the only place that does it.

The sentence is found by its pattern and worded again with the values that stand in it. What fits none is shown as it was stored.
"""

import re
from functools import cache

from django.utils.translation import gettext, gettext_lazy

from orders.models import Difference
from orders.notes import DIFFERS, SENTENCES
from orders.transactions import TRADE_STATES

DIFFERENCES = {
    Difference.Kind.MISSING_HERE: gettext_lazy("Not known here. The superapp says: %(theirs)s"),
    Difference.Kind.MISSING_THERE: gettext_lazy("Not in the superapp's list. Here: %(ours)s"),
    Difference.Kind.AMOUNT: gettext_lazy("Amount in minor units: here %(ours)s, there %(theirs)s"),
    Difference.Kind.STATE: gettext_lazy("State: here %(ours)s, there %(theirs)s"),
    Difference.Kind.REFUNDS: gettext_lazy("Refunded in minor units: here %(ours)s, there %(theirs)s"),
}
#: What the wire says of a transaction, as the pages say it. WAIT_PAY is of two states, of which the later one is usual.
STATES = {wire: state.label for state, wire in TRADE_STATES.items()}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def in_words(text: str) -> str:
    """A stored note or detail in the reader's language."""
    for sentence in SENTENCES:
        if (values := values_in(text, sentence)) is not None:
            return gettext(sentence) % values
    found = values_in(text, DIFFERS)
    return difference(**found) if found and found["kind"] in DIFFERENCES else text


def difference(kind: str, ours: str, theirs: str) -> str:
    """A difference from the superapp's list in a sentence."""
    return str(DIFFERENCES[Difference.Kind(kind)]) % {"ours": _state(ours), "theirs": _state(theirs)}


def values_in(text: str, sentence: str) -> dict[str, str] | None:
    """What stands in the text at the placeholders of the sentence, None where it is another sentence."""
    found = _pattern(sentence).fullmatch(text)
    return found.groupdict() if found else None


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(sentence)  # text and names by turns
    return re.compile("".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))


def _state(text: str) -> str:
    """A state that is known in words; with it, an amount may stand behind it."""
    state, space, amount = text.partition(" ")
    return f"{STATES.get(state, state)}{space}{amount}"
