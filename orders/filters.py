"""What the order record and the after-sales record can be filtered by (docs/domain.md, section 8).

Live and sandbox, virtual and standard payment are records of their own: an address that names none is about live virtual payment.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from console.filters import (
    MAX_MONTHS,
    Chip,
    ChoiceFilter,
    Period,
    PeriodFilters,
    PeriodForm,
    SearchFilter,
    choice_of_axis,
    months_before,
    numbers_in,
)
from console.models import MiniProgram
from orders.models import DeliveryState, Environment, Notification, Order, Refund
from orders.parts import with_part

REFUND_NO = 64  # characters of a refund number
#: Filters by a state of an order, with the state that all orders begin in: none comes into that later.
FIRST_STATES = {
    "payment": Order.Payment.CREATED,
    "delivery": DeliveryState.NOT_DUE,
    "refund": Order.RefundState.NONE,
    "alert": "",
}


class RecordFilters(PeriodFilters):
    """What both records share."""

    record = ("kind", "env")
    #: The field whose numbers a pasted list is looked for in, first; and others.
    number_fields: ClassVar[tuple[str, ...]] = ()
    q = SearchFilter(method="search", label=_("Search"), several=True)
    kind = ChoiceFilter(choices=Order.Kind.choices, label=_("Kind"), method="keep", empty_label=None)
    env = ChoiceFilter(choices=Environment.choices, label=_("Environment"), method="keep", empty_label=None)

    @property
    def kind_shown(self) -> str:
        """The kind that the record is about."""
        return self.values.get("kind") or Order.Kind.VIRTUAL

    @property
    def env_shown(self) -> int | None:
        """The environment that the record is about, None for both: pasted numbers are looked for in both."""
        asked = self.values.get("env")
        return int(asked) if asked else None if self.numbers else Environment.LIVE.value

    @property
    def record_words(self) -> list[str]:
        """Kind of payment and environment."""
        env = self.env_shown
        where = gettext("Live and sandbox") if env is None else str(Environment(env).label)
        return [str(Order.Kind(self.kind_shown).label), where]

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Rows of the kind and the environment."""
        rows = super().filter_queryset(queryset).filter(kind=self.kind_shown)
        return rows if self.env_shown is None else rows.filter(env=self.env_shown)

    @cached_property
    def sought(self) -> str:
        """The text that is searched for; of one number with separators around it, or twice, the number alone."""
        asked = str(self.values.get("q", ""))
        found = numbers_in(asked)
        return found[0] if len(found) == 1 and found[0] != asked and not self.is_whole(asked) else asked

    def is_whole(self, text: str) -> bool:
        """Whether separators are part of a number."""
        return False

    def with_numbers(self, rows: QuerySet) -> QuerySet:
        """Rows that have one of the numbers of the pasted list."""
        condition = Q()
        for name in self.number_fields:
            condition |= Q(**{f"{name}__in": self.numbers})
        return rows.filter(condition)


class OrderFilters(RecordFilters):
    """Filters of the order record. A search knows whole ids and parts of order numbers, at any time."""

    number_fields = ("out_trade_no",)
    search_fields: ClassVar[tuple[str, ...]] = ("prepay_id", "open_id", "product_id")
    folded: ClassVar[tuple[str, ...]] = ("time", "refund", "item", "alert")
    axes: ClassVar[dict[str, tuple[str, Any]]] = {
        "created": ("created_at", _("Created")),
        "paid": ("paid_at", pgettext_lazy("time", "Paid")),
    }
    time = choice_of_axis(axes)
    payment = ChoiceFilter(choices=Order.Payment.choices, field_name="payment_state", label=_("Payment"))
    delivery = ChoiceFilter(choices=DeliveryState.choices, field_name="delivery_state", label=_("Delivery"))
    refund = ChoiceFilter(choices=Order.RefundState.choices, field_name="refund_state", label=_("Refund"))
    item = django_filters.CharFilter(field_name="product_id", label=_("Item ID"), max_length=64)
    alert = ChoiceFilter(choices=[("any", _("With an alert"))], label=_("Alert"), method="with_alert")

    @property
    def period(self) -> Period:
        """A search without days looks at all time: an id is narrow enough."""
        values = self.values
        if "q" in values and not values.get("since") and not values.get("until"):
            return Period(None, None)
        return super().period

    @property
    def axis_of_periods(self) -> str:
        """Paid orders count when they are paid: one that was created before midnight may be paid after it."""
        is_paid = self.values.get("payment") == Order.Payment.PAID
        return "paid" if is_paid and "time" not in self.values else self.axis

    @property
    def left_out(self) -> Sequence[str | Promise]:
        """Orders that come into a state when the file with their day has been made."""
        asked = {name for name, first in FIRST_STATES.items() if self.values.get(name, first) != first}
        asked -= {"payment"} if self.axis_of_periods == "paid" else set()
        if asked == {"payment"} and self.values["payment"] == Order.Payment.PAID:
            return [_("An order that is paid after the file with its day was made is in no file: choose the time of payment.")]
        told = _("An order whose state changes after the file with its day was made is in no file: choose no state to have it.")
        return [told] if asked else []

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Orders that are not paid have no place in a list by the time of payment."""
        rows = super().filter_queryset(queryset)
        return rows.filter(paid_at__isnull=False) if self.axis == "paid" else rows

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Orders with one of the pasted numbers, or with this part in the number, or with one of the other ids."""
        if self.numbers:
            return self.with_numbers(rows)
        condition = with_part("out_trade_no", value)
        for name in self.search_fields:
            condition |= Q(**{name: value})
        return rows.filter(condition)

    def with_alert(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        """Orders that something did not fit, or a notification about them."""
        # One list of ids from two indexes: a condition with OR would read all orders of the mini program.
        told = rows.filter(notifications__verdict=Notification.Verdict.MISMATCH)
        return rows.filter(pk__in=rows.exclude(alert="").order_by().values("pk").union(told.order_by().values("pk")))


class ItemOfProgramForm(PeriodForm):
    """An item ID alone says nothing about a superapp, and no index has it."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("item") and not cleaned.get("program") and not self.has_error("program"):
            told = _("Every mini program has item IDs of its own. Enter the app id or the name of the mini program too.")
            self.add_error("item", told)
        return cleaned


class SuperappOrderFilters(OrderFilters):
    """Of all mini programs of a superapp: an item ID goes with a mini program."""

    class Meta:
        form = ItemOfProgramForm

    search_fields: ClassVar[tuple[str, ...]] = ("prepay_id", "open_id")
    folded: ClassVar[tuple[str, ...]] = ("time", "refund", "alert", "program", "item")
    program = django_filters.CharFilter(label=_("Mini program (app id or name)"), max_length=100, method="of_program")

    def of_program(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Orders of the mini programs with this app id or name."""
        return rows.filter(mini_program__in=programs_named(value))

    @property
    def chips(self) -> list[Chip]:
        """Without its mini program an item ID cannot stay."""
        return [chip._replace(names=("program", "item")) if chip.names == ("program",) else chip for chip in super().chips]


class RefundFilters(RecordFilters):
    """Filters of the after-sales record: the past seven days unless asked otherwise, never more than the last twelve months."""

    number_fields = ("refund_no", "out_trade_no")
    q = SearchFilter(method="search", label=_("Search"), several=True, whole=REFUND_NO)
    folded: ClassVar[tuple[str, ...]] = ("time", "item")
    #: The superapp says when a refund began; when it first told of it, our own clock says.
    axes: ClassVar[dict[str, tuple[str, Any]]] = {
        "started": ("started_at", _("Initiated")),
        "recorded": ("created_at", _("Recorded")),
    }
    default_days = 7
    time = choice_of_axis(axes)
    state = ChoiceFilter(choices=Refund.State.choices, label=_("State"))
    item = django_filters.CharFilter(field_name="product_id", label=_("Item ID"), max_length=64)

    @property
    def axis_of_periods(self) -> str:
        """A refund may be told of long after it began, when the file with that day is made: so the time of recording."""
        return self.axis if "time" in self.values else "recorded"

    @property
    def left_out(self) -> Sequence[str | Promise]:
        """Refunds that are told of, or come into a state, when the file with their day has been made."""
        late = _("A refund that is told of after the file with its day was made is in no file: choose the time of recording.")
        changed = _(
            "A refund whose state changes after the file with its day was made is in no file: choose no state to have it."
        )
        is_changing = self.values.get("state", Refund.State.PROCESSING) != Refund.State.PROCESSING
        return [*([late] if self.axis_of_periods == "started" else []), *([changed] if is_changing else [])]

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Refunds with one of the pasted numbers, or with this part in one of theirs."""
        if self.numbers:
            return self.with_numbers(rows)
        return rows.filter(with_part("refund_no", self.sought) | with_part("out_trade_no", self.sought))

    @cached_property
    def numbers(self) -> list[str]:
        """None for a text that as a whole is one refund's number: those may hold commas and spaces. One query, of a list only."""
        found = super().numbers
        return [] if found and self.is_whole(self.values["q"]) else found

    def is_whole(self, text: str) -> bool:
        """Refund numbers may hold anything."""
        return bool(self.queryset.filter(refund_no=text, env__in=Environment.values).exists())

    def earliest(self, until: date) -> date:
        """Counted from today, whatever the last day."""
        return months_before(timezone.localdate(), MAX_MONTHS)


class SuperappRefundFilters(RefundFilters):
    """Of all mini programs of a superapp."""

    folded: ClassVar[tuple[str, ...]] = ("time", "program")
    item = None
    program = django_filters.CharFilter(label=_("Mini program (app id or name)"), max_length=100, method="of_program")

    def of_program(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Refunds of the mini programs with this app id or name."""
        return rows.filter(mini_program__in=programs_named(value))


def programs_named(text: str) -> list[int]:
    """Ids of at most 200 mini programs with this app id or name."""
    return list(MiniProgram.objects.filter(Q(app_id=text) | Q(name=text)).values_list("pk", flat=True)[:200])
