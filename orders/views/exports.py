"""Confirm an export: how many rows, which totals, which columns."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from console.exporting import told, totals_of
from console.listing import Listing
from console.models import MiniProgram, Superapp
from console.views.base import FormView
from orders.exports import PERMISSIONS, start_export
from orders.listings import listing_of


class ExportForm(forms.Form):
    """What the file shall hold."""

    scope = forms.ChoiceField(label=_("Rows"), widget=forms.RadioSelect)
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one column.")},
    )
    file = forms.ChoiceField(
        label=_("File"),
        widget=forms.RadioSelect,
        choices=[
            ("csv", _("CSV")),
            ("zip", _("ZIP with the CSV and a text that states its totals")),
            ("xlsx", _("Excel workbook (XLSX) with dates, numbers and a sheet that states its totals")),
        ],
    )

    def __init__(self, data: Any = None, _files: Any = None, *, listing: Listing, scopes: list[tuple[str, str]]) -> None:
        columns = [(column.name, column.label) for column in listing.columns]
        names = [name for name, _label in columns]
        super().__init__(data, initial={"scope": "all", "columns": names, "file": "csv"})
        self.fields["columns"].choices = columns  # type: ignore[attr-defined]
        self.fields["scope"].choices = scopes  # type: ignore[attr-defined]


class RecordExport(FormView):
    """Base of the confirm pages; the query of the address is that of the list."""

    template_name: ClassVar[str] = "orders/export.html"
    form_class = ExportForm
    record: ClassVar[str] = "orders"

    @property
    def place(self) -> MiniProgram | Superapp:
        """What the list is about."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    @cached_property
    def listing(self) -> Listing:
        """The list that is exported."""
        return listing_of(self.record, self.place, self.request.GET)

    @cached_property
    def totals(self) -> Any:
        """Exact, whatever the list shows: people decide by these numbers."""
        return totals_of(self.listing, self.listing.matching)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Without rows there is nothing to confirm: back to the list, which says why."""
        if not self.listing.is_valid or not self.totals.rows:
            return redirect(f"./{self.listing.url()}")
        return super().get(request, **kwargs)

    def form_arguments(self) -> dict[str, Any]:
        """The columns of the list, and the two sets of rows."""
        everything = _("All that match: %(rows)s") % {"rows": self.listing.number(self.totals.rows)}
        this_page = _("Only this page of the list: %(rows)s") % {"rows": self.listing.number(len(self.listing.page.rows))}
        return {"listing": self.listing, "scopes": [("all", everything), ("page", this_page)]}

    def page(self) -> dict[str, Any]:
        """The totals in words."""
        list_url = self.request.path.removesuffix("export") + self.listing.url()
        return {
            "listing": self.listing,
            "list_url": list_url,
            "totals": told(self.listing, self.totals),
            "rows": self.totals.rows,
        }

    def act(self, form: Any) -> HttpResponse:
        """Start the job and go to its page."""
        job = start_export(self.record, self.place, actor=self.actor, query=self.request.GET.urlencode(), **form.cleaned_data)
        return redirect("job-detail", uid=job.uid)


class OrderExport(RecordExport):
    """Orders of a mini program."""

    permission: ClassVar[str] = PERMISSIONS["orders"]
    record = "orders"


class SuperappOrderExport(OrderExport):
    """Orders of all mini programs of a superapp."""


class RefundExport(RecordExport):
    """Refunds of a mini program."""

    permission: ClassVar[str] = PERMISSIONS["refunds"]
    record = "refunds"


class SuperappRefundExport(RefundExport):
    """Refunds of all mini programs of a superapp."""
