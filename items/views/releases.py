"""Submit items for release and withdraw them."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console import bulk
from console.errors import WrongState
from console.listing import PAGE_SIZE, Listing
from console.sentences import joined
from console.views.base import FormView
from items import exemptions
from items.actions import release as actions
from items.forms import EmptyForm, MessageForm
from items.listings import item_listing
from items.models import Item, ItemQuerySet
from items.settlement import settlement_currency
from items.submitting import LIMIT, manifest, matching, read_manifest
from items.views.base import ItemPage

NAMED = 5  # items left out that are named one by one after a submission


class ReleaseSubmit(FormView):
    """Submit one or many items: first what is submitted and what is left out and why, then the act."""

    permission: ClassVar[str] = "items.submit_release"
    template_name: ClassVar[str] = "items/release_submit.html"
    form_class: ClassVar[type[Any]] = MessageForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """What would happen; without a selection back to the list."""
        if not request.GET.getlist("ids") and not request.GET.get("all"):
            messages.warning(request, _("No item is selected. Select at least one, then submit."))
            return HttpResponseRedirect(self.list_url())
        return super().get(request, **kwargs)

    def shown(self) -> dict[int, str]:
        """Ids and draft hashes of what the page that is sent now had shown."""
        return read_manifest(self.request.POST.get("shown", ""))

    def rows(self) -> ItemQuerySet:
        """Items of this mini program with what the page shows."""
        rows = Item.objects.filter(mini_program=self.mini_program).existing()
        return rows.prefetch_related("image", "edited_by", "mini_program").order_by("name", "product_id")

    def chosen(self) -> list[Item]:
        """The ticked items, or those that a form sent back had shown, in the order of their names."""
        if self.request.method == "POST":
            return list(self.rows().filter(pk__in=bulk.listed(self.shown(), int)))
        return list(self.rows().filter(product_id__in=self.request.GET.getlist("ids")[:PAGE_SIZE]))

    def page(self) -> dict[str, Any]:
        """What is submitted, what is left out, and whether it will be reviewed."""
        assert self.mini_program
        currency = settlement_currency(self.mini_program)
        more: dict[str, Any] = {}
        skipped: list[tuple[Item, str]] = []
        if self.request.method == "GET" and self.request.GET.get("all"):
            listing = item_listing(self.mini_program, self.request.GET)
            found = matching(listing.matching, currency=currency)
            fit, more = found.items, {"matching": found, "filter_words": _in_words(listing), "limit": LIMIT}
        else:
            fit, skipped = actions.sort_out(self.chosen(), currency=currency)
        split = exemptions.split(fit, exemptions.granted(self.mini_program))
        return {
            "fit": fit,
            "rows": fit[:PAGE_SIZE],
            "unlisted": max(len(fit) - PAGE_SIZE, 0),
            "manifest": manifest((item.pk, item.draft_hash) for item in fit),
            "skipped": skipped,
            "at_once": split.at_once,
            "beyond": split.beyond,
            "list_url": self.list_url(),
            **more,
        }

    def act(self, form: MessageForm) -> HttpResponse:
        """Submit, then say what became of it."""
        message = form.cleaned_data["message"]
        rows = Item.objects.filter(mini_program=self.mini_program, pk__in=bulk.listed(self.shown(), int))
        sent = rows.existing().only("mini_program")  # the action reads them under lock
        result = actions.submit(sent, actor=self.actor, message=message, shown=self.shown())
        for _item, why in result.skipped[:NAMED]:
            messages.warning(self.request, why)
        if (more := len(result.skipped) - NAMED) > 0:
            sentence = ngettext("%(number)d more item was left out.", "%(number)d more items were left out.", more)
            messages.warning(self.request, sentence % {"number": more})
        return self.done(_outcome(result), self.list_url())

    def list_url(self) -> str:
        """The list of items."""
        return reverse("items:list", kwargs={"app_id": self.mini_program.app_id})  # type: ignore[union-attr]


def _in_words(listing: Listing) -> str:
    """The filter of the list as its chips say it."""
    return " · ".join(chip["label"] for chip in listing.chips) or _("All items")


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
    return joined(told)


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
