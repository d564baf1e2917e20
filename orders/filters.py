"""What the order record and the after-sales record can be filtered by (docs/domain.md, section 8)."""

from datetime import date
from typing import Any, ClassVar

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.filters import MAX_MONTHS, ChoiceFilter, PeriodFilters, months_before
from orders.models import DeliveryState, Environment, Notification, Order, Refund


class OrderFilters(PeriodFilters):
    """Filters of the order record. A search compares whole ids: a part of an id finds nothing, and says so."""

    search_fields = ("out_trade_no", "prepay_id", "open_id", "product_id")
    folded = ("time", "refund", "item", "env", "kind", "alert")
    axes: ClassVar[dict[str, tuple[str, Any]]] = {
        "created": ("created_at", _("Created")),
        "paid": ("paid_at", _("Paid")),
    }
    time = ChoiceFilter(
        choices=[(name, label) for name, (_field, label) in axes.items()], label=_("Time"), method="keep", empty_label=None
    )
    payment = ChoiceFilter(choices=Order.Payment.choices, field_name="payment_state", label=_("Payment"))
    delivery = ChoiceFilter(choices=DeliveryState.choices, field_name="delivery_state", label=_("Delivery"))
    refund = ChoiceFilter(choices=Order.RefundState.choices, field_name="refund_state", label=_("Refund"))
    item = django_filters.CharFilter(field_name="product_id", label=_("Item ID"), max_length=64)
    env = ChoiceFilter(choices=Environment.choices, label=_("Environment"))
    kind = ChoiceFilter(choices=Order.Kind.choices, label=_("Kind"))
    alert = ChoiceFilter(choices=[("any", _("With an alert"))], label=_("Alert"), method="with_alert")

    def with_alert(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """Orders that something did not fit, or a notification about them."""
        odd = Notification.objects.filter(order=OuterRef("pk"), verdict__in=["mismatch", "bad_signature"])
        return rows.filter(~Q(alert="") | Exists(odd))


class RefundFilters(PeriodFilters):
    """Filters of the after-sales record: the past seven days unless asked otherwise, never more than the last twelve months."""

    search_fields = ("out_trade_no", "refund_no")
    axes: ClassVar[dict[str, tuple[str, Any]]] = {"started": ("started_at", _("Initiated"))}
    default_days = 7
    state = ChoiceFilter(choices=Refund.State.choices, label=_("State"))
    env = ChoiceFilter(choices=Environment.choices, label=_("Environment"))
    kind = ChoiceFilter(choices=Order.Kind.choices, label=_("Kind"))

    def earliest(self, until: date) -> date:
        """Counted from today, whatever the last day."""
        return months_before(timezone.localdate(), MAX_MONTHS)
