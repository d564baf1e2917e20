"""How every state looks: its tone and its icon, in one place (states: domain.md section 3).

Tones: danger = you must act, warning = in progress, success = live, muted = ended, info = good to know.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """Tone and heroicon of a state."""

    tone: str
    icon: str


UNKNOWN = Look("muted", "question-mark-circle")

STATES = {
    # Requests: payment, merchant binding, exemption
    "in_progress": Look("warning", "clock"),
    "approved": Look("success", "check-circle"),
    "effective": Look("success", "check-circle"),
    "partly_approved": Look("info", "check-circle"),
    "rejected": Look("danger", "x-circle"),
    "cancelled": Look("muted", "minus-circle"),
    "disabled": Look("danger", "no-symbol"),
    "suspended": Look("danger", "pause-circle"),
    "unbound": Look("muted", "link-slash"),
    "revoked": Look("muted", "no-symbol"),
    # Virtual items and releases
    "unreleased": Look("muted", "pencil-square"),
    "under_review": Look("warning", "eye"),
    "released": Look("success", "check-circle"),
    "removed": Look("muted", "archive-box"),
    "taken_down": Look("danger", "no-symbol"),
    "withdrawn": Look("muted", "arrow-uturn-left"),
    "deleted": Look("muted", "trash"),
    # Orders: payment
    "created": Look("muted", "document-plus"),
    "unpaid": Look("warning", "clock"),
    "paid": Look("success", "check-circle"),
    "closed": Look("muted", "lock-closed"),
    "expired": Look("muted", "clock"),
    "failed": Look("danger", "exclamation-triangle"),
    # Orders: delivery
    "not_due": Look("muted", "minus-circle"),
    "pending": Look("warning", "clock"),
    "delivering": Look("warning", "arrow-path"),
    "delivered": Look("success", "check-circle"),
    "needs_attention": Look("danger", "exclamation-triangle"),
    "held": Look("warning", "pause-circle"),
    # Orders: refund, after-sales
    "none": Look("muted", "minus"),
    "partially_refunded": Look("info", "arrow-uturn-left"),
    "refunded": Look("muted", "arrow-uturn-left"),
    "processing": Look("warning", "arrow-path"),
    "success": Look("success", "check-circle"),
    # Credentials
    "active": Look("success", "key"),
    "overlapping": Look("warning", "arrows-right-left"),
    "retired": Look("muted", "archive-box"),
    # Jobs
    "queued": Look("warning", "clock"),
    "running": Look("warning", "arrow-path"),
    "succeeded": Look("success", "check-circle"),
    # Imports
    "checking": Look("warning", "arrow-path"),
    "checked": Look("info", "clipboard-document-check"),
    "applying": Look("warning", "arrow-path"),
    "applied": Look("success", "check-circle"),
    "undone": Look("muted", "arrow-uturn-left"),
    # Attempts to deliver
    "acknowledged": Look("success", "check-circle"),
    "refused": Look("danger", "hand-raised"),
    "no_answer": Look("danger", "signal-slash"),
    "bad_status": Look("danger", "exclamation-circle"),
    "bad_body": Look("danger", "document-minus"),
    "destination": Look("danger", "no-symbol"),
    "not_configured": Look("warning", "cog-6-tooth"),
    # Switches
    "on": Look("success", "check-circle"),
    "off": Look("muted", "minus-circle"),
}

# The same word may mean something else on one axis: nobody has to act on a payment that failed.
_BY_FIELD = {
    ("payment_state", "failed"): Look("muted", "x-circle"),
    ("payment", "failed"): Look("muted", "x-circle"),
}


def look_of(value: str, *, field: str = "state") -> Look:
    """Return tone and icon of a state's value; `field` is the name of the model field that holds it.

    A value nobody has listed is grey with a question mark, so that a new state shows at once that it lacks a look.
    """
    key = str(value).lower()
    return _BY_FIELD.get((field, key)) or STATES.get(key, UNKNOWN)
