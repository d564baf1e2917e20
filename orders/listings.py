"""The order record and the after-sales record, of one mini program or of all of a superapp."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from console.columns import Column, Kind, masked
from console.exports import Exportable, register
from console.filters import words_searched
from console.listing import PLACES, Listing, Sort
from console.models import MiniProgram, Superapp
from console.replica import age_told
from orders.archived import archived_in, page_of, told
from orders.filters import OrderFilters, RecordFilters, RefundFilters, SuperappOrderFilters, SuperappRefundFilters
from orders.models import DeliveryState, Environment, Order, Refund

PROGRAM = Column("program", _("Mini program"), source="mini_program__name")
MASKED = Column("player", _("Player"), Kind.ID, masked("open_id"), on_page=False)
WHOLE = Column("player", _("Player"), Kind.ID, "open_id", on_page=False)
MOST_TOLD = 3  # sentences about archived numbers; of more only the numbers are named
ENVIRONMENT = Column("env", _("Environment"), source="env", choices=tuple(Environment.choices), on_page=False)


class RecordListing(Listing):
    """What both records share. Live and sandbox, virtual and standard payment are lists of their own."""

    filterset: RecordFilters
    extra = ("mini_program__app_id",)
    select = "ids"
    detail: ClassVar[str] = ""

    def __init__(
        self,
        rows: QuerySet,
        query: QueryDict,
        *,
        owner: MiniProgram | Superapp,
        kept: Sequence[str] = (),
        player: Column = MASKED,
    ) -> None:
        super().__init__(rows, query, kept=kept)
        self.owner = owner
        self.sees_people = player is WHOLE
        self._addresses: dict[str, str] = {}  # by mini program: reverse() once each and not once a row
        self.columns = tuple(player if column.name == player.name else column for column in self.columns)  # type: ignore[misc]

    def row_url(self, row: dict[str, Any]) -> str:
        """The record, on the pages of its mini program."""
        app_id = row["mini_program__app_id"]
        if app_id not in self._addresses:
            self._addresses[app_id] = reverse(self.detail, kwargs={"app_id": app_id, "pk": 0}).removesuffix("0/")
        return f"{self._addresses[app_id]}{row['id']}/"

    def people_among(self, words: set[str]) -> set[str]:
        """Open ids of players of the team or the superapp: the views of a list are those of all mini programs of a team."""
        if not words:
            return set()
        known = Order.objects.filter(open_id__in=words)
        if isinstance(self.owner, MiniProgram):
            known = known.filter(team=self.owner.team_id, superapp=self.owner.superapp_id)
        else:
            known = known.filter(superapp=self.owner)
        return set(known.order_by().values_list("open_id", flat=True).distinct())

    #: Beside those by time.
    amount_sorts: ClassVar[tuple[Sort, ...]] = ()

    @cached_property
    def sorts(self) -> tuple[Sort, ...]:  # type: ignore[override]
        """By the time that the list is about, both ways, and by what else it has."""
        field = self.filterset.time_field
        return (
            Sort("newest", _("newest first"), field),
            Sort("oldest", _("oldest first"), field, descending=False),
            *self.amount_sorts,
        )

    @cached_property
    def apart(self) -> Column | None:  # type: ignore[override]
        """Pasted numbers are looked for in both environments; money of the sandbox is none."""
        return ENVIRONMENT if self.is_valid and self.filterset.env_shown is None else None

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        """Rows of both environments say of which they are."""
        shown = self._with_its_time(super().shown)
        return (*shown, self.apart) if self.apart and self.apart not in shown else shown

    def _with_its_time(self, shown: tuple[Column, ...]) -> tuple[Column, ...]:
        """A list by another time than the usual one shows that time in its stead."""
        axis, usual = self.filterset.axis, next(iter(self.filterset.axes))
        if any(column.name == axis for column in shown):
            return shown
        column = next(column for column in self.columns if column.name == axis)
        return tuple(column if other.name == usual else other for other in shown)

    @property
    def environments(self) -> list[dict[str, Any]]:
        """The environments as tabs, for components/tabs.html."""
        shown = self.filterset.env_shown if self.is_valid else Environment.LIVE
        tabs = [
            {"label": label, "url": self.url(env=str(value)), "current": shown == value} for value, label in Environment.choices
        ]
        if shown is None:
            tabs.append({"label": gettext("Live and sandbox"), "url": self.url(), "current": True})
        return tabs

    @property
    def is_standard(self) -> bool:
        """Whether the record is about standard payment."""
        return self.is_valid and self.filterset.kind_shown == Order.Kind.STANDARD

    @property
    def elsewhere(self) -> list[dict[str, Any]]:
        """Records that a reader who found nothing may have meant: the other environment, the other kind of payment."""
        if not self.is_valid:
            return []
        kind = Order.Kind.VIRTUAL if self.is_standard else Order.Kind.STANDARD
        found = [{"label": Order.Kind(kind).label, "url": self.url(kind=kind)}]
        if self.filterset.env_shown is not None:
            env = Environment(1 - self.filterset.env_shown)
            found.insert(0, {"label": env.label, "url": self.url(env=str(env.value))})
        return found

    @cached_property
    def notices(self) -> list[str]:
        """Also what became of a pasted list of numbers, what is in the archive, and how old a list from the replica is."""
        return [*super().notices, *self._numbers_told(), *self._archived_told(), *age_told()]

    @cached_property
    def archived(self) -> list[Any]:
        """The tombstones of the numbers that are searched for; a query for each kind of number, of a search only."""
        asked = words_searched(self.query) if self.is_valid else set()
        fields = self.filterset.number_fields if asked else ()
        found = [row for field in fields for row in archived_in(self.owner, asked, column=field)]
        return sorted(found, key=str)

    def _archived_told(self) -> list[str]:
        if len(self.archived) > MOST_TOLD:
            numbers = ", ".join(map(str, self.archived))
            return [gettext("In the archive: %(numbers)s. Search for one of them to read it.") % {"numbers": numbers}]
        return list(map(told, self.archived))

    def _numbers_told(self) -> list[str]:
        asked = self.filterset.numbers if self.is_valid else []
        if not asked:
            return []
        known = self._among(asked, self.filterset.with_numbers(self.rows)) | set(map(str, self.archived))
        listed = self._among(asked, self.matching)
        found = ngettext("%(found)s of %(asked)s number was found.", "%(found)s of %(asked)s numbers were found.", len(asked))
        sentences = [found % {"found": len(listed), "asked": len(asked)}]
        if missing := [number for number in asked if number not in known]:
            sentences.append(gettext("Not found: %(numbers)s.") % {"numbers": ", ".join(missing)})
        if hidden := [number for number in asked if number in known - listed - set(map(str, self.archived))]:
            sentences.append(gettext("Found, but outside of the filters: %(numbers)s.") % {"numbers": ", ".join(hidden)})
        return sentences

    def _among(self, asked: list[str], rows: QuerySet) -> set[str]:
        """Those of the numbers that the rows have."""
        found = rows.order_by().values_list(*self.filterset.number_fields)
        return set(asked) & {number for row in found for number in row}

    def jump(self) -> str:
        """The address of the only record with exactly the number that is searched for, "" when there is none or several.

        It is looked for in both environments and in both kinds; of several, the one of the record being looked at counts.
        """
        number = self.filterset.sought
        if not number or any(name in self.query for name in PLACES):
            return ""
        if self.filterset.numbers:
            return self._jump_to_archive(number)  # a list, unless as a whole it is the number of a refund there
        wanted = self.rows.filter(**{self.filterset.number_fields[0]: number, "env__in": Environment.values})
        found = list(wanted.values("id", "env", "kind", *self.extra)[:10])
        same = (self.filterset.kind_shown, self.filterset.env_shown or Environment.LIVE)
        for rows in (found, [row for row in found if (row["kind"], row["env"]) == same]):
            if len(rows) == 1:
                return self.row_url(rows[0])
        return "" if found else self._jump_to_archive(number)

    def _jump_to_archive(self, number: str) -> str:
        """The same for what is in the archive. The tombstone of a refund does not know its environment."""
        found = [each for each in self.archived if str(each) == number]
        same = (self.filterset.kind_shown, self.filterset.env_shown or Environment.LIVE)
        for rows in (found, [each for each in found if (each.archive.kind, each.archive.env) == same]):
            if len(rows) == 1:
                return page_of(rows[0], app_id=rows[0].mini_program.app_id)
        return ""


class OrderListing(RecordListing):
    """Orders of a mini program, the newest first."""

    name = "orders"
    detail = "orders:detail"
    caption = _("Orders")
    search_label = _("Order number or a part of it, several order numbers, prepay id, open id or item ID")
    filters = OrderFilters
    columns: ClassVar[tuple[Column, ...]] = (
        Column("number", _("Order number"), Kind.ID, "out_trade_no"),
        Column("created", _("Created"), Kind.TIME, "created_at"),
        Column("item", _("Item"), source="product_name"),
        Column("amount", _("Amount"), Kind.MONEY, "amount"),
        Column("payment", _("Payment"), Kind.STATE, "payment_state", choices=tuple(Order.Payment.choices), field="payment_state"),
        Column("delivery", _("Delivery"), Kind.STATE, "delivery_state", choices=tuple(DeliveryState.choices)),
        Column("refund", _("Refund"), Kind.STATE, "refund_state", choices=tuple(Order.RefundState.choices)),
        ENVIRONMENT,
        Column("paid", pgettext_lazy("time", "Paid"), Kind.TIME, "paid_at", on_page=False),
        MASKED,
        Column("item_id", _("Item ID"), Kind.ID, "product_id", on_page=False),
        Column("unit_price", _("Unit price"), Kind.MONEY, "unit_price", on_page=False),
        Column("quantity", _("Quantity"), Kind.NUMBER, "quantity", on_page=False),
        Column("currency", _("Currency"), source="currency", on_page=False),
        Column("paid_amount", _("Paid amount"), Kind.MONEY, "paid_amount", on_page=False),
        Column("refunded", _("Refunded amount"), Kind.MONEY, F("refunded_amount") * -1, on_page=False),
        Column("prepay", _("Prepay id"), Kind.ID, "prepay_id", on_page=False),
        Column("merchant", _("Merchant id"), Kind.ID, "merchant_no", on_page=False),
        Column("kind", _("Kind"), source="kind", choices=tuple(Order.Kind.choices), on_page=False),
        Column("platform", _("Platform"), source="platform", on_page=False),
        Column("attach", _("Attach"), source="attach", on_page=False),
        Column("delivered", _("Delivered"), Kind.TIME, "delivered_at", on_page=False),
    )
    totals = ("amount", "paid_amount", "refunded")

    amount_sorts: ClassVar[tuple[Sort, ...]] = (
        Sort("largest", _("largest amount first"), "amount"),
        Sort("smallest", _("smallest amount first"), "amount", descending=False),
    )

    def number(self, count: int) -> str:
        """So many orders."""
        return ngettext("%(count)s order", "%(count)s orders", count) % {"count": f"{count:,}"}


class SuperappOrderListing(OrderListing):
    """Orders of all mini programs of a superapp. Amounts of different merchants have different currencies: no sort by them."""

    name = "superapp-orders"
    filters = SuperappOrderFilters
    search_label = _("Order number or a part of it, several order numbers, prepay id or open id")
    columns = (OrderListing.columns[0], PROGRAM, *OrderListing.columns[1:])
    amount_sorts = ()


class RefundListing(RecordListing):
    """Refunds of a mini program, the newest first; amounts are negative."""

    name = "refunds"
    detail = "orders:refund-detail"
    caption = _("Refunds")
    search_label = _("Order number or refund number, a part of one, or several")
    filters = RefundFilters
    columns: ClassVar[tuple[Column, ...]] = (
        Column("number", _("Refund number"), Kind.ID, "refund_no"),
        Column("started", _("Initiated"), Kind.TIME, "started_at"),
        Column("order", _("Order number"), Kind.ID, "out_trade_no"),
        Column("item", _("Item"), source="order__product_name"),
        Column("amount", _("Amount"), Kind.MONEY, F("amount") * -1),
        Column("state", _("State"), Kind.STATE, "state", choices=tuple(Refund.State.choices)),
        Column("reason", _("Reason"), Kind.EXCERPT, "cause"),
        MASKED,
        ENVIRONMENT,
        Column("recorded", _("Recorded"), Kind.TIME, "created_at", on_page=False),
        Column("succeeded", _("Succeeded"), Kind.TIME, "succeeded_at", on_page=False),
        Column("currency", _("Currency"), source="currency", on_page=False),
        Column("item_id", _("Item ID"), Kind.ID, "product_id", on_page=False),
        Column("kind", _("Kind"), source="kind", choices=tuple(Order.Kind.choices), on_page=False),
    )
    totals = ("amount",)

    def _jump_to_archive(self, number: str) -> str:
        """Refunds of an order of this number that are in the tables go before an order in the archive."""
        if not self.archived or self.rows.filter(out_trade_no=number).exists():
            return ""
        return super()._jump_to_archive(number)

    def number(self, count: int) -> str:
        """So many refunds."""
        return ngettext("%(count)s refund", "%(count)s refunds", count) % {"count": f"{count:,}"}


class SuperappRefundListing(RefundListing):
    """Refunds of all mini programs of a superapp."""

    name = "superapp-refunds"
    filters = SuperappRefundFilters
    columns = (RefundListing.columns[0], PROGRAM, *RefundListing.columns[1:])


def order_listing(place: MiniProgram | Superapp, query: QueryDict, **reader: Any) -> OrderListing:
    """The order record of a mini program or of a superapp; `reader` is what RecordListing takes."""
    if isinstance(place, MiniProgram):
        return OrderListing(Order.objects.filter(mini_program=place), query, owner=place, **reader)
    return SuperappOrderListing(Order.objects.filter(superapp=place), query, owner=place, **reader)


def refund_listing(place: MiniProgram | Superapp, query: QueryDict, **reader: Any) -> RefundListing:
    """The after-sales record of a mini program or of a superapp; `reader` is what RecordListing takes."""
    if isinstance(place, MiniProgram):
        return RefundListing(Refund.objects.filter(mini_program=place), query, owner=place, **reader)
    return SuperappRefundListing(Refund.objects.filter(superapp=place), query, owner=place, **reader)


_RECORDS: dict[str, Callable[..., RecordListing]] = {"orders": order_listing, "refunds": refund_listing}


def listing_of(record: str, place: MiniProgram | Superapp, query: QueryDict, **reader: Any) -> RecordListing:
    """The listing of a record: "orders" or "refunds"."""
    return _RECORDS[record](place, query, **reader)


register(Exportable("orders", "orders.view_order", _("Export of orders: %(place)s"), order_listing))
register(Exportable("refunds", "orders.view_refund", _("Export of refunds: %(place)s"), refund_listing))
