"""Forms about certificates and keys: who makes the private key, and how long the old one is accepted."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from payments.forms import DeliveryForm, PlainForm

REQUEST_LIMIT = 16_384  # bytes; a request with a key of 8192 bits has some 3,000


class RequestForm(PlainForm):
    """A certificate request, as a file or as text; without one the platform makes the private key and mails it."""

    request = forms.CharField(
        label=_("Certificate request (CSR)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "Only if you made the private key yourself: paste the request in PEM, or choose its file below. Then no private key "
            "is mailed, and no passphrase is shown. RSA of 2048 bits or more; names in the request are not used."
        ),
    )
    request_file = forms.FileField(label=_("File of the certificate request"), required=False, allow_empty_file=True)

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for two requests, or for a file that is none."""
        data = super().clean() or self.cleaned_data
        file, text = data.get("request_file"), data.get("request", "").strip()
        if file and text:
            self.add_error("request_file", _now("Paste the request or choose its file, not both."))
        elif file:
            data["request"] = self._read(file)
        elif len(text) > REQUEST_LIMIT:
            self.add_error("request", _now("This is too long for a certificate request. Paste the request alone."))
        return data

    def _read(self, file: Any) -> str:
        text = file.read(REQUEST_LIMIT + 1).decode("ascii", "replace").strip()
        if not text or len(text) > REQUEST_LIMIT:
            sentence = _now("The file is empty or too long for a certificate request. Choose the request in PEM.")
            self.add_error("request_file", sentence)
        return text


class KeyInput(forms.Textarea):
    """A private key is not sent back to the browser, not even in a form that has to be corrected."""

    def format_value(self, value: Any) -> str:
        return ""


class ClientCertificateForm(PlainForm):
    """The certificate that pushes show, and its private key; both in PEM."""

    certificate = forms.CharField(
        label=_("Certificate"),
        max_length=65_536,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_("In PEM, your own first, then the certificates that issued it, if your backend needs them."),
        error_messages={"required": _("Paste the certificate.")},
    )
    key = forms.CharField(
        label=_("Private key"),
        max_length=32_768,
        widget=KeyInput(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_("In PEM, without a passphrase. It is stored encrypted and never shown again."),
        error_messages={"required": _("Paste the private key.")},
    )


class FirstDeliveryForm(RequestForm, DeliveryForm):
    """The first save issues the credential, so it may bring a request."""

    field_order = ("url", "test_url", "request", "request_file")


class RotationForm(RequestForm):
    """How long both credentials are accepted."""

    overlap = forms.TypedChoiceField(
        label=_("Overlap"),
        coerce=int,
        initial=1,
        help_text=_("So long the old key is accepted too, and webhook-signature of every push holds the signatures of both."),
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose an overlap of 0 to 7 days.")),
        choices=(
            (0, _("None: the old one ends at once")),
            (1, _("24 hours")),
            (2, _("2 days")),
            (3, _("3 days")),
            (4, _("4 days")),
            (5, _("5 days")),
            (6, _("6 days")),
            (7, _("7 days")),
        ),
    )
    field_order = ("overlap", "request", "request_file")

    def length(self) -> timedelta:
        """The overlap that was chosen."""
        return timedelta(days=self.cleaned_data["overlap"])
