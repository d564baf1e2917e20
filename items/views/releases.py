"""Submit items for release and withdraw them; the superapp's review."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.errors import Invisible, Refused, WrongState
from console.permissions import can
from console.views.base import ConsoleView, FormView
from items import exemptions
from items.actions import release as actions
from items.forms import EmptyForm, MessageForm
from items.listings import PAGE_SIZE
from items.models import Item, Release, ReleaseEntry
from items.review import REASON_TEMPLATES, Reviewed, reviewed
from items.settlement import settlement_currency
from items.views.base import ItemPage
from payments.models import why_not_decide


class ReleaseSubmit(FormView):
    """Submit one or many items: first what is submitted and what is left out and why, then the act."""

    permission: ClassVar[str] = "items.submit_release"
    template_name: ClassVar[str] = "items/release_submit.html"
    form_class: ClassVar[type[Any]] = MessageForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """What would happen; without a selection back to the list."""
        if not request.GET.getlist("ids"):
            messages.warning(request, _("No item is selected. Select at least one, then submit."))
            return HttpResponseRedirect(self.list_url())
        return super().get(request, **kwargs)

    def chosen(self, data: QueryDict) -> list[Item]:
        """The selected items of this mini program, in the order of their names."""
        ids = data.getlist("ids")[:PAGE_SIZE]
        rows = Item.objects.filter(mini_program=self.mini_program, product_id__in=ids).existing()
        return list(rows.select_related("image", "edited_by", "mini_program").order_by("name", "product_id"))

    def page(self) -> dict[str, Any]:
        """What is submitted, what is left out, and whether it will be reviewed."""
        assert self.mini_program
        data = self.request.POST if self.request.method == "POST" else self.request.GET
        fit, skipped = actions.sort_out(self.chosen(data), currency=settlement_currency(self.mini_program))
        split = exemptions.split(fit, exemptions.in_force(self.mini_program))
        return {"fit": fit, "skipped": skipped, "at_once": split.at_once, "beyond": split.beyond, "list_url": self.list_url()}

    def act(self, form: MessageForm) -> HttpResponse:
        """Submit, then say what became of it."""
        items = self.chosen(self.request.POST)
        shown = {item.pk: self.request.POST.get(f"hash-{item.product_id}", "") for item in items}
        result = actions.submit(items, actor=self.actor, message=form.cleaned_data["message"], shown=shown)
        for _item, why in result.skipped:
            messages.warning(self.request, why)
        return self.done(_outcome(result), self.list_url())

    def list_url(self) -> str:
        """The list of items."""
        return reverse("items:list", kwargs={"app_id": self.mini_program.app_id})  # type: ignore[union-attr]


def _outcome(result: actions.Submission) -> str:
    told = []
    if result.exempt:
        number = result.exempt.entries.count()
        told.append(ngettext("%(number)d item is on sale now.", "%(number)d items are on sale now.", number) % {"number": number})
    if result.release:
        number = result.release.entries.count()
        sentence = ngettext("%(number)d item waits for review.", "%(number)d items wait for review.", number)
        told.append(sentence % {"number": number})
    told += [f"{why} ({number})" for why, number in result.beyond.items()]
    return " ".join(told)


class ReleaseWithdraw(ItemPage, FormView):
    """Take one item out of review."""

    permission: ClassVar[str] = "items.submit_release"
    template_name: ClassVar[str] = "items/release_withdraw.html"
    form_class: ClassVar[type[Any]] = EmptyForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The question."""
        if self.item.state != Item.State.UNDER_REVIEW:
            raise WrongState(_("“%s” is not under review, so there is nothing to withdraw.") % self.item)
        return super().get(request, **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Withdraw, then show the item."""
        actions.withdraw(self.item, actor=self.actor)
        return self.done(_("“%s” was withdrawn from review. You can edit it again.") % self.item, self.item_url())


class ReleasePage(ConsoleView):
    """A page about one release of a superapp."""

    release: Release

    def find_container(self, *, pk: int = 0, **names: Any) -> None:
        """The superapp, then its release, then the release's team and mini program. Raises Invisible."""
        super().find_container(**names)
        rows = Release.objects.select_related("mini_program", "team", "requested_by", "decided_by", "superapp")
        try:
            self.release = rows.get(pk=pk, superapp=self.superapp)
        except Release.DoesNotExist:
            raise Invisible from None

    def page(self) -> dict[str, Any]:
        """What the reviewer sees, and why this person may not decide if so."""
        entries = reviewed(self.release)
        open_entries = [row for row in entries if row.entry.state == ReleaseEntry.State.IN_PROGRESS]
        return {
            "release": self.release,
            "program": self.release.mini_program,
            "entries": entries,
            "open_entries": open_entries,
            "may_intervene": can(self.actor, "payments.intervene", self.release),
            "why_not": self._why_not() if open_entries else "",
            "reason_templates": REASON_TEMPLATES,
        }

    def _why_not(self) -> str:
        if not can(self.actor, "payments.decide", self.release):
            return _("Your role looks at approvals but does not decide them.")
        return why_not_decide(self.release, self.actor)


class ReleaseReview(ReleasePage):
    """The review of a release: each item with its difference and flags, to be decided by itself."""

    permission: ClassVar[str] = "payments.view_approvals"
    template_name: ClassVar[str] = "items/release_review.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """All entries on one page."""
        return self.render(**self.page())


class ReleaseDecide(ReleasePage):
    """GET asks whether to approve all that is open; POST decides what was chosen, entry by entry."""

    permission: ClassVar[str] = "payments.decide"
    template_name: ClassVar[str] = "items/release_approve_all.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The confirmation of "approve all"."""
        page = self.page()
        if page["why_not"] or not page["open_entries"]:
            return redirect("items:release-review", **kwargs)
        return self.render(**page)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """All decisions or none; what is refused stands on the page with what was chosen."""
        try:
            release = actions.decide(self.release, actor=self.actor, decisions=self.decisions())
        except Refused as refused:
            return self._again(refused)
        messages.success(request, _said(release))
        return redirect("items:release-review", **kwargs)

    def decisions(self) -> list[actions.Decision]:
        """What the form says: a choice, a reason and the hash of what was shown for each entry."""
        data, found = self.request.POST, []
        for name in data:
            choice, pk = data[name], name.removeprefix("choice-")
            if name.startswith("choice-") and pk.isascii() and pk.isdigit() and len(pk) < 19 and choice in {"approve", "reject"}:
                reason, shown = data.get(f"reason-{pk}", ""), data.get(f"hash-{pk}", "")
                found.append(actions.Decision(int(pk), choice == "approve", reason, shown))
        return found

    def _again(self, refused: Refused) -> HttpResponse:
        page = self.page()
        for row in page["entries"]:
            _restore(row, self.request.POST)
        self.template_name = "items/release_review.html"  # type: ignore[misc]
        return self.render(status=422, faults=list(refused.errors.values()), **page)


def _restore(row: Reviewed, data: QueryDict) -> None:
    """Put what was chosen and typed back beside its entry."""
    row.entry.chosen = data.get(f"choice-{row.entry.pk}", "")  # type: ignore[attr-defined]
    row.entry.typed = data.get(f"reason-{row.entry.pk}", "")  # type: ignore[attr-defined]


def _said(release: Release) -> str:
    if release.state == Release.State.IN_PROGRESS:
        return _("Decided. Other items of this request are still open.")
    return _("Decided. The request is closed: %s.") % release.get_state_display().lower()
