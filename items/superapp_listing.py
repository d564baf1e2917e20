"""What the mini programs of a superapp sell: the list from which the superapp samples and takes down (docs/items.md)."""

from typing import Any

from django.db.models import Case, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from console.columns import Column, Kind
from console.filters import ChoiceFilter, ListFilters
from console.listing import Listing, Sort
from console.models import MiniProgram, Superapp
from items.models import Item, ReleaseEntry

SAMPLE = 20  # items of a sample
REVIEWS = (
    ("open", _("Without review, not looked at")),
    ("looked", _("Without review, looked at")),
    ("yes", _("Reviewed")),
)


class OnSaleFilters(ListFilters):
    """By mini program and by whether somebody reviewed it; the search knows the whole item ID and parts of the name."""

    program = ChoiceFilter(choices=(), field_name="mini_program__app_id", label=_("Mini program"))
    review = ChoiceFilter(choices=REVIEWS, method="by_review", label=_("Review"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        programs = MiniProgram.objects.filter(pk__in=self.queryset.order_by().values("mini_program"))
        self.filters["program"].extra["choices"] = list(programs.order_by("name").values_list("app_id", "name")[:500])

    def by_review(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Released without review, looked at or not, or reviewed."""
        return (
            rows.filter(unreviewed=True, looked_at__isnull=value == "open") if value != "yes" else rows.filter(unreviewed=False)
        )

    def search(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        """Items of this id or with this in the name that is on sale."""
        return rows.filter(Q(product_id=value) | Q(live_name__icontains=value))


class OnSaleListing(Listing):
    """Items on sale; a row leads to the release that put its live copy on sale."""

    caption = _("Items on sale")
    search_label = _("Item ID or name")
    filters = OnSaleFilters
    select = "ids"
    sorts = (
        Sort("newest", _("newest release first"), "released_at"),
        Sort("oldest", _("oldest release first"), "released_at", descending=False),
    )
    columns = (
        Column("name", _("Name"), source="live_name"),
        Column("product", _("Item ID"), Kind.ID, "product_id"),
        Column("program", _("Mini program"), source="mini_program__name"),
        Column("price", _("Price"), Kind.MONEY, "live_price", currency="live_currency"),
        Column("review", _("Review"), source="review", choices=REVIEWS),
        Column("released", _("Released"), Kind.TIME, "released_at"),
    )
    extra = ("superapp__code", "release_id")

    def row_url(self, row: dict[str, Any]) -> str:
        """The release that put it on sale; "" where none is known."""
        names = {"superapp": row["superapp__code"], "pk": row["release_id"]}
        return reverse("items:release-review", kwargs=names) if row["release_id"] else ""

    def number(self, count: int) -> str:
        """So many items."""
        return ngettext("%(count)s item", "%(count)s items", count) % {"count": f"{count:,}"}


def on_sale_listing(superapp: Superapp, query: QueryDict) -> OnSaleListing:
    """What the mini programs of `superapp` sell; with `sample` in the query a few at random that nobody looked at yet."""
    rows = Item.objects.filter(superapp=superapp).on_sale()
    if query.get("sample"):
        chosen = rows.filter(unreviewed=True, looked_at=None).order_by("?").values_list("pk", flat=True)[:SAMPLE]
        rows = rows.filter(pk__in=list(chosen))
    approved = ReleaseEntry.objects.filter(item=OuterRef("pk"), state=ReleaseEntry.State.APPROVED)
    newest = approved.filter(content_hash=OuterRef("live_hash")).order_by("-pk")
    review = Case(When(unreviewed=False, then=Value("yes")), When(looked_at=None, then=Value("open")), default=Value("looked"))
    return OnSaleListing(rows.annotate(release_id=Subquery(newest.values("release_id")[:1]), review=review), query)
