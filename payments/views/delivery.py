"""Basic configurations: where pushes go, the credential that signs them, the exemption from review."""

from contextlib import suppress
from typing import Any, ClassVar

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console import jobs, secrets
from console.destinations import DestinationRefused
from console.errors import Invisible, Refused, WrongState
from console.models import MiniProgram
from console.permissions import can, resting
from console.url_check import Found, look_up_sync
from console.views.base import ConsoleView, FormView, add_errors
from payments.actions import credential as credentials
from payments.actions import delivery, exemption
from payments.credential_forms import FirstDeliveryForm
from payments.forms import DeliveryForm, ExemptionForm
from payments.models import ClientCertificate, Credential, DeliveryConfig, ExemptionRequest
from payments.notices import mend_url, what_next
from payments.tasks import send_credential_mails

SESSION_KEY = "credential_passphrase"
SHOWN = 50  # credentials
#: What the page's parts need of those who act.
PERMISSIONS = {
    "configure": "payments.configure_delivery",
    "credential": "payments.manage_credentials",
    "exemption": "payments.request_exemption",
}


class DeliveryView(ConsoleView):
    """Base of pages about the delivery push of one mini program."""

    mini_program: MiniProgram

    @property
    def own_url(self) -> str:
        """The page itself."""
        return reverse("payments:delivery", kwargs={"app_id": self.mini_program.app_id})

    def config(self) -> DeliveryConfig | None:
        """What is stored, with who stored it."""
        return DeliveryConfig.objects.filter(mini_program=self.mini_program).select_related("saved_by").first()

    def credential(self) -> Credential | None:
        """The active credential with its mail."""
        rows = Credential.objects.filter(mini_program=self.mini_program, state=Credential.State.ACTIVE)
        return rows.select_related("mail", "issued_by").first()

    def hand_over(self, credential: Credential, passphrase: str) -> None:
        """Mail a new credential; keep its passphrase, sealed, for the page that follows. Sessions are rows of the database."""
        if passphrase:
            sealed = secrets.seal(passphrase, bound_to=passphrase_binding(credential.serial_no))
            waiting = {"app_id": self.mini_program.app_id, "serial_no": credential.serial_no, "sealed": sealed}
            self.request.session[SESSION_KEY] = waiting
        send_credential_mails.delay_on_commit()


class Delivery(DeliveryView):
    """The whole of Basic configurations."""

    permission: ClassVar[str] = "payments.view_delivery"
    template_name: ClassVar[str] = "payments/delivery.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """The passphrase is on it once, for whoever pressed Confirm."""
        config, found = self.config(), self.credentials()
        return self.render(
            config=config,
            **found,
            client_certificate=ClientCertificate.objects.filter(mini_program=self.mini_program).first(),
            passphrase=self.passphrase_once(),
            **self.rights(config, found["credential"]),
            sees_attempts=can(self.actor, "orders.view_attempt", self.mini_program),
            **self.exemption(),
        )

    def rights(self, config: DeliveryConfig | None, credential: Credential | None) -> dict[str, Any]:
        """What the reader may do, and what not, with who can."""
        found: dict[str, Any] = {
            f"may_{name}": can(self.actor, permission, self.mini_program) for name, permission in PERMISSIONS.items()
        }
        return {**found, "resting": resting(self.actor, self.mini_program, acts(config, credential))}

    def credentials(self) -> dict[str, Any]:
        """The active credential, one that overlaps, and those before, the newest first."""
        rows = Credential.objects.filter(mini_program=self.mini_program).select_related("mail", "issued_by")
        found, states = list(rows.order_by("-issued_at", "-pk")[:SHOWN]), Credential.State
        active = next((row for row in found if row.state == states.ACTIVE), None)
        overlapping = [row for row in found if row.state == states.OVERLAPPING]
        return {"credential": active, "overlapping": overlapping, "earlier": [row for row in found if row is not active]}

    def exemption(self) -> dict[str, Any]:
        """The requests for exemption, newest first; nothing for those who may not see them."""
        if not can(self.actor, "payments.view_exemption", self.mini_program):
            return {"exemption_hidden": True}
        rows = ExemptionRequest.objects.filter(program=self.mini_program).select_related("requested_by", "decided_by")
        history = list(rows.order_by("-requested_at", "-pk")[:20])
        latest = history[0] if history else None
        next_step = what_next(latest) if latest else ""
        mend = mend_url(latest) if latest and can(self.actor, "payments.request_exemption", self.mini_program) else ""
        return {"exemptions": history, "exemption": latest, "exemption_next": next_step, "mend_url": mend}

    def passphrase_once(self) -> str:
        """The passphrase waiting in this session for this mini program; gone once read."""
        waiting = self.request.session.get(SESSION_KEY)
        if not waiting or waiting["app_id"] != self.mini_program.app_id:
            return ""
        del self.request.session[SESSION_KEY]
        return secrets.unseal(waiting["sealed"], bound_to=passphrase_binding(waiting["serial_no"])).decode()


def acts(config: DeliveryConfig | None, credential: Credential | None) -> dict[str, list[str]]:
    """The buttons of the page as it stands, by the permission that each needs."""
    configure, keys = [_("Configure")], []
    if config:
        switch = _("Switch off") if config.enabled else _("Switch on")
        configure = [switch, _("Send a test push"), _("Check the URLs"), _("Modify")]
        keys = [_("Rotate"), _("Revoke")] if credential else [_("Issue a new one")]
    labels = {"configure": configure, "credential": keys, "exemption": [_("Request exemption")]}
    return {PERMISSIONS[name]: labels[name] for name in labels}


def passphrase_binding(serial_no: str) -> str:
    """What the passphrase in a session is bound to."""
    return f"session:{serial_no}:passphrase"


class DeliveryConfigure(DeliveryView, FormView):
    """Save URL and Test URL; the first save issues the credential."""

    permission: ClassVar[str] = "payments.configure_delivery"
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "payments/delivery_configure.html"

    def form(self, *data: Any) -> BaseForm:
        """The first save issues the credential, and may bring a certificate request."""
        form_class = DeliveryForm if self.config() else FirstDeliveryForm
        return form_class(*data, **self.form_arguments())

    def form_arguments(self) -> dict[str, Any]:
        """What is stored, and its version."""
        config = self.config()
        if config is None:
            return {"initial": {"version": 0}}
        return {"initial": {"url": config.url, "test_url": config.test_url, "version": config.version}}

    def page(self) -> dict[str, Any]:
        """Whether this save issues a credential."""
        return {"config": self.config(), "linked_email": self.mini_program.team.linked_email}

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """As any form; a stale one is shown with the stored version, so that a second Confirm is meant."""
        form: Any = self.form(request.POST.copy(), request.FILES)
        if form.is_valid():
            try:
                return self.act(form)
            except delivery.Stale as stale:
                form.data["version"] = stale.version
                add_errors(form, stale)
            except Refused as refused:
                add_errors(form, refused)
        return self.render(form=form, status=422, looked_up=looked_up(form), **self.page())

    def act(self, form: DeliveryForm) -> HttpResponse:
        """Save; a new credential is mailed."""
        data = form.cleaned_data
        saved = delivery.configure(
            self.mini_program, actor=self.actor, url=data["url"], test_url=data["test_url"], version=data["version"] or 0,
            request_pem=data.get("request", ""),
        )  # fmt: skip
        self.check()
        if saved.credential is None:
            return self.done(_("The delivery push configuration was saved."), self.own_url)
        self.hand_over(saved.credential, saved.passphrase)
        return self.done(_("The configuration was saved, and a certificate and AppKeys were issued."), self.own_url)


    def check(self) -> None:
        """Have the saved URLs checked; orders.url_check, which this app cannot import, does it and shows it."""
        program = self.mini_program
        title = _("URL check: %(place)s") % {"place": program.name}
        jobs.start("orders.check_urls", actor=self.actor, title=title, params={"program": program.pk}, container=program)


def looked_up(form: BaseForm) -> dict[str, tuple[Found, ...]]:
    """What DNS answers for the addresses that were refused; nothing for one whose form is wrong already."""
    found = {}
    for name in form.errors.keys() & {"url", "test_url"}:
        url = form.data.get(name, "").strip()
        with suppress(DestinationRefused):
            found[url] = look_up_sync(url)
    return found


class CredentialResend(DeliveryView):
    """Send a mail again that no server has accepted."""

    permission: ClassVar[str] = "payments.manage_credentials"
    fresh_factor: ClassVar[bool] = False  # nothing new is issued

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Answers 409 once it was accepted."""
        credential = self.credential()
        if credential is None:
            raise WrongState(_("No credential is active, so there is no mail to send. Configure the delivery push first."))
        mail = credentials.resend(credential, actor=self.actor)
        send_credential_mails.delay_on_commit()
        return self.done(_("The mail to %(address)s is being sent again.") % {"address": mail.recipient}, self.own_url)


class ExemptionNew(DeliveryView, FormView):
    """Ask to release items without review."""

    permission: ClassVar[str] = "payments.request_exemption"
    template_name: ClassVar[str] = "payments/exemption_request.html"
    form_class = ExemptionForm

    def act(self, form: ExemptionForm) -> HttpResponse:
        """Store the request."""
        exemption.request_exemption(self.mini_program, actor=self.actor, message=form.cleaned_data["message"])
        superapp = self.mini_program.superapp.name
        return self.done(_("The request was sent. %(superapp)s decides it.") % {"superapp": superapp}, self.own_url)


class ExemptionCancel(DeliveryView):
    """Take a request back."""

    permission: ClassVar[str] = "payments.request_exemption"

    def post(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """Answers 409 once it is decided."""
        row = ExemptionRequest.objects.filter(program=self.mini_program, pk=pk).first()
        if row is None:
            raise Invisible
        exemption.cancel(row, actor=self.actor)
        return self.done(_("The request was cancelled."), self.own_url)
