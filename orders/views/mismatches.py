"""The mismatch desk of a mini program and of a superapp, and settling its cases."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.filters import id_in, ids_in
from console.models import MiniProgram, Superapp
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView
from items.readiness import missing_step
from orders.actions.mismatch import LONGEST_NOTE, reopen, settle, settled_sentence
from orders.mismatch_lines import SHOWN, Line, Page, lines, page
from orders.mismatches import (
    COUNT_CAP,
    DAYS,
    TEAM_SETTLES,
    Case,
    cases_for,
    count,
    count_text,
    open_rows,
    reports,
    settle_permission,
    settled_rows,
)
from orders.models import Settlement
from payments.readiness import Missing, missing_feature


class _Desk(ConsoleView):
    """What the pages of the desk share."""

    @property
    def place(self) -> MiniProgram | Superapp:
        """Whose orders they are."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    def url(self, page: str, **query: Any) -> str:
        """A page of this desk."""
        if self.mini_program:
            url = reverse(f"orders:{page}", kwargs={"app_id": self.mini_program.app_id})
        else:
            url = reverse(f"orders:superapp-{page}", kwargs={"superapp": self.place.code})  # type: ignore[union-attr]
        asked = QueryDict(mutable=True)
        asked.update(query)
        return f"{url}?{asked.urlencode()}" if query else url


class Mismatches(_Desk):
    """One tab a case with its count; `case` in the address says which, else the first that has something."""

    permission: ClassVar[str] = "orders.view_order"
    template_name: ClassVar[str] = "orders/mismatches.html"

    def get(self, request: HttpRequest, **_kwargs: str) -> HttpResponse:
        """A count for each case, and a page of one of them; `show=settled` for what people settled."""
        cases = cases_for(self.actor, self.place)
        counts = {case.name: count(open_rows(case, self.place)) for case in cases}
        asked = request.GET.get("case", "")
        first = next((case for case in cases if counts[case.name]), cases[0])
        shown = next((case for case in cases if case.name == asked), first)
        tabs = [
            {"label": case.label, "url": f"?case={case.name}", "current": case is shown, "count": count_text(counts[case.name])}
            for case in cases
        ]
        has_reports = shown.name == "reconciled" and isinstance(self.place, Superapp)
        return self.render(
            tabs=tabs, case=shown, **self._rows(shown, counts[shown.name]), days=DAYS,
            missing=None if any(counts.values()) else self._missing(), orders_url=self.orders_url(),
            reports=reports(self.place) if has_reports else [],  # type: ignore[arg-type]
        )  # fmt: skip

    def _missing(self) -> Missing | None:
        """Of a desk where everything fits: what is missing before anything is sold here."""
        if self.mini_program:
            return missing_step(self.mini_program, actor=self.actor)
        return missing_feature(self.superapp, actor=self.actor)  # type: ignore[arg-type]

    def orders_url(self) -> str:
        """The order record beside the desk."""
        if self.mini_program:
            return reverse("orders:list", kwargs={"app_id": self.mini_program.app_id})
        return reverse("orders:superapp-list", kwargs={"superapp": self.place.code})  # type: ignore[union-attr]

    def _rows(self, case: Case, number: int) -> dict[str, Any]:
        asked = self.request.GET
        is_settled = asked.get("show") == "settled"
        settled = settled_rows(case, self.place)
        rows = settled if is_settled else open_rows(case, self.place)
        settled_count = count(settled)
        wanted = settled_count if is_settled else number
        back = {"label": _("Settled"), "remove_url": self.url("mismatches", case=case.name)}
        places = {name: id_in(asked.get(name, "")) for name in ("after", "before")}
        found = page(case, rows, **places) if wanted else Page([])
        return {
            "lines": found.lines,
            "pages": self._pages(case, found, is_settled=is_settled),
            "count_text": count_text(wanted),
            "is_lost": found.is_lost,
            "newest_settled": f"{COUNT_CAP:,}" if is_settled and settled_count > COUNT_CAP else "",
            "is_settled": is_settled,
            "chips": [back] if is_settled else [],
            "open_url": self.url("mismatches", case=case.name),
            "settled_url": self.url("mismatches", case=case.name, show="settled") if settled_count and not is_settled else "",
            "settled_count": count_text(settled_count),
            **self._verbs(case, has_lines=bool(wanted), is_settled=is_settled),
        }

    def _pages(self, case: Case, found: Page, *, is_settled: bool) -> dict[str, str]:
        """The pages beside this one, for components/pagination.html; {} where all stand on one page."""
        if not (found.previous or found.next):
            return {}
        shown = {"case": case.name, "show": "settled"} if is_settled else {"case": case.name}
        return {
            "first": self.url("mismatches", **shown) if found.previous else "",
            "previous": self.url("mismatches", **shown, before=found.previous) if found.previous else "",
            "next": self.url("mismatches", **shown, after=found.next) if found.next else "",
        }

    def _verbs(self, case: Case, *, has_lines: bool, is_settled: bool) -> dict[str, Any]:
        permission = settle_permission(case, self.place)
        may = bool(permission) and can(self.actor, permission, self.place)
        has_many = case.name in Settlement.FAILING and bool(self.mini_program) and not is_settled
        verbs = [_("Put back on the desk") if is_settled else _("Settle"), *([_("Redeliver many")] if has_many else [])]
        rests = resting(self.actor, self.place, {permission: verbs}) if permission else {str(TEAM_SETTLES): verbs}
        return {
            "may_settle": may,
            "resting": rests if has_lines else {},
            "settle_url": self.url("mismatch-settle"),
            "reopen_url": self.url("mismatch-reopen"),
            "may_redeliver": has_lines and has_many and may,
        }


class SettleForm(forms.Form):
    """What was done about it."""

    use_required_attribute = False
    note = forms.CharField(
        label=gettext_lazy("What was done about it"),
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The next reader sees it beside the case, with your name. It stands in the activity too."),
        error_messages={"required": gettext_lazy("Say what was done about it, so that nobody has to look again.")},
    )


class _Chosen(_Desk):
    """What acts on ticked lines of one case."""

    @cached_property
    def case(self) -> Case | None:
        """The case that the address or the form names; None for one that is not settled here."""
        asked = self.chosen.get("case", "")
        cases = [case for case in cases_for(self.actor, self.place) if settle_permission(case, self.place) == self.permission]
        return next((case for case in cases if case.name == asked), None)

    @property
    def chosen(self) -> QueryDict:
        """Where case and ids stand."""
        return self.request.GET

    @property
    def ids(self) -> list[int]:
        """The ticked lines, at most as many as a page lists."""
        return ids_in(self.chosen.getlist("ids"))[:SHOWN]

    @property
    def desk_url(self) -> str:
        """The case on the desk."""
        return self.url("mismatches", case=self.case.name) if self.case else self.url("mismatches")

    def nothing_chosen(self) -> HttpResponseRedirect:
        """Back to the desk, with the reason."""
        faster = settled_sentence(self.case, self.place, self.ids) if self.case else ""
        messages.warning(self.request, faster or _("Nothing was selected. Tick the cases first."))
        return redirect(self.desk_url)


class MismatchSettle(_Chosen, FormView):
    """Confirm: which cases, and a note."""

    permission: ClassVar[str] = "orders.redeliver"
    template_name: ClassVar[str] = "orders/mismatch_settle.html"
    form_class = SettleForm

    @cached_property
    def lines(self) -> list[Line]:
        """What would be settled."""
        return lines(self.case, open_rows(self.case, self.place).filter(pk__in=self.ids)) if self.case else []

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Without a line there is nothing to confirm."""
        return super().get(request, **kwargs) if self.lines else self.nothing_chosen()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The same when somebody settled them meanwhile."""
        return super().post(request, **kwargs) if self.lines else self.nothing_chosen()

    def page(self) -> dict[str, Any]:
        """The lines, and the way back."""
        return {"case": self.case, "lines": self.lines, "desk_url": self.desk_url}

    def act(self, form: Any) -> HttpResponse:
        """Settle them and go back to the desk."""
        assert self.case
        number = settle(self.case, self.place, self.ids, note=form.cleaned_data["note"], actor=self.actor)
        said = ngettext("%(number)d case is settled.", "%(number)d cases are settled.", number) % {"number": number}
        if number < len(self.lines):
            late = len(self.lines) - number
            told = ngettext("%(late)d was settled by somebody else before.", "%(late)d were settled by others before.", late)
            messages.warning(self.request, told % {"late": late})
        return self.done(said, self.desk_url)


class SuperappMismatchSettle(MismatchSettle):
    """Of what belongs to no mini program."""

    permission: ClassVar[str] = "payments.manage_payment"


class MismatchReopen(_Chosen):
    """Put ticked cases back on the desk."""

    permission: ClassVar[str] = "orders.redeliver"

    @property
    def chosen(self) -> QueryDict:
        """They come in the form."""
        return self.request.POST

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Reopen and go back to the desk."""
        number = reopen(self.case, self.place, self.ids, actor=self.actor) if self.case else 0
        if not number:
            return self.nothing_chosen()
        said = ngettext("%(number)d case is on the desk again.", "%(number)d cases are on the desk again.", number)
        return self.done(said % {"number": number}, self.desk_url)


class SuperappMismatchReopen(MismatchReopen):
    """Of what belongs to no mini program."""

    permission: ClassVar[str] = "payments.manage_payment"
