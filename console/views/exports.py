"""Confirm an export: how many rows, which totals, which columns."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise, cached_property, lazy
from django.utils.translation import gettext_lazy as _

from console import replica
from console.exporting import Totals, title_of, told, totals_of
from console.exports import Place, exportable, rows_of, start_export
from console.filters import ids_in
from console.listing import COUNT_CAP, Listing
from console.models import MiniProgram, Team
from console.permissions import Platform
from console.schedules import query_to_begin_with
from console.views.base import FormView
from console.views.platform import PlatformView

#: What of the address is about the export and not about the list.
OWN = ("ids", "scope", "exact")
SCOPES = {
    "all": _("All that match: %(rows)s"),
    "page": _("Only this page of the list: %(rows)s"),
    "selected": _("The selected rows: %(rows)s"),
}
ADD_UP = {
    "all": _("What all that match add up to"),
    "page": _("What this page of the list adds up to"),
    "selected": _("What the selected rows add up to"),
}


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

    def __init__(
        self, data: Any = None, _files: Any = None, *, listing: Listing, scopes: list[tuple[str, str | Promise]]
    ) -> None:
        columns = [(column.name, column.label) for column in listing.columns]
        names = [name for name, _label in columns]
        super().__init__(data, initial={"scope": scopes[0][0], "columns": names, "file": "csv"})
        self.fields["columns"].choices = columns  # type: ignore[attr-defined]
        self.fields["scope"].choices = scopes  # type: ignore[attr-defined]


class ListExport(FormView):
    """Base of the confirm pages; the query of the address is that of the list, with the `ids` of ticked rows."""

    template_name: ClassVar[str] = "console/export.html"
    form_class = ExportForm
    record: ClassVar[str]  # the name of the list in console.exports

    @property
    def place(self) -> Place:
        """What the list is about."""
        return self.container  # type: ignore[return-value]

    @cached_property
    def ids(self) -> list[int]:
        """The ticked rows."""
        return ids_in(self.request.GET.getlist("ids"))

    @property
    def is_selection(self) -> bool:
        """Whether ticked rows are exported."""
        return self.request.GET.get("scope") == "selected" or bool(self.ids)

    @property
    def scopes(self) -> list[str]:
        """The sets of rows to choose from; a page whose rows have left the list is none."""
        if self.is_selection:
            return ["selected"]
        return ["all"] if self.listing.is_lost else ["all", "page"]

    @cached_property
    def listing(self) -> Listing:
        """The list that is exported."""
        query = self.request.GET.copy()
        for name in OWN:
            query.pop(name, None)
        return exportable(self.record).listing(self.place, query)

    @property
    def is_exact(self) -> bool:
        """Whether more rows than a list counts are added up too: the page itself costs the same however many there are."""
        return "exact" in self.request.GET

    @cached_property
    def totals(self) -> dict[str, Totals | None]:
        """Of each set of rows to choose from, None of more than COUNT_CAP of them until it is asked for."""

        def of(scope: str) -> Totals | None:
            if scope == "all" and not self.is_exact and self.listing.count > COUNT_CAP:
                return None
            return totals_of(self.listing, rows_of(self.listing, scope, self.ids))

        return replica.read(lambda: {scope: of(scope) for scope in self.scopes})

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Without rows there is nothing to confirm: back to the list, which says why."""
        if not self.listing.is_valid or not any(totals is None or totals.rows for totals in self.totals.values()):
            if self.is_selection:
                messages.warning(request, _("Nothing was selected. Tick the rows to export, then choose “Export selected”."))
            return redirect(f"./{self.listing.here_url}")
        return super().get(request, **kwargs)

    def form_arguments(self) -> dict[str, Any]:
        """The columns of the list, and the sets of rows to choose from."""
        # Worded where they are shown: a form that is understood starts the job, and nothing has to be counted for it.
        return {"listing": self.listing, "scopes": [(scope, lazy(self.label, str)(scope)) for scope in self.scopes]}

    def label(self, scope: str) -> str:
        """A set of rows in words."""
        return str(SCOPES[scope]) % {"rows": self.rows_text(scope)}

    def rows_text(self, scope: str) -> str:
        """How many rows a set has."""
        totals = self.totals[scope]
        return self.listing.number(totals.rows) if totals else self.listing.count_text

    def page(self) -> dict[str, Any]:
        """The totals in words, those of the page where it is not all, and where those of very many rows are found."""
        shown = [name for name in self.scopes if name != "page" or self.totals["page"] != self.totals["all"]]
        known = [(name, totals) for name in shown if (totals := self.totals[name])]
        exact = self.request.GET.copy()
        exact["exact"] = "1"
        return {
            "listing": self.listing,
            "list_title": title_of(self.listing),
            "place": self.place,
            "schedule_url": self.schedule_url(),
            "list_url": self.request.path.removesuffix("export") + self.listing.here_url,
            "sums": [(ADD_UP[name], self.rows_text(name), told(self.listing, totals)) for name, totals in known],
            "exact_url": "" if len(known) == len(shown) else f"?{exact.urlencode()}",
            "is_exact": self.is_exact,
            "most": f"{COUNT_CAP:,}",
        }

    def schedule_url(self) -> str:
        """Where the same export is put on a schedule, which asks for the same permission; "" for ticked rows and elsewhere."""
        if self.is_selection or isinstance(self.place, Team | Platform):
            return ""
        own = {"app_id": self.place.app_id} if isinstance(self.place, MiniProgram) else {"superapp": self.place.code}
        url = reverse(f"{'program' if self.mini_program else 'superapp'}-export-schedule-create", kwargs=own)
        return f"{url}?record={self.record}&{query_to_begin_with(self.listing)}"

    def act(self, form: Any) -> HttpResponse:
        """Start the job and go to its page."""
        query = self.listing.query.urlencode()
        job = start_export(self.record, self.place, actor=self.actor, query=query, ids=self.ids, **form.cleaned_data)
        return redirect("job-detail", uid=job.uid)


class ActivityExport(ListExport):
    """The activity of a mini program, a team or a superapp."""

    permission: ClassVar[str] = "console.view_activity"
    record = "activity"


class PlatformActivityExport(PlatformView, ActivityExport):
    """What the platform's own people did."""

    permission: ClassVar[str] = "console.view_activity"
