"""Enable payment: where the permission stands, its history, request and cancel."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.errors import Invisible
from console.lifecycle import available
from console.models import MiniProgram
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView
from payments.actions import payment
from payments.forms import MessageForm
from payments.models import PaymentRequest
from payments.notices import mend_url, what_next
from payments.selling import selling_state

HISTORY = 50  # rows; a program that asks more often has other troubles


class PaymentView(ConsoleView):
    """Base of pages about the payment permission of one mini program."""

    mini_program: MiniProgram
    #: Virtual or standard payment: the same pages twice, with requests of their own.
    type: ClassVar[str] = PaymentRequest.Type.VIRTUAL
    route: ClassVar[str] = "payments:payment"

    @property
    def own_url(self) -> str:
        """The page itself."""
        return self.url()

    def url(self, page: str = "", **more: Any) -> str:
        """A page of this type: the page itself, "request" or "cancel"."""
        name = f"{self.route}-{page}" if page else self.route
        return reverse(name, kwargs={"app_id": self.mini_program.app_id, **more})

    def context(self, **more: Any) -> dict[str, Any]:
        """Which type the page is about, and where its other pages are."""
        standard = self.type == PaymentRequest.Type.STANDARD
        return super().context(standard=standard, own_url=self.url(), request_url=self.url("request"), **more)

    def request_of_program(self, pk: int) -> PaymentRequest:
        """One of the program's requests of this type. Raises Invisible."""
        row = PaymentRequest.objects.filter(program=self.mini_program, type=self.type, pk=pk).first()
        if row is None:
            raise Invisible
        return row


class Payment(PaymentView):
    """State, what to do next, history."""

    permission: ClassVar[str] = "console.view_mini_program"
    template_name: ClassVar[str] = "payments/payment.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """The newest request says where it stands."""
        rows = PaymentRequest.objects.filter(program=self.mini_program, type=self.type)
        history = list(rows.select_related("requested_by", "decided_by").order_by("-requested_at", "-pk")[:HISTORY])
        latest = history[0] if history else None
        return self.render(history=history, latest=latest, **self.situation(latest))

    def situation(self, latest: PaymentRequest | None) -> dict[str, Any]:
        """What the reader may do, or why not and who can."""
        allowed = can(self.actor, "payments.request_payment", self.mini_program)
        is_open = latest is not None and latest.open
        return {
            "cancel_url": self.url("cancel", pk=latest.pk) if latest else "",
            "selling": selling_state(self.mini_program, type=self.type),
            "next_step": what_next(latest) if latest else "",
            "mend_url": mend_url(latest) if latest and allowed else "",
            "may_cancel": latest is not None and any(move.name == "cancel" for move in available(latest, actor=self.actor)),
            "may_request": allowed and not is_open,
            "why_not_request": "" if is_open else payment.why_not_request(self.mini_program, type=self.type),
            "resting": self.resting(latest),
        }

    def resting(self, latest: PaymentRequest | None) -> dict[str, list[Any]]:
        """What a team admin could do now, with who that is."""
        if latest and latest.state == PaymentRequest.State.APPROVED:
            return {}
        in_progress = latest is not None and latest.state == PaymentRequest.State.IN_PROGRESS
        label = _("Cancel request") if in_progress else _("Request permission")
        return resting(self.actor, self.mini_program, {"payments.request_payment": [label]})


class PaymentRequestNew(PaymentView, FormView):
    """Ask for the permission."""

    permission: ClassVar[str] = "payments.request_payment"
    template_name: ClassVar[str] = "payments/payment_request.html"
    form_class = MessageForm

    def page(self) -> dict[str, Any]:
        """What stands in the way is said before anybody types."""
        return {"why_not_request": payment.why_not_request(self.mini_program, type=self.type)}

    def act(self, form: MessageForm) -> HttpResponse:
        """Store the request."""
        message = form.cleaned_data["message"]
        payment.request_payment(self.mini_program, actor=self.actor, message=message, type=self.type)
        superapp = self.mini_program.superapp.name
        return self.done(_("The request was sent. %(superapp)s decides it.") % {"superapp": superapp}, self.own_url)


class PaymentCancel(PaymentView):
    """Take a request back."""

    permission: ClassVar[str] = "payments.request_payment"

    def post(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """Answers 409 once it is decided."""
        payment.cancel(self.request_of_program(pk), actor=self.actor)
        return self.done(_("The request was cancelled."), self.own_url)


class StandardPayment(Payment):
    """The same for standard payment."""

    type: ClassVar[str] = PaymentRequest.Type.STANDARD
    route: ClassVar[str] = "payments:standard-payment"


class StandardPaymentRequestNew(PaymentRequestNew):
    """Ask for the permission of standard payment."""

    type: ClassVar[str] = PaymentRequest.Type.STANDARD
    route: ClassVar[str] = "payments:standard-payment"


class StandardPaymentCancel(PaymentCancel):
    """Take a request for standard payment back."""

    type: ClassVar[str] = PaymentRequest.Type.STANDARD
    route: ClassVar[str] = "payments:standard-payment"
