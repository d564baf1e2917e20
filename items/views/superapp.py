"""What the mini programs of a superapp sell, and taking several items down at once."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.filters import ids_in
from console.listing import PAGE_SIZE
from console.views.base import ConsoleView, FormView
from items.actions import item as actions
from items.forms import EmptyForm, ReasonForm
from items.models import Item
from items.superapp_listing import SAMPLE, on_sale_listing
from payments.readiness import missing_feature


class ItemsOnSale(ConsoleView):
    """Items on sale of all mini programs; those released without review can be filtered and sampled."""

    permission: ClassVar[str] = "payments.intervene"
    template_name: ClassVar[str] = "items/superapp_list.html"

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """The address holds filter, search and place."""
        assert self.superapp
        listing = on_sale_listing(self.superapp, request.GET)
        is_empty = not listing.page.rows and not listing.is_filtered
        return self.render(
            listing=listing, sample=SAMPLE, is_sample=bool(request.GET.get("sample")),
            missing=missing_feature(self.superapp, actor=self.actor) if is_empty else None,
        )  # fmt: skip


class Ticked(FormView):
    """A page about the ticked items: first what they are and what the act reaches, then the act."""

    permission: ClassVar[str] = "payments.intervene"
    fresh_factor: ClassVar[bool] = True

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """What they are; without a selection back to the list."""
        if not self.chosen():
            return self.done(_("No item on sale is selected. Select at least one."), self.list_url())
        return super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The act; nothing is left to do when none of them is on sale any more."""
        if not self.chosen():
            return self.done(_("None of these items is on sale any more."), self.list_url())
        return super().post(request, **kwargs)

    def chosen(self) -> list[Item]:
        """The ticked items of this superapp that are on sale."""
        data = self.request.POST if self.request.method == "POST" else self.request.GET
        ids = ids_in(data.getlist("ids")[:PAGE_SIZE])
        rows = Item.objects.filter(superapp=self.superapp, pk__in=ids).on_sale()
        return list(rows.select_related("live_image", "mini_program__team", "edited_by").order_by("live_name", "pk"))

    def page(self) -> dict[str, Any]:
        """The items."""
        return {"items": self.chosen(), "list_url": self.list_url()}

    def list_url(self) -> str:
        """The list of items on sale."""
        return reverse("items:superapp-list", kwargs={"superapp": self.superapp.code})  # type: ignore[union-attr]


class ItemsLookAt(Ticked):
    """Look at live copies that nobody reviewed, and mark them as looked at; they stay on sale."""

    template_name: ClassVar[str] = "items/superapp_look_at.html"
    form_class: ClassVar[type[Any]] = EmptyForm

    def act(self, form: EmptyForm) -> HttpResponseRedirect:
        """Mark, then the next sample."""
        looked = actions.look_at_many(self.chosen(), actor=self.actor)
        told = ngettext("%(number)d item is marked as looked at.", "%(number)d items are marked as looked at.", len(looked))
        return self.done(told % {"number": len(looked)}, f"{self.list_url()}?sample=1")


class ItemsTakeDown(Ticked):
    """Take the ticked items down."""

    template_name: ClassVar[str] = "items/superapp_take_down.html"
    form_class: ClassVar[type[Any]] = ReasonForm

    def act(self, form: ReasonForm) -> HttpResponseRedirect:
        """Take down, then the list."""
        taken = actions.take_down_many(self.chosen(), actor=self.actor, reason=form.cleaned_data["reason"])
        told = ngettext("%(number)d item was taken down.", "%(number)d items were taken down.", len(taken))
        return self.done(told % {"number": len(taken)}, self.list_url())
