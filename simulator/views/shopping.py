"""Pages of the player: the phone's mini programs, a shelf, the pay page, and the calls behind it."""

import json
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import MiniProgram
from console.money import MoneyError, format_money, parse_major
from items.models import Item
from items.settlement import settlement_currency
from orders.models import Order
from payments.models import PaymentRequest
from payments.selling import selling_state
from simulator import developer, shop, superapp
from simulator.calls import header_text, pretty
from simulator.models import Prepay, Purchase, ReceivedPush
from simulator.views.base import SimulatorView, programs, say


class Shop(SimulatorView):
    """All mini programs of the phone."""

    template_name: ClassVar[str] = "simulator/shop.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Each with the number of items on sale, and whether its developers have keys."""
        counts = dict(Item.objects.on_sale().values_list("mini_program_id").annotate(Count("pk")))
        rows = [{**row, "on_sale": counts.get(row["program"].pk, 0)} for row in programs()]
        return self.render(request, programs=rows)


class ShopProgram(SimulatorView):
    """The shelf of one mini program; POST buys."""

    template_name: ClassVar[str] = "simulator/shop_program.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Items on sale, or in the sandbox all items."""
        program, env = self.program(app_id), 1 if request.GET.get("env") == "1" else 0
        purchases = Purchase.objects.filter(mini_program=program).order_by("-created_at")[:10]
        backend = developer.backend_of(program)
        shelf = [good(item, env) for item in shop.shelf(program, env)]
        may_pay = selling_state(program, type=PaymentRequest.Type.STANDARD).enabled
        standard = settlement_currency(program) if may_pay and not env else ""
        return self.render(
            request, program=program, env=env, shelf=shelf, purchases=purchases, backend=backend, standard=standard
        )

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Place the order, then go to the superapp's pay page."""
        program, env = self.program(app_id), 1 if request.POST.get("env") == "1" else 0
        if request.POST.get("act") == "standard":
            return self.pay_standard(request, program)
        item = get_object_or_404(Item, mini_program=program, product_id=request.POST.get("product_id", ""))
        quantity = request.POST.get("quantity", "1")
        try:
            purchase = shop.buy(program, item, quantity=int(quantity) if quantity.isdecimal() else 1, env=env)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect("simulator:shop-program", app_id=app_id)
        return redirect("simulator:purchase", pk=purchase.pk)


    def pay_standard(self, request: HttpRequest, program: MiniProgram) -> HttpResponse:
        """Place a standard payment of an amount typed in major units."""
        currency = settlement_currency(program) or "USD"
        description = request.POST.get("description", "").strip() or "Anything"
        try:
            total = parse_major(request.POST.get("amount", ""), currency)
            purchase = shop.buy_standard(program, description=description[:128], total=total, currency=currency)
        except (MoneyError, Refused) as error:
            messages.error(request, str(error))
            return redirect("simulator:shop-program", app_id=program.app_id)
        return redirect("simulator:purchase", pk=purchase.pk)


def good(item: Item, env: int) -> dict[str, Any]:
    """What the player reads of an item: its live copy, or in the sandbox its draft."""
    image = item.image_id if env else item.live_image_id
    names = {"app_id": item.mini_program.app_id, "product_id": item.product_id, "env": env}
    return {
        "product_id": item.product_id,
        "name": item.name if env else item.live_name,
        "price": item.price if env else item.live_price,
        "currency": item.currency if env else item.live_currency,
        "description": item.description if env else item.live_description,
        "image_url": reverse("simulator:item-image", kwargs=names) if image else "",
    }


class ItemPicture(SimulatorView):
    """The picture of an item as a player's phone shows it; the console's own route asks for a permission."""

    def get(self, request: HttpRequest, app_id: str, product_id: str, env: int) -> HttpResponseBase:
        """The stored file, re-encoded on upload."""
        rows = Item.objects.existing() if env else Item.objects.on_sale()
        item = get_object_or_404(rows.select_related("image", "live_image"), mini_program__app_id=app_id, product_id=product_id)
        image = item.image if env else item.live_image
        if image is None:
            raise Http404
        try:
            return FileResponse(image.file.open("rb"), headers={"Content-Security-Policy": "default-src 'none'; sandbox"})
        except FileNotFoundError:
            raise Http404 from None


class PurchaseDetail(SimulatorView):
    """The superapp's pay page before, the transcript of all calls after; POST pays, or asks how the order stands."""

    template_name: ClassVar[str] = "simulator/purchase.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was bought and every call that was made."""
        purchase = self.purchase(pk)
        prepay = Prepay.objects.select_related("superapp").filter(prepay_id=purchase.prepay_id or "none").first()
        order = Order.objects.filter(
            mini_program=purchase.mini_program, env=purchase.env, out_trade_no=purchase.out_trade_no or "none"
        ).first()
        calls = [{**call, "header_text": header_text(call.get("headers", {}))} for call in with_answering_side(purchase, prepay)]
        price = format_money(prepay.amount, prepay.request["currencyType"]) if prepay else ""
        return self.render(
            request, purchase=purchase, prepay=prepay, order=order, price=price, calls=calls, order_url=order_url(order),
            refusal=next((call["response"][:300] for call in calls if not call["ok"]), ""),
        )  # fmt: skip

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pay (twice changes nothing), or query the order as its developers do."""
        purchase = self.purchase(pk)
        if request.POST.get("act") == "query":
            shop.query(purchase)
        else:
            get_object_or_404(Prepay, prepay_id=purchase.prepay_id or "none")
            say(request, shop.pay(purchase), _("Paid. openServer recorded the payment."))
        return redirect("simulator:purchase", pk=pk)

    def purchase(self, pk: int) -> Purchase:
        """The purchase of the address, or 404."""
        return get_object_or_404(Purchase.objects.select_related("mini_program"), pk=pk)


def with_answering_side(purchase: Purchase, prepay: Prepay | None) -> list[dict[str, Any]]:
    """The calls the parties made, and between them what openServer asked the superapp and pushed to the developers."""
    calls = list(purchase.calls)
    if prepay and "standard" in prepay.request:
        calls.insert(1, {
            "title": _("openServer → superapp: v3/pay/transactions/jsapi"), "method": "POST",
            "path": "/v3/pay/transactions/jsapi", "status": 200, "ok": True,
            "request": json.dumps(prepay.request["standard"], indent=2, ensure_ascii=False),
            "response": pretty(json.dumps({"prepay_id": prepay.prepay_id})),
        })  # fmt: skip
    elif prepay:
        after = next((place for place, call in enumerate(calls) if call["path"].endswith("/orders")), len(calls))
        calls.insert(after + 1, {
            "title": _("openServer → superapp: create-prepay-order"), "method": "POST", "path": "/create-prepay-order",
            "request": json.dumps(prepay.request, indent=2, ensure_ascii=False), "status": 200, "ok": True,
            "response": pretty(superapp.answer_text(prepay)),
        })  # fmt: skip
    same = {"mini_program": purchase.mini_program, "out_trade_no": purchase.out_trade_no or "none"}
    return calls + [push_as_call(push) for push in ReceivedPush.objects.filter(**same).order_by("pk")[:20]]


def push_as_call(push: ReceivedPush) -> dict[str, Any]:
    """A received push beside the calls."""
    return {
        "title": _("openServer → developer: push"), "method": "POST", "path": reverse_receiver(push), "headers": push.headers,
        "request": pretty(push.body), "status": push.answered, "ok": push.acknowledged,
        "response": _("Status and returnCode: %s") % push.answered,
    }  # fmt: skip


def reverse_receiver(push: ReceivedPush) -> str:
    """The developer's address; that of a standard payment is its notify_url."""
    name = "simulator:notify" if push.event.startswith(("TRANSACTION.", "REFUND.")) else "simulator:receive"
    return reverse(name, kwargs={"app_id": push.mini_program.app_id})


def order_url(order: Order | None) -> str:
    """The order's page in the console; only those who may see it get in there."""
    if order is None:
        return ""
    try:
        return reverse("orders:detail", kwargs={"app_id": order.mini_program.app_id, "pk": order.pk})
    except NoReverseMatch:
        return ""
