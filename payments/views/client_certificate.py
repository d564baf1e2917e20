"""The pages that store and remove the client certificate of pushes."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _

from console.views.base import FormView
from payments.actions import client_certificate
from payments.credential_forms import ClientCertificateForm
from payments.forms import PlainForm
from payments.models import ClientCertificate
from payments.views.delivery import DeliveryView


class ClientCertificateUpload(DeliveryView, FormView):
    """Store one, or replace it."""

    permission: ClassVar[str] = client_certificate.MANAGE
    fresh_factor: ClassVar[bool] = True
    template_name: ClassVar[str] = "payments/client_certificate.html"
    form_class: ClassVar[Any] = ClientCertificateForm

    def page(self) -> dict[str, Any]:
        """The one that is used now."""
        return {"row": ClientCertificate.objects.filter(mini_program=self.mini_program).first()}

    def act(self, form: ClientCertificateForm) -> HttpResponse:
        """Pushes show it from the next one on."""
        client_certificate.upload(self.mini_program, actor=self.actor, **form.cleaned_data)
        return self.done(
            _("The client certificate is stored. Send a test push to see whether your backend accepts it."), self.own_url
        )


class ClientCertificateRemove(ClientCertificateUpload):
    """Push without one."""

    template_name: ClassVar[str] = "payments/client_certificate_remove.html"
    form_class: ClassVar[Any] = PlainForm

    def act(self, form: PlainForm) -> HttpResponse:
        """Answers 409 when there is none."""
        client_certificate.remove(self.mini_program, actor=self.actor)
        return self.done(_("Pushes show no client certificate any more."), self.own_url)
