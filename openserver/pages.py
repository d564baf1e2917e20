"""Pages of the console that only this app can serve, because they call what openServer calls. Routes: openserver/desk_urls.py."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from console.models import MiniProgram, Superapp
from console.views.base import FormView
from openserver.actions import backend


class BackendTestForm(forms.Form):
    """With whose AppKey the test order is signed, and with which secret key."""

    program = forms.ModelChoiceField(
        label=_("Mini program"),
        queryset=MiniProgram.objects.none(),
        required=False,
        empty_label=_("None: a backend that verifies paySig refuses the order"),
        help_text=_("paySig of the test order is made with its sandbox AppKey."),
        error_messages={"invalid_choice": _("Choose one of the mini programs in the list.")},
    )
    with_new_key = forms.BooleanField(label=_("Sign with the new key that waits for the switch"), required=False)

    def __init__(self, *data: Any, superapp: Superapp) -> None:
        super().__init__(*data)
        rows = MiniProgram.objects.filter(superapp=superapp, credentials__state="active")
        choice: Any = self.fields["program"]
        choice.queryset = rows.order_by("name", "pk")
        choice.initial = choice.queryset.first()
        if not superapp.sealed_next_secret_key:
            del self.fields["with_new_key"]


class BackendTest(FormView):
    """Play create-prepay-order against the superapp's backend and show what came back."""

    permission: ClassVar[str] = "payments.edit_backend"
    fresh_factor: ClassVar[bool] = False  # nothing changes, and no key is shown
    template_name: ClassVar[str] = "openserver/backend_test.html"
    form_class: ClassVar[Any] = BackendTestForm
    superapp: Superapp

    def form_arguments(self) -> dict[str, Any]:
        """The superapp's mini programs."""
        return {"superapp": self.superapp}

    def act(self, form: BackendTestForm) -> HttpResponse:
        """The result stands on the page itself: it is not kept, and sending it again is harmless."""
        data = form.cleaned_data
        tested = backend.send_test(
            self.superapp, actor=self.actor, program=data["program"], with_new_key=data.get("with_new_key", False)
        )
        return self.render(form=form, tested=tested)
