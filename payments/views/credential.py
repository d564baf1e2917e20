"""Rotate, issue, retire and revoke credentials; the pages that ask before."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.translation import gettext as _

from console.errors import Invisible
from console.views.base import FormView
from payments.actions import rotation
from payments.credential_forms import RequestForm, RotationForm
from payments.forms import PlainForm
from payments.models import Credential
from payments.views.delivery import DeliveryView


class CredentialForm(DeliveryView, FormView):
    """Base of the pages; those about one credential name it in the URL."""

    permission: ClassVar[str] = rotation.MANAGE
    fresh_factor: ClassVar[bool] = True
    form_class: ClassVar[Any] = PlainForm

    def found(self) -> Credential:
        """The credential of the URL."""
        rows = Credential.objects.filter(mini_program=self.mini_program, pk=self.kwargs["pk"])
        row = rows.select_related("mini_program__team").first()
        if row is None:
            raise Invisible
        return row

    def page(self) -> dict[str, Any]:
        """The credential, and what else is accepted beside it."""
        row = self.found()
        states = [Credential.State.ACTIVE, Credential.State.OVERLAPPING]
        others = Credential.objects.filter(mini_program=self.mini_program, state__in=states).exclude(pk=row.pk)
        return {"row": row, "others": list(others.order_by("state", "-issued_at")), "linked_email": self.linked_email}

    @property
    def linked_email(self) -> str:
        """Where a new credential is mailed to."""
        return self.mini_program.team.linked_email


class CredentialRotate(CredentialForm):
    """Replace the active credential."""

    template_name: ClassVar[str] = "payments/credential_rotate.html"
    form_class: ClassVar[Any] = RotationForm

    def act(self, form: RotationForm) -> HttpResponse:
        """Answers 409 when it is not active any more, or an earlier one overlaps."""
        renewed = rotation.rotate(
            self.found(), actor=self.actor, overlap=form.length(), request_pem=form.cleaned_data["request"]
        )
        self.hand_over(*renewed)
        return self.done(_("A new credential was issued and is mailed. Install it before the overlap ends."), self.own_url)


class CredentialIssue(CredentialForm):
    """Issue a credential where none is active."""

    template_name: ClassVar[str] = "payments/credential_issue.html"
    form_class: ClassVar[Any] = RequestForm

    def page(self) -> dict[str, Any]:
        """Where it goes to."""
        return {"linked_email": self.linked_email}

    def act(self, form: RequestForm) -> HttpResponse:
        """Answers 409 while one is active."""
        renewed = rotation.issue_anew(self.mini_program, actor=self.actor, request_pem=form.cleaned_data["request"])
        self.hand_over(*renewed)
        return self.done(_("A credential was issued and is mailed."), self.own_url)


class CredentialRetire(CredentialForm):
    """End an overlap early."""

    template_name: ClassVar[str] = "payments/credential_retire.html"

    def act(self, form: PlainForm) -> HttpResponse:
        """Answers 409 when it does not overlap any more."""
        row = rotation.retire_now(self.found(), actor=self.actor)
        return self.done(_("%(serial)s was retired.") % {"serial": row.serial_no}, self.own_url)


class CredentialRevoke(CredentialForm):
    """Accept a credential nowhere, at once."""

    template_name: ClassVar[str] = "payments/credential_revoke.html"

    def act(self, form: PlainForm) -> HttpResponse:
        """Answers 409 when it was revoked before."""
        row = rotation.revoke(self.found(), actor=self.actor)
        return self.done(_("%(serial)s was revoked. It is accepted nowhere any more.") % {"serial": row.serial_no}, self.own_url)
