"""Made-up data for the style guide (templates/styleguide.html), which is routed in DEBUG and demo mode only."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django import forms, template
from django.utils import timezone
from django.utils.safestring import SafeString

from console.templatetags.state_looks import STATES
from console.templatetags.ui import copy, money, state_mark, when

register = template.Library()

_ORDERS = (
    ("MC-2026-00418", "Dragon Bundle ×2", 1980, "USD", "paid", "delivered", "none"),
    ("MC-2026-00417", "Small pouch of moonstones", 120000, "JPY", "paid", "needs_attention", "none"),
    ("MC-2026-00416", "Founders’ pass", 4500, "KWD", "paid", "pending", "partially_refunded"),
    ("MC-2026-00415", "Dragon Bundle ×2", 1980, "USD", "unpaid", "not_due", "none"),
    ("MC-2026-00414", "Season ticket", 990, "USD", "expired", "not_due", "none"),
)


class SampleForm(forms.Form):
    """A form with one of each kind of control."""

    name = forms.CharField(label="Name", max_length=64, help_text="1 to 64 characters, as the player reads it.")
    price = forms.DecimalField(label="Price", help_text="In USD, two decimals.")
    currency = forms.ChoiceField(label="Currency", choices=[("USD", "USD – US dollar"), ("JPY", "JPY – yen")])
    description = forms.CharField(label="Description", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    image = forms.FileField(label="Image", required=False, help_text="JPEG or PNG, at most 2 MB.")
    environment = forms.ChoiceField(
        label="Environment",
        choices=[("live", "Live"), ("sandbox", "Sandbox")],
        widget=forms.RadioSelect,
        initial="live",
    )
    notify = forms.BooleanField(label="Tell me by e-mail when it is decided", required=False)


@register.simple_tag
def sample_forms() -> dict[str, SampleForm]:
    """Return the sample form once fresh and once with faults."""
    faulty = SampleForm({"faulty-price": "1.999", "faulty-currency": "USD"}, prefix="faulty")
    faulty.add_error("price", "1.999 has three decimals; USD has two. Write 1.99 or 2.00.")
    return {"fresh": SampleForm(), "faulty": faulty}


@register.simple_tag
def sample_orders() -> list[dict[str, Any]]:
    """Return rows of an order table with rendered cells."""
    now = timezone.now()
    return [
        {
            "number": copy(number, url="#"),
            "item": item,
            "amount": money(minor, currency),
            "states": [_mark(paid, "payment_state"), _mark(delivered, "delivery_state"), _mark(refund, "refund_state")],
            "at": when(now - timedelta(minutes=37 * index)),
        }
        for index, (number, item, minor, currency, paid, delivered, refund) in enumerate(_ORDERS)
    ]


def _mark(value: str, field: str) -> SafeString:
    return state_mark(value, value.replace("_", " ").capitalize(), field=field)


@register.simple_tag
def all_states() -> list[SafeString]:
    """Return the badge of every state."""
    return [_mark(value, "state") for value in STATES]


@register.simple_tag
def sample(kind: str) -> Any:
    """Return the made-up data of one component."""
    return _SAMPLES[kind]()


def _steps() -> list[dict[str, str]]:
    return [
        {"state": "done", "title": "Payment is on", "text": "USD, JPY, KWD, CNY", "who": "Orbit"},
        {"state": "done", "title": "Merchant is effective", "text": "Northlight Games Ltd", "who": "Team admin"},
        {"state": "waiting", "title": "Payment request", "text": "In review for 3 hours", "who": "Approver of Orbit"},
        {
            "state": "now",
            "title": "Delivery push",
            "who": "Team admin, senior developer",
            "url": "#",
            "action": "Configure",
        },
        {"state": "blocked", "title": "Push switch", "text": "The test push was refused.", "who": "Senior developer"},
        {"state": "todo", "title": "One item released", "who": "Team admin"},
    ]


def _events() -> list[dict[str, Any]]:
    now = timezone.now()
    return [
        {"at": now - timedelta(minutes=9), "icon": "document-plus", "tone": "muted", "title": "Order created"},
        {"at": now - timedelta(minutes=8), "icon": "banknotes", "tone": "success", "title": "Paid",
         "body": "Payment notification of Orbit, signature valid."},
        {"at": now - timedelta(minutes=7), "icon": "hand-raised", "tone": "danger", "title": "Attempt 1: answered, refused",
         "body": "returnCode 4001. Next attempt in 15 seconds."},
        {"at": now, "icon": "check", "tone": "success", "title": "Attempt 2: acknowledged", "body": "212 ms"},
    ]  # fmt: skip


def _facts() -> list[dict[str, Any]]:
    return [
        {"label": "Amount", "value": money(1980, "USD"), "figure": True},
        {"label": "Payment", "value": _mark("paid", "payment_state")},
        {"label": "Delivery", "value": _mark("delivered", "delivery_state")},
        {"label": "Order number", "value": copy("MC-2026-00418")},
        {"label": "Created", "value": when(timezone.now())},
    ]


_SAMPLES = {
    "steps": _steps,
    "events": _events,
    "facts": _facts,
    "tabs": lambda: [
        {"label": "Overview", "url": "#", "current": True},
        {"label": "Delivery attempts", "url": "#", "count": 4},
        {"label": "Signature", "url": "#"},
    ],
    "tiles": lambda: [
        {"label": "Orders, 7 days", "value": "1,284", "hint": "up 12 % from the week before", "url": "#"},
        {"label": "Amount", "value": "USD 12,480.50", "hint": "and JPY 1,204,000"},
        {"label": "Delivered", "value": "98.4 %", "hint": "of 1,203 paid orders"},
        {"label": "Needs attention", "value": "3", "hint": "paid, not delivered", "tone": "danger",
         "icon": "exclamation-triangle", "url": "#"},
    ],
    "chips": lambda: [
        {"label": "Payment: Paid", "remove_url": "#"},
        {"label": "Created: 14 Nov to 21 Nov 2026 (UTC+8)", "remove_url": "#"},
    ],
    "diff": lambda: [
        {"label": "Name", "old": "Dragon Bundle", "new": "Dragon Bundle"},
        {"label": "Price", "old": "USD 9.90", "new": "USD 19.90", "note": "+101 %"},
        {"label": "Description", "old": "", "new": "Two dragons and a saddle."},
    ],
    "order": lambda: SimpleNamespace(state="under_review", get_state_display=lambda: "Under review"),
}  # fmt: skip
