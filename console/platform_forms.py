"""Forms of the platform's pages and of the pages behind mailed links. The rules stand in the actions."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.models import MiniProgram, Superapp

EMAIL_ERRORS = {
    "required": _("Enter an e-mail address."),
    "invalid": _("This is no e-mail address. Enter one such as name@company.example."),
}
NAME_ERRORS = {"required": _("Enter a name of 1 to 100 visible characters.")}
LINKED_HINT = _("Certificates, keys and alerts of the team are sent here. Its reader confirms it by the link in a mail.")


class PlainForm(forms.Form):
    """Base: the browser's own checks do not replace our sentences."""

    use_required_attribute = False


class NameForm(PlainForm):
    name = forms.CharField(label=_("Name"), error_messages=NAME_ERRORS)


class TeamForm(NameForm):
    field_order = ("superapp", "name", "linked_email")
    superapp = forms.ModelChoiceField(
        queryset=Superapp.objects.order_by("name"),
        to_field_name="code",
        empty_label=_("Choose a superapp"),
        label=_("Superapp"),
        help_text=_("It stays: everything the team owns belongs to it."),
        error_messages={"required": _("Choose a superapp."), "invalid_choice": _("Choose one of the superapps in the list.")},
    )
    linked_email = forms.EmailField(label=_("Linked e-mail"), help_text=LINKED_HINT, error_messages=EMAIL_ERRORS)


class LinkedEmailForm(PlainForm):
    linked_email = forms.EmailField(label=_("New linked e-mail"), help_text=LINKED_HINT, error_messages=EMAIL_ERRORS)


class MiniProgramForm(NameForm):
    field_order = ("name", "kind", "app_id")
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=MiniProgram.Kind.choices,
        widget=forms.RadioSelect,
        help_text=_("It decides how orders are signed, and stays."),
        error_messages={"required": _("Choose mini program or mini game.")},
    )
    app_id = forms.CharField(
        label=_("App id"),
        required=False,
        help_text=_("4 to 32 letters, digits, “_” or “-”. Leave it empty to get one. It stays."),
    )


class PersonForm(PlainForm):
    """Somebody by e-mail address; the name is a suggestion that the invited can change."""

    email = forms.EmailField(label=_("E-mail address"), error_messages=EMAIL_ERRORS)
    name = forms.CharField(label=_("Name"), required=False, help_text=_("The invited can change it."))


class InviteForm(PersonForm):
    """`may_appoint`: whether the reader may also make platform admins."""

    platform_admin = forms.BooleanField(label=_("Make this person a platform admin"), required=False)

    def __init__(self, *data: Any, may_appoint: bool, **options: Any) -> None:
        super().__init__(*data, **options)
        if not may_appoint:
            del self.fields["platform_admin"]


class AcceptForm(PlainForm):
    """What the invited enters."""

    name = forms.CharField(
        label=_("Your name"), error_messages=NAME_ERRORS, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password1 = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 12 characters, and none of the common passwords."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Choose a password.")},
    )
    password2 = forms.CharField(
        label=_("Password once more"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _("Enter the password once more.")},
    )

    def clean(self) -> dict[str, Any]:
        """Both passwords have to be the same."""
        data = super().clean() or self.cleaned_data
        if data.get("password1") and data.get("password2") and data["password1"] != data["password2"]:
            self.add_error("password2", _("This is not the same password. Enter it once more."))
        return data
