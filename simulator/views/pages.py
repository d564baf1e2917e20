"""Pages of the player, the developers, the superapp and the mailbox."""

import email
import email.policy
from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import Refused
from items.models import Item
from orders.models import Order
from simulator import developer, shop, superapp
from simulator.models import DeveloperBackend, MailboxMessage, Prepay, PrepayRefund, Purchase, ReceivedPush, SuperappBehaviour
from simulator.views.base import SimulatorView, programs


class Shop(SimulatorView):
    """All mini programs of the phone."""

    template_name: ClassVar[str] = "simulator/shop.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Each with the word whether its developers have keys."""
        return self.render(request, programs=programs())


class ShopProgram(SimulatorView):
    """The shelf of one mini program; POST buys."""

    template_name: ClassVar[str] = "simulator/shop_program.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Items on sale, or in the sandbox all items."""
        program, env = self.program(app_id), 1 if request.GET.get("env") == "1" else 0
        purchases = Purchase.objects.filter(mini_program=program).order_by("-created_at")[:10]
        backend = developer.backend_of(program)
        return self.render(
            request, program=program, env=env, items=shop.shelf(program, env), purchases=purchases, backend=backend
        )

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Place the order, then go to the superapp's pay page."""
        program, env = self.program(app_id), 1 if request.POST.get("env") == "1" else 0
        item = get_object_or_404(Item, mini_program=program, product_id=request.POST.get("product_id", ""))
        quantity = request.POST.get("quantity", "1")
        try:
            purchase = shop.buy(program, item, quantity=int(quantity) if quantity.isdecimal() else 1, env=env)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect("simulator:shop-program", app_id=app_id)
        return redirect("simulator:purchase", pk=purchase.pk)


class PurchaseDetail(SimulatorView):
    """The superapp's pay page before, the transcript of all calls after; POST pays."""

    template_name: ClassVar[str] = "simulator/purchase.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was bought and every call that was made."""
        purchase = get_object_or_404(Purchase.objects.select_related("mini_program"), pk=pk)
        prepay = Prepay.objects.filter(prepay_id=purchase.prepay_id).first() if purchase.prepay_id else None
        order = Order.objects.filter(
            mini_program=purchase.mini_program, env=purchase.env, out_trade_no=purchase.out_trade_no
        ).first()
        return self.render(request, purchase=purchase, prepay=prepay, order=order)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Pay once; pressing twice changes nothing."""
        purchase = get_object_or_404(Purchase, pk=pk)
        get_object_or_404(Prepay, prepay_id=purchase.prepay_id or "none")
        say(request, shop.pay(purchase), _("Paid. openServer recorded the payment."))
        return redirect("simulator:purchase", pk=pk)


def say(request: HttpRequest, call: Any, success: str) -> None:
    """Success, or what openServer answered instead."""
    if call.ok:
        messages.success(request, success)
    else:
        messages.error(request, _("openServer answered: %s") % call.message)


class Developers(SimulatorView):
    """All stand-in developer backends."""

    template_name: ClassVar[str] = "simulator/developers.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """One line each."""
        return self.render(request, programs=programs())


class Developer(SimulatorView):
    """One stand-in developer backend: keys, behaviour, received pushes."""

    template_name: ClassVar[str] = "simulator/developer.html"

    def get(self, request: HttpRequest, app_id: str, error: str = "") -> HttpResponse:
        """The newest fifty pushes."""
        program = self.program(app_id)
        addresses = {
            name: request.build_absolute_uri(reverse(f"simulator:{name}", kwargs={"app_id": app_id}))
            for name in ("receive", "receive-test")
        }
        return self.render(
            request, program=program, backend=developer.backend_of(program), modes=DeveloperBackend.Mode.choices, error=error,
            pushes=ReceivedPush.objects.filter(mini_program=program)[:50], addresses=addresses, status=422 if error else 200,
        )  # fmt: skip

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Change the behaviour, or install keys from the mailbox."""
        program = self.program(app_id)
        if "passphrase" in request.POST:
            try:
                developer.install_from_mail(program, request.POST["passphrase"])
            except Refused as refused:
                return self.get(request, app_id, error=str(refused))
            messages.success(request, _("Certificate and AppKeys are installed."))
        elif request.POST.get("mode") in DeveloperBackend.Mode.values:
            backend = developer.backend_of(program)
            backend.mode = request.POST["mode"]
            backend.save(update_fields=["mode"])
            messages.success(request, _("From now on the backend behaves like this: %s.") % backend.get_mode_display())
        return redirect("simulator:developer-detail", app_id=app_id)


class Payments(SimulatorView):
    """The superapp's payment channel: prepay orders, and how it answers."""

    template_name: ClassVar[str] = "simulator/payments.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The newest fifty."""
        behaviours = [superapp.behaviour(row) for row in superapp.Superapp.objects.all()[:10]]
        prepays = Prepay.objects.select_related("superapp").prefetch_related("refunds")[:50]
        return self.render(request, prepays=prepays, behaviours=behaviours, modes=SuperappBehaviour.Mode.choices)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Pay, refund, settle a refund, or change the behaviour."""
        act = {"pay": self.pay, "refund": self.refund, "settle": self.settle, "mode": self.mode}.get(request.POST.get("act", ""))
        if act:
            act(request)
        return redirect("simulator:payments")

    def pay(self, request: HttpRequest) -> None:
        """The player paid (late, if openServer closed the order since)."""
        prepay = get_object_or_404(Prepay.objects.select_related("superapp"), pk=request.POST.get("pk"))
        say(request, superapp.pay(prepay), _("Paid. openServer recorded the payment."))

    def refund(self, request: HttpRequest) -> None:
        """Start a refund of an amount in minor units."""
        prepay = get_object_or_404(Prepay.objects.select_related("superapp"), pk=request.POST.get("pk"))
        amount = request.POST.get("amount", "")
        if not amount.isdecimal() or int(amount) < 1:
            messages.error(request, _("Enter the amount to refund in minor units, at least 1."))
            return
        call = superapp.notify_refund(superapp.start_refund(prepay, int(amount)), "PROCESSING")
        say(request, call, _("The refund is in progress. Settle it to give the money back."))

    def settle(self, request: HttpRequest) -> None:
        """SUCCESS, CLOSED or FAILED."""
        refund = get_object_or_404(PrepayRefund.objects.select_related("prepay__superapp"), pk=request.POST.get("pk"))
        status = request.POST.get("status", "")
        if status in {"SUCCESS", "CLOSED", "FAILED"}:
            say(request, superapp.notify_refund(refund, status), _("openServer recorded the refund as %s.") % status)

    def mode(self, request: HttpRequest) -> None:
        """How create-prepay-order answers from now on."""
        row = get_object_or_404(SuperappBehaviour, pk=request.POST.get("pk"))
        if request.POST.get("mode") in SuperappBehaviour.Mode.values:
            row.mode = request.POST["mode"]
            row.save(update_fields=["mode"])
            messages.success(request, _("From now on the superapp behaves like this: %s.") % row.get_mode_display())


class Mailbox(SimulatorView):
    """All mails the demo sent."""

    template_name: ClassVar[str] = "simulator/mailbox.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Newest first."""
        return self.render(request, mails=MailboxMessage.objects.defer("raw")[:100])


class Mail(SimulatorView):
    """One mail with its attachments."""

    template_name: ClassVar[str] = "simulator/mail.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Text and attachment names."""
        row = get_object_or_404(MailboxMessage, pk=pk)
        message: Any = email.message_from_bytes(bytes(row.raw), policy=email.policy.default)
        body = message.get_body(("plain",))
        names = [part.get_filename() for part in message.iter_attachments()]
        return self.render(request, mail=row, sender=message["From"], text=body.get_content() if body else "", names=names)


class MailAttachment(SimulatorView):
    """An attachment as a download."""

    def get(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """By its place in the mail; its name never becomes a path."""
        row = get_object_or_404(MailboxMessage, pk=pk)
        message: Any = email.message_from_bytes(bytes(row.raw), policy=email.policy.default)
        parts = list(message.iter_attachments())
        if number >= len(parts):
            return HttpResponse(status=404)
        response = HttpResponse(parts[number].get_payload(decode=True), content_type="application/octet-stream")
        response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(parts[number].get_filename() or 'attachment')}"
        response["X-Content-Type-Options"] = "nosniff"
        return response
