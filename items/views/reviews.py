"""The superapp's review of a release: page by page, entry by entry, or all at once."""

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import factor
from console.errors import Invisible, Refused, WrongState
from console.filters import id_in
from console.listing import PAGE_SIZE
from console.permissions import can, not_allowed_sentence
from console.views.base import ConsoleView
from items.actions import release as actions
from items.models import Item, Release, ReleaseEntry
from items.review import REASON_TEMPLATES, Reviewed, reviewed
from items.submitting import manifest, read_manifest
from payments.models import why_not_decide
from payments.views.approvals import others_sentence


class ReleasePage(ConsoleView):
    """A page about one release of a superapp."""

    release: Release

    def find_container(self, *, pk: int = 0, **names: Any) -> None:
        """The superapp, then its release, then the release's team and mini program. Raises Invisible."""
        super().find_container(**names)
        rows = Release.objects.select_related("mini_program", "team", "requested_by", "decided_by", "superapp", "exemption")
        try:
            self.release = rows.get(pk=pk, superapp=self.superapp)
        except Release.DoesNotExist:
            raise Invisible from None

    def page(self) -> dict[str, Any]:
        """Fifty entries with difference and flags, and why this person may not decide if so."""
        every = self.release.entries.order_by("pk")
        part = Paginator(every, PAGE_SIZE).get_page(self.request.GET.get("page"))
        open_count = self.open_entries().count()
        number = part.paginator.count
        return {
            **self.facts(open_count),
            "part": part,
            "entries": reviewed(self.release, every[part.start_index() - 1 if part.paginator.count else 0 : part.end_index()]),
            "count_text": ngettext("%(number)d item", "%(number)d items", number) % {"number": number},
            "previous_url": f"?page={part.previous_page_number()}" if part.has_previous() else "",
            "next_url": f"?page={part.next_page_number()}" if part.has_next() else "",
        }

    def facts(self, open_count: int) -> dict[str, Any]:
        """What every page about the release shows."""
        return {
            "release": self.release,
            "program": self.release.mini_program,
            "open_count": open_count,
            "may_intervene": can(self.actor, "payments.intervene", self.release),
            "why_not": self._why_not() if open_count else "",
            "reason_templates": [(part.label, text) for part, text in REASON_TEMPLATES],
            "parts": Item.Part.choices,
        }

    def open_entries(self) -> Any:
        """Those not decided yet."""
        return self.release.entries.filter(state=ReleaseEntry.State.IN_PROGRESS).order_by("pk")

    def url(self) -> str:
        """The review, on the same page of entries."""
        found = reverse("items:release-review", kwargs={"superapp": self.release.superapp.code, "pk": self.release.pk})
        page = self.request.GET.get("page", "")
        return f"{found}?{urlencode({'page': page})}" if page else found

    def _why_not(self) -> str:
        if not can(self.actor, "payments.decide", self.release):
            return not_allowed_sentence("payments.decide", self.release.superapp)
        sentence = why_not_decide(self.release, self.actor)
        return f"{sentence} {others_sentence(self.release)}" if sentence else ""


class ReleaseReview(ReleasePage):
    """The review of a release: each item with its difference and flags, to be decided by itself."""

    permission: ClassVar[str] = "payments.view_approvals"
    template_name: ClassVar[str] = "items/release_review.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Fifty entries a page; after a code, with what was chosen and typed."""
        page, typed = self.page(), factor.typed_before(request)
        if typed:
            for row in page["entries"]:
                _restore(row, typed)
        return self.render(**page)

    def needs_fresh_factor(self) -> bool:
        """Of those who can decide: the page holds the form of the decision."""
        return can(self.actor, ReleaseDecide.permission, self.release) and self.open_entries().exists()


class ReleaseDecide(ReleasePage):
    """POST decides what was chosen, entry by entry. GET asks first whether to approve or reject all that is open."""

    permission: ClassVar[str] = "payments.decide"
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "items/release_decide_all.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The question about all, with their number and how many deserve a second look."""
        if self._why_not() or not self.open_entries().exists():
            return redirect(self.url())
        return self.ask(request.GET.get("choice", ""))

    def ask(self, choice: str, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page that asks about all."""
        rows = reviewed(self.release, self.open_entries())
        flagged = [row for row in rows if row.flags]
        shown = [*flagged, *(row for row in rows if not row.flags)][:PAGE_SIZE]
        return self.render(
            status=status,
            **self.facts(len(rows)),
            approves=choice != "reject",
            flagged=len(flagged),
            rows=shown,
            unlisted=len(rows) - len(shown),
            manifest=manifest((row.entry.pk, row.entry.content_hash) for row in rows),
            **more,
        )

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """All decisions or none; what is refused stands on the page with what was chosen."""
        choice = request.POST.get("all", "")
        if choice in {"approve", "reject"}:
            return self.decide_all(choice)
        try:
            release = actions.decide(self.release, actor=self.actor, decisions=self.decisions())
        except Refused as refused:
            return self.again(422, list(refused.errors.values()))
        except WrongState as stale:
            return self.again(409, [str(stale)])
        messages.success(request, _said(release))
        return HttpResponseRedirect(self.url())

    def decide_all(self, choice: str) -> HttpResponse:
        """Everything that is open and was shown."""
        data = self.request.POST
        words = {"reason": data.get("reason", ""), "part": data.get("part", "")}
        shown = read_manifest(data.get("shown", ""))
        try:
            release = actions.decide_all(self.release, actor=self.actor, approve=choice == "approve", shown=shown, **words)
        except Refused as refused:
            return self.ask(choice, status=422, faults=list(refused.errors.values()), **words)
        except WrongState as stale:
            return self.again(409, [str(stale)])
        return self.done(_said(release), self.url())

    def decisions(self) -> list[actions.Decision]:
        """What the form says: a choice, a reason and the hash of what was shown for each entry."""
        data, found = self.request.POST, []
        for name in data:
            choice, pk = data[name], id_in(name.removeprefix("choice-"))
            if name.startswith("choice-") and pk and choice in {"approve", "reject"}:
                reason, shown, part = (data.get(f"{field}-{pk}", "") for field in ("reason", "hash", "part"))
                found.append(actions.Decision(pk, choice == "approve", reason, shown, part))
        return found

    def again(self, status: int, faults: list[str]) -> HttpResponse:
        """The review as it is now, with why nothing was decided and what was chosen."""
        page = self.page()
        for row in page["entries"]:
            _restore(row, self.request.POST)
        self.template_name = "items/release_review.html"  # type: ignore[misc]
        return self.render(status=status, faults=faults, **page)


def _restore(row: Reviewed, data: QueryDict) -> None:
    """Put what was chosen and typed back beside its entry."""
    row.entry.chosen = data.get(f"choice-{row.entry.pk}", "")  # type: ignore[attr-defined]
    row.entry.typed = data.get(f"reason-{row.entry.pk}", "")  # type: ignore[attr-defined]
    row.entry.part = data.get(f"part-{row.entry.pk}", "")  # type: ignore[attr-defined]


def _said(release: Release) -> str:
    if release.state == Release.State.IN_PROGRESS:
        return _("Decided. Other items of this request are still open.")
    return _("Decided. The request is closed: %s.") % release.get_state_display().lower()
