"""Pages of the developers and of the superapp's payment channel."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import Refused
from console.filters import id_in
from console.money import MoneyError, parse_major
from simulator import developer, superapp
from simulator.calls import as_object, header_text, pretty
from simulator.models import DeveloperBackend, Prepay, PrepayRefund, ReceivedPush, SuperappBehaviour
from simulator.views.base import SimulatorView, programs, say


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
        pushes = [readable(push) for push in ReceivedPush.objects.filter(mini_program=program)[:50]]
        return self.render(
            request, program=program, backend=developer.backend_of(program), modes=DeveloperBackend.Mode.choices, error=error,
            pushes=pushes, addresses=addresses_of(app_id), status=422 if error else 200,
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


def addresses_of(app_id: str) -> dict[str, str]:
    """URL and Test URL of the stand-in receiver."""
    receive = reverse("simulator:receive", kwargs={"app_id": app_id})
    return {"receive": settings.BASE_URL + receive, "test": f"{settings.BASE_URL}{receive}/test"}


def readable(push: ReceivedPush) -> dict[str, Any]:
    """A received push with its texts laid out for reading."""
    payload = str(as_object(push.body).get("Payload", ""))
    fields = ("event", "out_trade_no", "is_mock", "received_at", "event_signature_ok", "webhook_signature_ok", "duplicate")
    names = {superapp.GOODS_EVENT: _("Item delivery"), superapp.REFUND_EVENT: _("Refund")}
    names |= {"TRANSACTION.SUCCESS": _("Payment"), "TRANSACTION.CLOSED": _("Closing"), "REFUND.SUCCESS": _("Refund")}
    texts = {"event_name": names.get(push.event, push.event)}
    texts |= {"header_text": header_text(push.headers), "body_text": pretty(push.body), "payload_text": pretty(payload)}
    return {name: getattr(push, name) for name in (*fields, "answered", "acknowledged")} | texts


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
        prepay = row_of(Prepay.objects.select_related("superapp"), request)
        say(request, superapp.pay(prepay), _("Paid. openServer recorded the payment."))

    def refund(self, request: HttpRequest) -> None:
        """Start a refund of an amount typed in major units."""
        prepay = row_of(Prepay.objects.select_related("superapp"), request)
        try:
            amount = parse_major(request.POST.get("amount", ""), prepay.request["currencyType"])
        except MoneyError as error:
            messages.error(request, str(error))
            return
        if amount < 1:
            messages.error(request, _("Enter an amount above zero to refund."))
            return
        call = superapp.notify_refund(superapp.start_refund(prepay, amount), "PROCESSING")
        say(request, call, _("The refund is in progress. Settle it to give the money back."))

    def settle(self, request: HttpRequest) -> None:
        """SUCCESS, CLOSED or FAILED."""
        refund = row_of(PrepayRefund.objects.select_related("prepay__superapp"), request)
        status = request.POST.get("status", "")
        if status in {"SUCCESS", "CLOSED", "FAILED"}:
            say(request, superapp.notify_refund(refund, status), _("openServer recorded the refund as %s.") % status)

    def mode(self, request: HttpRequest) -> None:
        """How create-prepay-order answers from now on."""
        row = row_of(SuperappBehaviour.objects.all(), request)
        if request.POST.get("mode") in SuperappBehaviour.Mode.values:
            row.mode = request.POST["mode"]
            row.save(update_fields=["mode"])
            messages.success(request, _("From now on the superapp behaves like this: %s.") % row.get_mode_display())


def row_of(rows: Any, request: HttpRequest) -> Any:
    """The row the pressed button stands beside, or 404."""
    pk = request.POST.get("pk", "")
    return get_object_or_404(rows, pk=id_in(pk))
