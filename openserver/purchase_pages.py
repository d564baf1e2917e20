"""The page of the test purchase, which the item's page leads to (docs/openserver.md, "Test purchase")."""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.errors import Invisible
from console.filters import id_in
from console.money import format_money
from console.permissions import can
from console.views.base import FormView
from items.models import Item
from items.readiness import steps
from items.views.base import ItemPage
from openserver.actions import purchase
from openserver.actions.purchase import PLAYER, SANDBOX, STAND_IN, Call
from openserver.orderform import QUANTITY_LIMIT
from orders.models import Attempt, Delivery, DeliveryState, Notification, Order
from orders.story import outcome_sentence
from payments.keys import has_keys
from payments.models import DeliveryConfig
from payments.readiness import DONE, Step

#: The links of the readiness strip that a sandbox order does not need: an item can be tried before its release.
NOT_NEEDED = {"items", "push"}
WAITS = {DeliveryState.NOT_DUE, DeliveryState.PENDING, DeliveryState.DELIVERING}


class PurchaseForm(forms.Form):
    """How many pieces are bought."""

    quantity = forms.IntegerField(
        label=gettext_lazy("Quantity"),
        min_value=1,
        max_value=QUANTITY_LIMIT,
        initial=1,
        error_messages={"invalid": gettext_lazy("The quantity is a whole number. Enter 1 or more.")},
    )


class Told(NamedTuple):
    """One step as the page shows it: `state` is done, waiting or failed; `sent` is what was signed, if anything was."""

    title: str | Promise
    state: str
    text: str
    sent: str = ""


class TestPurchase(ItemPage, FormView):
    """Buy the item's draft; `?order=` shows how far a test purchase has come."""

    permission: ClassVar[str] = "items.edit_item"
    template_name: ClassVar[str] = "openserver/test_purchase.html"
    form_class: ClassVar[Any] = PurchaseForm

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form, and what became of the order that the address names."""
        found = self.order_of(request.GET["order"]) if "order" in request.GET else None
        told = told_of(found, actor_sees=can(self.actor, "orders.view_attempt", found)) if found else []
        waits = any(step.state == "waiting" for step in told)
        return self.render(form=self.form(), **self.page(), order=found, told=told, waits=waits)

    def order_of(self, pk: str) -> Order:
        """A test purchase of this item. Raises Invisible."""
        rows = Order.objects.filter(item=self.item, env=SANDBOX, open_id__startswith=PLAYER)
        found = rows.filter(pk=id_in(pk)).first()
        if found is None:
            raise Invisible
        return found

    def page(self) -> dict[str, Any]:
        """What is missing before anything can be bought, and who can do it."""
        assert self.mini_program
        config = DeliveryConfig.objects.filter(mini_program=self.mini_program).first()
        chain = steps(self.mini_program, actor=self.actor)
        return {
            "missing": [step for step in chain if step.state != DONE and step.key not in NOT_NEEDED],
            "pushes": pushes(config, chain),
            "has_keys": has_keys(self.mini_program.pk),
            "test_url": config.test_url if config else "",
            "is_own_backend": bool(self.item.superapp.backend_url and self.item.superapp.sealed_secret_key),
            "is_deleted": self.item.state == Item.State.DELETED,
        }

    def act(self, form: PurchaseForm) -> HttpResponse:
        """Buy, then show the order; or the call that was refused."""
        bought = purchase.buy(self.item, actor=self.actor, quantity=form.cleaned_data["quantity"])
        refused = next((call for call in bought.calls if not call.passed), None)
        if bought.order:
            if refused:
                messages.error(self.request, refusal(refused))
            return HttpResponseRedirect(f"{self.request.path}?order={bought.order.pk}")
        return self.render(form=form, status=422, **self.page(), told=told_of_calls(bought.calls))


def pushes(config: DeliveryConfig | None, chain: Iterable[Step]) -> str:
    """Why the purchase will not reach the Test URL, in a sentence; "" when it will."""
    if config is None or not config.test_url:
        return _("No Test URL is configured, so the order will be held after its payment.")
    if any(step.key == "push" and step.state != DONE for step in chain):
        return _("The delivery push is switched off, so the order will be held after its payment.")
    return ""


def refusal(call: Call) -> str:
    """What openServer refused, in its own words: developers read the same code."""
    return _("%(step)s: openServer answered %(code)s. %(message)s") % {
        "step": call.title, "code": call.code, "message": call.message,
    }  # fmt: skip


def told_of_calls(calls: list[Call]) -> list[Told]:
    """The steps of a purchase that stored no order."""
    return [
        Told(call.title, "done", "", call.sent)
        if call.passed
        else Told(call.title, "failed", f"{call.code}: {call.message}", call.sent)
        for call in calls
    ]


def told_of(order: Order, *, actor_sees: bool) -> list[Told]:
    """The steps of a purchase, read from its order: whoever opens the page later reads the same."""
    opened = _("Open id %(player)s, made up for this purchase.") % {"player": order.open_id}
    exchanged = _("Done for you: that call is signed with your certificate, whose key only you have.")
    amount = {"number": order.out_trade_no, "amount": format_money(order.amount, order.currency)}
    placed = _("Order %(number)s of %(amount)s: both signatures, the draft and its price fit.") % amount
    return [
        Told(purchase.SESSION, "done", opened),
        Told(purchase.KEY, "done", exchanged),
        Told(purchase.ORDER, "done", placed, order.sign_data),
        _prepaid(order),
        _paid(order),
        _delivered(order, actor_sees=actor_sees),
    ]


def _prepaid(order: Order) -> Told:
    title = _("The superapp gives a prepay id")
    if not order.prepay_id:
        return Told(title, "failed", _("The superapp's backend gave none. The superapp can test the connection under Backend."))
    if order.prepay_id.startswith(STAND_IN):
        return Told(title, "done", _("A stand-in gave it: the superapp has no backend configured yet."))
    return Told(title, "done", _("The superapp's own backend answered %(id)s.") % {"id": order.prepay_id})


def _paid(order: Order) -> Told:
    row = order.notifications.filter(kind=Notification.Kind.PAYMENT).order_by("id").last()
    if row is None:
        return Told(purchase.PAYMENT, "failed", _("It was not told: a step before it failed."))
    state = "done" if order.payment_state == Order.Payment.PAID else "failed"
    text = _("Played by the console; no money moves. openServer: %(verdict)s.") % {"verdict": row.get_verdict_display()}
    return Told(purchase.PAYMENT, state, text, row.payload)


def _delivered(order: Order, *, actor_sees: bool) -> Told:
    title = _("The item is delivered to your Test URL")
    delivery = order.deliveries.filter(event=Delivery.Event.GOODS).first()
    if delivery is None:
        return Told(title, "failed", _("Nothing is due before the payment."))
    attempt = Attempt.objects.filter(delivery=delivery).order_by("id").last() if actor_sees else None
    said = outcome_sentence(attempt) if attempt else ""
    if delivery.state == DeliveryState.DELIVERED:
        return Told(title, "done", said or _("Delivered."), delivery.body)
    if delivery.state in WAITS:
        return Told(title, "failed" if attempt else "waiting", said or _("It is being sent."), delivery.body)
    return Told(title, "failed", said or _("It is held: the delivery push is off or has no Test URL."), delivery.body)
