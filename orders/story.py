"""What happened to an order or a refund, in words: the verdict, the timeline, and each attempt to deliver."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from django.db.models import Count, F, Model, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from console.http_messages import Answer
from console.models import AuditEntry
from console.money import format_money
from console.sentences import joined
from console.templatetags.state_looks import look_of
from orders.models import Attempt, Delivery, DeliveryState, Notification, Order, Refund
from orders.wording import in_words

ATTEMPTS_SHOWN = 200  # of one delivery: the schedule makes 136 in its 30 days
ENTRIES_SHOWN = 100
Row = TypeVar("Row", bound=Model)
NEWEST = 10  # attempts on the page as it opens; the others unfold
LAST = 4  # attempts at the end of the timeline, beside the first


class Verdict(NamedTuple):
    """One sentence about a whole record."""

    tone: str
    icon: str
    text: str | Promise


class Tried(NamedTuple):
    """Attempts, oldest first, how many older ones of each delivery are left out, and what is delivered if it is not the item."""

    rows: Sequence[Attempt] = ()
    older: Mapping[int, int] = {}
    events: Mapping[int, str] = {}

    def of(self, deliveries: Iterable[Delivery]) -> "Tried":
        """Those of these deliveries."""
        ids = {row.pk for row in deliveries}
        return self._replace(rows=[row for row in self.rows if row.delivery_id in ids])


ALERTS = {
    Order.Alert.MISMATCH: gettext_lazy("A payment notification does not fit this order, so nothing was delivered for it."),
    Order.Alert.DIFFERS: gettext_lazy("The superapp's list of transactions says something else about this order."),
    Order.Alert.LATE: gettext_lazy("It was paid after it had been closed. Deliver it or have it refunded."),
}
MISMATCH_WHEN_PAID = gettext_lazy("Another notification of the superapp does not fit this order.")
LATE_WHEN_DONE = gettext_lazy("It was paid after it had been closed.")
#: Nothing is left to be delivered.
DONE = {DeliveryState.NOT_DUE, DeliveryState.DELIVERED, DeliveryState.CANCELLED}
PAYMENT = {
    "created": Verdict("muted", "clock", gettext_lazy("Not paid: the superapp has not given a prepay id yet.")),
    "unpaid": Verdict("warning", "clock", gettext_lazy("Not paid yet: the player has the payment page in front of them.")),
    "closed": Verdict("muted", "lock-closed", gettext_lazy("Closed without a payment.")),
    "expired": Verdict("muted", "clock", gettext_lazy("Expired: it was not paid in time.")),
    "failed": Verdict("muted", "x-circle", gettext_lazy("The payment failed, or the superapp refused the order.")),
}
DELIVERY = {
    "not_due": Verdict("success", "check-circle", gettext_lazy("Paid. Nothing has to be delivered.")),
    "pending": Verdict("warning", "clock", gettext_lazy("Paid. The developer's backend has not acknowledged the delivery yet.")),
    "delivering": Verdict("warning", "arrow-path", gettext_lazy("Paid. The delivery is being sent right now.")),
    "delivered": Verdict("success", "check-circle", gettext_lazy("Paid and delivered.")),
    "needs_attention": Verdict(
        "danger", "exclamation-triangle", gettext_lazy("Paid, but not delivered: all attempts of the schedule failed.")
    ),
    "held": Verdict("warning", "pause-circle", gettext_lazy("Paid. The delivery is held until delivery push is switched on.")),
    "cancelled": Verdict("muted", "minus-circle", gettext_lazy("Paid, then refunded before it was delivered.")),
}
REFUNDED = {
    "partially_refunded": gettext_lazy("Part of the money was refunded."),
    "refunded": gettext_lazy("All of the money was refunded."),
}
HELD_AT_ONCE = "orders.order.hold_delivery"
TITLES = {
    "orders.order.hold_prepay": gettext_lazy("Prepay id received"),
    "orders.order.close": gettext_lazy("Closed by the superapp"),
    "orders.order.expire": gettext_lazy("Expired without a payment"),
    "orders.order.fail": gettext_lazy("Failed"),
    "orders.order.alert": gettext_lazy("Alert raised"),
    "orders.order.end_alert": gettext_lazy("Alert ended"),
    HELD_AT_ONCE: gettext_lazy("Delivery held: push is off or not configured"),
    "orders.delivery.redeliver": gettext_lazy("Redelivered by hand"),
    "orders.delivery.hold": gettext_lazy("Delivery held: push is off"),
    "orders.delivery.resume": gettext_lazy("Delivery resumed: push is on"),
    "orders.delivery.park": gettext_lazy("Delivery given up: the schedule ended"),
    "orders.delivery.cancel": gettext_lazy("Delivery cancelled: refunded before it was delivered"),
    "orders.refund.close": gettext_lazy("Refund %(number)s closed: it was not carried out"),
    "orders.refund.fail": gettext_lazy("Refund %(number)s failed"),
}
#: Every other move of an order's delivery has an entry of the delivery beside it, and is told once.
TOLD = Q(verb__in=[verb for verb in TITLES if verb != HELD_AT_ONCE]) | Q(
    verb=HELD_AT_ONCE, changes__delivery_state__0=DeliveryState.NOT_DUE
)
LOOKS = {
    "orders.order.hold_prepay": ("ticket", "muted"),
    "orders.order.alert": ("exclamation-triangle", "danger"),
    "orders.delivery.redeliver": ("arrow-path", "info"),
    "orders.delivery.park": ("exclamation-triangle", "danger"),
    "orders.delivery.hold": ("pause-circle", "warning"),
    HELD_AT_ONCE: ("pause-circle", "warning"),
    "orders.refund.close": ("lock-closed", "muted"),
    "orders.refund.fail": ("x-circle", "danger"),
}
VERDICTS = {
    "accepted": gettext_lazy("Payment notification accepted"),
    "duplicate": gettext_lazy("Payment notification repeated; nothing changed"),
    "unknown_order": gettext_lazy("Payment notification came before the order"),
    "mismatch": gettext_lazy("Payment notification does not fit the order; not delivered"),
}
CLOSING_VERDICTS = {
    "accepted": gettext_lazy("Closing accepted"),
    "duplicate": gettext_lazy("Closing repeated; nothing changed"),
    "mismatch": gettext_lazy("Closing does not fit the order"),
}
REFUND_VERDICTS = {
    "accepted": gettext_lazy("Refund notification accepted"),
    "duplicate": gettext_lazy("Refund notification repeated; nothing changed"),
    "mismatch": gettext_lazy("Refund notification does not fit the order"),
}


def verdict(order: Order) -> Verdict:
    """How the order stands, and what somebody has to look at."""
    found = _standing(order)
    if not order.alert:
        return found
    text = joined([found.text, *_alerts(order)])
    if order.alert == Order.Alert.LATE and order.delivery_state in DONE:
        return Verdict(found.tone, found.icon, text)
    return Verdict("danger", "exclamation-triangle", text)


def _alerts(order: Order) -> list[str]:
    """What the alert knows, as far as it is true now."""
    known = {str(code): text for code, text in ALERTS.items()}
    if order.payment_state == Order.Payment.PAID:
        known[Order.Alert.MISMATCH] = MISMATCH_WHEN_PAID
    if order.delivery_state in DONE:
        known[Order.Alert.LATE] = LATE_WHEN_DONE
    codes = [Order.Alert.LATE, Order.Alert.MISMATCH] if order.alert == Order.Alert.LATE_AND_MISMATCH else [order.alert]
    return [str(known.get(code, code)) for code in codes]


def _standing(order: Order) -> Verdict:
    """Payment, delivery and refund in a sentence or two."""
    if order.payment_state != Order.Payment.PAID:
        return PAYMENT[order.payment_state]
    found = DELIVERY[order.delivery_state]
    if order.refund_state == Order.RefundState.NONE:
        return found
    text = joined([found.text, REFUNDED[order.refund_state]])
    if order.refund_state == Order.RefundState.REFUNDED and order.delivery_state == DeliveryState.DELIVERED:
        return Verdict("warning", "exclamation-triangle", text)
    return Verdict(found.tone, found.icon, text)


REFUND_STATES = {
    "processing": Verdict("warning", "clock", gettext_lazy("The superapp is giving the money back.")),
    "success": Verdict("success", "check-circle", gettext_lazy("The money is back with the player.")),
    "closed": Verdict("muted", "lock-closed", gettext_lazy("Closed: the refund was not carried out.")),
    "failed": Verdict("danger", "x-circle", gettext_lazy("The refund failed: the player does not have the money back.")),
}


def refund_verdict(refund: Refund) -> Verdict:
    """One sentence about the refund; what was delivered and refunded is told first."""
    found, order = REFUND_STATES[refund.state], refund.order
    if refund.state == Refund.State.SUCCESS and order.delivery_state == DeliveryState.DELIVERED:
        kept = _("The item had been delivered: check whether the player still has it.")
        return Verdict("warning", "exclamation-triangle", joined([found.text, kept]))
    return found


def order_events(
    order: Order, notifications: Sequence[Notification], attempts: Tried, refunds: Sequence[Refund], entries: Sequence[AuditEntry]
) -> list[dict[str, Any]]:
    """The timeline of an order, oldest first, for components/timeline.html."""
    amount = format_money(order.amount, order.currency)
    events = [_event(order.created_at, "document-plus", "muted", _("Order placed"), amount)]
    if order.paid_at:
        paid = format_money(order.paid_amount, order.currency)
        events.append(_event(order.paid_at, "credit-card", "success", _("Paid"), paid))
    if order.delivered_at:
        told = _("The developer's backend acknowledged the delivery.")
        events.append(_event(order.delivered_at, "check-badge", "success", pgettext("state", "Delivered"), told))
    events += [_notified(row) for row in notifications]
    events += attempt_events(attempts)
    for refund in refunds:
        events += _refund(refund)
    events += [_entry(row) for row in entries]
    return sorted(events, key=lambda event: event["at"])


def refund_events(
    refund: Refund, notifications: Sequence[Notification], attempts: Tried, entries: Sequence[AuditEntry]
) -> list[dict[str, Any]]:
    """The timeline of a refund, from the order it is of, oldest first."""
    order, started = refund.order, [_event(refund.order.created_at, "document-plus", "muted", _("Order placed"))]
    if order.paid_at:
        paid = format_money(order.paid_amount, order.currency)
        started.append(_event(order.paid_at, "credit-card", "success", _("Paid"), paid))
    events = [*started, *_refund(refund), *(_notified(row) for row in notifications), *attempt_events(attempts)]
    events += [_entry(row) for row in entries]
    return sorted(events, key=lambda event: event["at"])


def newest(rows: "QuerySet[Row]", most: int) -> tuple[list[Row], int]:
    """The newest `most` of the rows in their order, and how many older ones there are; at most two queries."""
    found = list(rows.order_by("-pk")[: most + 1])
    older = rows.count() - most if len(found) > most else 0
    return found[:most][::-1], older


def entries_of(rows: Iterable[Order | Refund | Delivery]) -> tuple[list[AuditEntry], int]:
    """What the audit trail says about these rows, as far as TITLES has words for it; see newest()."""
    about, ids = Q(), dict[str, list[str]]()
    for row in rows:
        ids.setdefault(row._meta.label_lower, []).append(str(row.pk))
    for kind, pks in ids.items():
        about |= Q(object_type=kind, object_id__in=pks)
    return newest(AuditEntry.objects.filter(about, TOLD), ENTRIES_SHOWN)


def attempts_of(deliveries: Sequence[Delivery]) -> Tried:
    """The newest ATTEMPTS_SHOWN attempts of each of these deliveries; at most two queries."""
    rows, first = Attempt.objects.filter(delivery__in=deliveries), F("delivery__attempt_number") - ATTEMPTS_SHOWN
    shown = list(rows.filter(number__gt=first).order_by("started_at", "id"))
    if all(row.attempt_number <= ATTEMPTS_SHOWN for row in deliveries):
        return Tried(shown, events=events_of(deliveries))
    older = rows.filter(number__lte=first).order_by().values_list("delivery").annotate(Count("pk"))
    return Tried(shown, dict(older), events_of(deliveries))


def events_of(deliveries: Iterable[Delivery]) -> dict[int, str]:
    """What each delivers that is not the item, in words."""
    return {row.pk: row.event_name for row in deliveries if row.event != Delivery.Event.GOODS}


def grouped(deliveries: Sequence[Delivery], attempts: Tried) -> list[dict[str, Any]]:
    """Each delivery with its attempts, the newest first, for the page."""
    found = []
    for delivery in deliveries:
        shown = [_shown(row) for row in reversed(attempts.rows) if row.delivery_id == delivery.pk]
        left_out = attempts.older.get(delivery.pk, 0)
        found.append({"row": delivery, "attempts": shown[:NEWEST], "older": shown[NEWEST:], "left_out": left_out})
    return found


def outcome_sentence(attempt: Attempt) -> str:
    """What an attempt came to: an answer that refuses is something else than no answer."""
    if attempt.outcome == Attempt.Outcome.ACKNOWLEDGED:
        return _("Acknowledged.")
    if attempt.outcome == Attempt.Outcome.REFUSED:
        return _("Answered, refused: %(code)s.") % {"code": attempt.return_code or _("without a code")}
    if attempt.outcome == Attempt.Outcome.BAD_STATUS:
        return _("Answered with HTTP status %(status)s; 200 is expected.") % {"status": attempt.status}
    if attempt.outcome == Attempt.Outcome.BAD_BODY:
        return _("Answered, but not with a JSON object that has a returnCode.")
    if attempt.outcome == Attempt.Outcome.NO_ANSWER:
        return _("No answer. %(reason)s") % {
            "reason": Answer(error_class=attempt.error or "closed", connected=True).public_reason()
        }
    return f"{attempt.get_outcome_display()}."


def attempt_events(attempts: Tried) -> list[dict[str, Any]]:
    """Attempts in the timeline, delivery by delivery."""
    rows = sorted(attempts.rows, key=lambda row: (row.delivery_id, row.started_at, row.pk))
    events = list[dict[str, Any]]()
    for delivery, tried in groupby(rows, key=lambda row: row.delivery_id):
        events += _tried(list(tried), attempts.older.get(delivery, 0), attempts.events.get(delivery, ""))
    return events


def _tried(attempts: Sequence[Attempt], older: int, event: str) -> list[dict[str, Any]]:
    """Of one delivery: the first attempt and the last few; those between, and those that are left out, are one event."""
    first = [] if older else attempts[:1]
    between = attempts[len(first) : -LAST]
    number = len(between) + older
    if number < 2:
        return [attempt_event(row, event) for row in attempts]
    title = ngettext("%(number)s more attempt failed", "%(number)s more attempts failed", number) % {"number": number}
    gap = _event(between[0].started_at, "ellipsis-vertical", "muted", title)
    return [attempt_event(row, event) for row in first] + [gap] + [attempt_event(row, event) for row in attempts[-LAST:]]


def attempt_event(attempt: Attempt, event: str) -> dict[str, Any]:
    """An attempt in the timeline; `event` says what is delivered if it is not the item."""
    look = look_of(attempt.outcome)
    title = _("%(event)s: attempt %(number)s") if event else _("Delivery attempt %(number)s")
    title = title % {"number": attempt.number, "event": event}
    return _event(attempt.started_at, look.icon, look.tone, title, outcome_sentence(attempt))


def _shown(attempt: Attempt) -> dict[str, Any]:
    headers = "\n".join(f"{name}: {value}" for name, value in attempt.request_headers.items())
    return {
        "row": attempt, "sentence": outcome_sentence(attempt), "headers": headers, "stages": attempt.stages,
        "total": attempt.durations.get("total"), "look": look_of(attempt.outcome),
    }  # fmt: skip


def _event(at: Any, icon: str, tone: str, title: Any, body: Any = "") -> dict[str, Any]:
    return {"at": at, "icon": icon, "tone": tone, "title": title, "body": body}


def _notified(row: Notification) -> dict[str, Any]:
    other = {Notification.Kind.REFUND: REFUND_VERDICTS, Notification.Kind.CLOSING: CLOSING_VERDICTS}
    words = other.get(Notification.Kind(row.kind), VERDICTS)
    tone = "danger" if row.verdict == "mismatch" else "muted"
    title = words.get(row.verdict, row.get_verdict_display())
    return _event(row.received_at, "inbox-arrow-down", tone, title, in_words(row.detail))


def _refund(refund: Refund) -> list[dict[str, Any]]:
    amount = format_money(-refund.amount, refund.currency)
    started = _("Refund %(number)s initiated") % {"number": refund.refund_no}
    events = [_event(refund.started_at, "arrow-uturn-left", "info", started, f"{amount} {refund.cause}".strip())]
    if refund.succeeded_at:
        done = _("Refund %(number)s succeeded") % {"number": refund.refund_no}
        events.append(_event(refund.succeeded_at, "check-circle", "success", done, amount))
    return events


def _entry(row: AuditEntry) -> dict[str, Any]:
    icon, tone = LOOKS.get(row.verb, ("clock", "muted"))
    body = in_words(row.note)
    if row.actor_id:
        body = _("By %(name)s. %(note)s") % {"name": row.actor_label, "note": row.note}
    title = str(TITLES[row.verb]) % {"number": row.object_label}
    return _event(row.created_at, icon, tone, title, body.strip())
