"""Sentences that are stored, in English, whoever the reader will be: machines get them too (docs/records.md, "Languages").

An action fills in and stores one of them; orders.wording shows it in the reader's language. So a sentence that was stored once
stays here: without it, older rows are shown in English.
"""

from django.utils.translation import gettext_noop

# Notes of audit entries
RIGHT_PAYMENT = gettext_noop("The right payment came.")
ALL_REFUNDED = gettext_noop("All of the money was refunded.")
AGREES = gettext_noop("Agrees with the superapp's list.")

# What does not fit an order
NOT_OF_ORDER = gettext_noop("%(fields)s: not what the order says.")
PAID_ALREADY = gettext_noop("trade_state: the order is paid, so it cannot be closed.")
NOT_PAID = gettext_noop("The order is not paid, so nothing of it can be refunded.")
OTHER_CURRENCY = gettext_noop("The refund is not in %(currency)s, as the order is.")
BAD_REFUND = gettext_noop("RefundAmount is at least 1, and OpenId is that of the order.")
REUSED = gettext_noop("The refund number %(number)s stands for another refund, or this one ended otherwise. Use a new number.")
EXCEEDS = gettext_noop(
    "With this refund of %(asked)s, more would be refunded than was paid: %(paid)s, of which %(used)s before."
)
ARCHIVED = gettext_noop("The order has been in archive %(archive)s since %(day)s.")

# What cannot be read
NO_OBJECT = gettext_noop("Payload is not one JSON object without repeated keys and fractions.")
NO_FIELD = gettext_noop("Payload has no usable %(field)s.")
NO_NUMBER = gettext_noop("%(field)s is a whole number, in minor units for money.")
NO_TIME = gettext_noop("%(field)s is an RFC 3339 time with an offset.")
BAD_ENV = gettext_noop("Env is 0 (live) or 1 (sandbox).")
BAD_REFUND_STATUS = gettext_noop("RefundStatus is PROCESSING, SUCCESS, CLOSED or FAILED.")
BAD_EVENT = gettext_noop("event_type is one of %(known)s.")
BAD_TRADE_STATE = gettext_noop("trade_state is %(allowed)s with this event.")

#: All of them, for orders.wording.
SENTENCES = (
    RIGHT_PAYMENT, ALL_REFUNDED, AGREES,
    NOT_OF_ORDER, PAID_ALREADY, NOT_PAID, OTHER_CURRENCY, BAD_REFUND, REUSED, EXCEEDS, ARCHIVED,
    NO_OBJECT, NO_FIELD, NO_NUMBER, NO_TIME, BAD_ENV, BAD_REFUND_STATUS, BAD_EVENT, BAD_TRADE_STATE,
)  # fmt: skip
#: A difference from the superapp's list: a kind and two states or amounts, for machines. It has words of its own.
DIFFERS = "%(kind)s: here %(ours)s, there %(theirs)s"
