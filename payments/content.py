"""What a request asks for, as the approver reads it, and the hash that ties a decision to what was read."""

import hashlib
import json
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import override

from console.money import format_money
from console.templatetags.moments import day_text
from payments.models import ExemptionRequest, MerchantBinding, PaymentRequest, Request


class Line(NamedTuple):
    """One fact of a request in the reader's language."""

    label: str
    value: str


def content_lines(request: Request) -> list[Line]:
    """What is asked for. `request` is a row of its own kind (`Request.as_kind`)."""
    if isinstance(request, PaymentRequest):
        program = request.program
        return [
            Line(_("Payment type"), request.get_type_display()),
            Line(_("Mini program"), program.name),
            Line(_("App ID"), program.app_id),
            Line(_("Kind"), program.get_kind_display()),
        ]
    if isinstance(request, MerchantBinding):
        merchant = request.merchant
        return [
            Line(_("Merchant"), merchant.name),
            Line(_("Merchant ID"), merchant.merchant_id),
            Line(_("Settlement currency"), merchant.currency),
        ]
    if isinstance(request, ExemptionRequest):
        return [Line(_("Mini program"), request.program.name), Line(_("App ID"), request.program.app_id)]
    return []


def granted_lines(request: Request) -> list[Line]:
    """The limits within which an exemption was granted; nothing for other kinds and before a decision."""
    if not isinstance(request, ExemptionRequest) or request.decided_by_id is None or request.state == Request.State.REJECTED:
        return []
    ceiling, number, day = request.price_ceiling, request.items_per_day, request.last_day
    return [
        Line(_("Price at most"), format_money(ceiling, request.ceiling_currency) if ceiling else _("no limit")),
        Line(_("Items a day (UTC)"), f"{number:,}" if number else _("no limit")),
        Line(_("Last day (UTC)"), day_text(day) if day else _("no end")),
    ]


def content_hash(request: Request) -> str:
    """SHA-256 (hex) of what is asked for and of the message; the same for readers of every language."""
    with override("en"):
        content = [request.kind, *content_lines(request), request.message]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
