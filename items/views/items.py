"""Add, edit and look at one item; remove it from sale, take it down, delete it."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import WrongState
from console.lifecycle import moves, wrong_state_message
from console.permissions import can
from console.views.base import FormView
from items.actions import item as actions
from items.forms import EmptyForm, ItemForm, ReasonForm
from items.models import Item
from items.settlement import settlement_currency
from items.timeline import events
from items.views.base import ItemPage
from items.views.detail import buttons, differences, reason_anchor, verdict


class PricedForm(FormView):
    """A form with a price: there has to be an effective merchant, whose currency prices are in."""

    form_class: ClassVar[type[Any]] = ItemForm

    @property
    def currency(self) -> str:
        """Settlement currency, "" while no merchant is effective."""
        if not hasattr(self, "_currency"):
            self._currency = settlement_currency(self.mini_program)  # type: ignore[arg-type]
        return self._currency

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form, or why there is none yet."""
        return super().get(request, **kwargs) if self.currency else self.no_merchant(status=200)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The action, or why it is not possible."""
        return super().post(request, **kwargs) if self.currency else self.no_merchant(status=409)

    def no_merchant(self, *, status: int) -> HttpResponse:
        """Explain and lead to the steps."""
        return self.render(status=status, no_merchant=True)

    def form_arguments(self) -> dict[str, Any]:
        """The form needs to know what to price in."""
        return {"program": self.mini_program, "currency": self.currency}


class ItemAdd(PricedForm):
    """Add an item."""

    permission: ClassVar[str] = "items.edit_item"
    template_name: ClassVar[str] = "items/add.html"

    def act(self, form: ItemForm) -> HttpResponse:
        """Add, then show the item."""
        assert self.mini_program
        typed = {"product_id": form.cleaned_data["product_id"], "picture": form.cleaned_data["image"], **form.content()}
        item = actions.add(self.mini_program, actor=self.actor, **typed)
        url = reverse("items:detail", kwargs={"app_id": self.mini_program.app_id, "product_id": item.product_id})
        return self.done(_("“%s” was added. It goes on sale after its release.") % item, url)


class ItemEdit(ItemPage, PricedForm):
    """Edit the draft of an item."""

    permission: ClassVar[str] = "items.edit_item"
    template_name: ClassVar[str] = "items/edit.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form, or why the draft is frozen."""
        actions.refuse_frozen(self.item)
        return super().get(request, **kwargs)

    def form_arguments(self) -> dict[str, Any]:
        """The stored content."""
        return super().form_arguments() | {"item": self.item}

    def page(self) -> dict[str, Any]:
        """The version that a form shown now is filled in from; a price in another currency has to be entered anew."""
        other = self.item.currency if self.item.currency != self.currency else ""
        return {"other_currency": other, "reason_anchor": reason_anchor(self.item)}

    def act(self, form: ItemForm) -> HttpResponse:
        """Edit, then show the item."""
        version = form.cleaned_data["version"] or 0
        if version != self.item.version:
            # The form that goes back carries the present version, so that saving again means it.
            data = self.request.POST.copy()
            data["version"] = str(self.item.version)
            form.data = data
        edited = actions.edit(self.item, actor=self.actor, version=version, picture=form.picture(), **form.content())
        if edited.version == version:
            return self.done(_("Nothing was different, so nothing was saved."), self.item_url())
        message = _("“%s” was saved. What is on sale changes with the next release.") if edited.on_sale else _("“%s” was saved.")
        return self.done(message % edited, self.item_url())


class ItemDetail(ItemPage):
    """One item: what is on sale, what is edited, what happened, what can be done."""

    permission: ClassVar[str] = "items.view_item"
    template_name: ClassVar[str] = "items/detail.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Draft beside live copy, timeline, buttons."""
        return self.render(
            events=events(self.item),
            differences=differences(self.item) if self.item.on_sale else [],
            buttons=buttons(self.item, actor=self.actor, url=self.item_url),
            verdict=verdict(self.item),
            mend_url=self.mend_url(),
        )

    def mend_url(self) -> str:
        """The field of the form that the last rejection was about, "" where there is none or for who cannot edit."""
        anchor = reason_anchor(self.item)
        return f"{self.item_url('items:edit')}#{anchor}" if anchor and can(self.actor, "items.edit_item", self.item) else ""


class Confirm(ItemPage, FormView):
    """A page that first says what an act reaches; its button makes one move of the item."""

    form_class: ClassVar[type[Any]] = EmptyForm
    move_name: ClassVar[str] = ""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The question; or 409 when the item's state does not allow the act now."""
        declared = moves(Item)[self.move_name]
        if self.item.state not in declared.sources:
            raise WrongState(wrong_state_message(self.item, declared))
        return super().get(request, **kwargs)


class ItemRemove(Confirm):
    """The team ends the sale of an item."""

    permission: ClassVar[str] = "items.remove_item"
    template_name: ClassVar[str] = "items/remove.html"
    move_name: ClassVar[str] = "remove"

    def act(self, form: EmptyForm) -> HttpResponse:
        """Remove, then show the item."""
        actions.remove(self.item, actor=self.actor)
        return self.done(_("“%s” is no longer on sale.") % self.item, self.item_url())


class ItemDelete(Confirm):
    """Delete an item for ever; its id stays used."""

    permission: ClassVar[str] = "items.remove_item"
    template_name: ClassVar[str] = "items/delete.html"
    move_name: ClassVar[str] = "delete_item"

    def act(self, form: EmptyForm) -> HttpResponse:
        """Delete, then show the list."""
        actions.delete(self.item, actor=self.actor)
        url = reverse("items:list", kwargs={"app_id": self.item.mini_program.app_id})
        return self.done(_("“%s” was deleted. Its id is not free again.") % self.item, url)


class ItemTakeDown(Confirm):
    """The superapp ends the sale of an item, with a reason."""

    permission: ClassVar[str] = "payments.intervene"
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "items/take_down.html"
    form_class: ClassVar[type[Any]] = ReasonForm
    move_name: ClassVar[str] = "take_down"

    def act(self, form: ReasonForm) -> HttpResponse:
        """Take down, then go to where this person may look."""
        actions.take_down(self.item, actor=self.actor, reason=form.cleaned_data["reason"])
        assert self.superapp
        approvals = reverse("payments:approvals", kwargs={"superapp": self.superapp.code})
        url = self.item_url() if can(self.actor, "items.view_item", self.item) else approvals
        return self.done(_("“%s” was taken down. The team is told why.") % self.item, url)
