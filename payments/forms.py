"""Forms of this app. Rules that hold for everybody stand in the actions; here is what a page alone can say."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from babel.numbers import get_currency_name
from django import forms
from django.utils.functional import Promise
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from console.http import DestinationRefused, check_resolved_sync
from console.models import Superapp
from console.money import MoneyError, currencies, parse_price
from console.sentences import joined
from payments.actions.exemption import Limits
from payments.models import REASON_LIMIT, Merchant, Request


class PlainForm(forms.Form):
    """The server's sentences are better than the browser's, so the browser does not check."""

    use_required_attribute = False


class MessageForm(PlainForm):
    """What the approver should know; its rules stand in payments.texts."""

    message = forms.CharField(
        label=_("Message to the approver"),
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("1 to 500 characters: what is sold, to whom, and since when."),
        error_messages={"required": _("Enter a message of 1 to 500 characters that says what the approver should know.")},
    )


class ExemptionForm(MessageForm):
    """The message and the promise that goes with an exemption."""

    complies = forms.BooleanField(
        label=_("The items comply with the operating rules of the superapp."),
        error_messages={"required": _("Confirm that the items comply with the rules; an exemption rests on it.")},
    )


class MerchantForm(PlainForm):
    """Which merchant the team wants to be paid through."""

    merchant = forms.ModelChoiceField(
        label=_("Merchant"),
        queryset=Merchant.objects.none(),
        empty_label=_("Choose a merchant"),
        required=False,
        help_text=_("Items are priced and orders are settled in its currency."),
        error_messages={"invalid_choice": _("This is none of the superapp's merchants. Choose one in the list.")},
    )
    merchant_id = forms.CharField(
        label=_("Or type the merchant id"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Instead of choosing in the list: the id by which the payment channel knows the merchant."),
    )
    message = forms.CharField(
        label=_("Message to the approver"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("At most 500 characters."),
    )

    def __init__(self, *data: Any, superapp: Superapp) -> None:
        super().__init__(*data)
        choice: Any = self.fields["merchant"]
        choice.queryset = Merchant.objects.filter(superapp=superapp).order_by("name", "pk")
        choice.label_from_instance = lambda row: f"{row.name} · {row.merchant_id} · {row.currency}"

    def clean(self) -> dict[str, Any]:
        """Leaves in `merchant` the one that was chosen or typed; both may be given when they are the same."""
        data = super().clean() or self.cleaned_data
        chosen, typed = data.get("merchant"), data.get("merchant_id")
        if typed:
            choice: Any = self.fields["merchant"]
            data["merchant"] = choice.queryset.filter(merchant_id=typed).first()
            if data["merchant"] is None:
                self.add_error("merchant_id", _("The superapp has no merchant with this id. Correct it, or choose in the list."))
            elif chosen and chosen != data["merchant"]:
                self.add_error("merchant_id", _("The list and this id name two merchants. Clear one of them."))
        elif not chosen and "merchant" not in self.errors:
            self.add_error("merchant", _("Choose a merchant or type its id."))
        return data


class DeliveryForm(PlainForm):
    """Where pushes go. A name is looked up here, outside of any transaction; each send looks it up again."""

    url = forms.CharField(
        label=_("URL"),
        max_length=10_000,  # the rule of 2,048 characters says it better
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Receives the pushes of live orders. http:// on port 80 or https:// on port 443."),
        error_messages={"required": _("Enter the address that receives the pushes. It begins with https:// or http://.")},
    )
    test_url = forms.CharField(
        label=_("Test URL"),
        max_length=10_000,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Receives sandbox orders and test pushes. Without it, test pushes go to the URL."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, required=False)

    def clean_url(self) -> str:
        """Raises ValidationError for a destination that may not be called."""
        return reachable(self.cleaned_data["url"])

    def clean_test_url(self) -> str:
        """As `clean_url`; may be empty."""
        url = self.cleaned_data["test_url"]
        return reachable(url) if url else ""


def reachable(url: str) -> str:
    """The URL, if its form is allowed and its name resolves to public addresses only. Raises ValidationError."""
    try:
        check_resolved_sync(url)
    except DestinationRefused as refused:
        raise forms.ValidationError(refused.sentence) from None
    return url


class Usual(NamedTuple):
    """A reason that approvers give often: the field it is about ("" for none), and the text in the approver's language."""

    part: str
    text: str | Promise


REASONS = (
    Usual("message", _("The message does not say what is sold. Describe the items and their use.")),
    Usual("message", _("Documents or contracts are missing. Ask your contact at the superapp which, and name them here.")),
    Usual("merchant", _("The merchant does not fit the company behind the team.")),
    Usual("", _("The content breaks the operating rules of the superapp.")),
)


class DecisionForm(PlainForm):
    """Approve: a note is optional. `shown` is the hash of the content that was on the page."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(label=_("Note to the requester"), required=False, widget=forms.Textarea(attrs={"rows": 2}))


class ExemptionDecisionForm(DecisionForm):
    """Approve an exemption, within limits if any. Without `currency` there is nothing to name a price in."""

    price_ceiling = forms.CharField(required=False, max_length=40, help_text=_("Dearer items are reviewed. Empty for no limit."))
    items_per_day = forms.IntegerField(
        label=_("Items a day"),
        required=False,
        help_text=_("Further items of the same day (UTC) are reviewed. Empty for no limit."),
        error_messages={"invalid": _("Enter a whole number, or leave it empty for no limit.")},
    )
    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("The exemption ends with this day (UTC). Empty for no end."),
        error_messages={"invalid": _("This is not a day of the calendar. Enter one such as 2026-12-31, or leave it empty.")},
    )

    def __init__(self, *data: Any, currency: str, **options: Any) -> None:
        super().__init__(*data, **options)
        self.currency = currency
        self.fields["price_ceiling"].label = _("Price at most, in %(currency)s") % {"currency": currency}
        if not currency:
            del self.fields["price_ceiling"]

    def clean_price_ceiling(self) -> int | None:
        """Minor units of the currency."""
        text = self.cleaned_data["price_ceiling"].strip()
        try:
            return parse_price(text, self.currency) if text else None
        except MoneyError as error:
            raise forms.ValidationError(str(error)) from None

    def limits(self) -> Limits:
        """What the action takes, once the form is valid."""
        data = self.cleaned_data
        ceiling = data.get("price_ceiling")
        return Limits(ceiling, self.currency if ceiling else "", data["items_per_day"], data["last_day"])


class ReasonForm(PlainForm):
    """A reason is needed: one of the usual ones, own words, or both."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)
    usual = forms.TypedChoiceField(
        label=_("Usual reasons"), required=False, coerce=int, empty_value=None, widget=forms.RadioSelect, choices=[]
    )
    reason = forms.CharField(
        label=_("Reason in your own words"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Added to the usual reason, if you chose one. The requester reads it on the page and in the mail."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual: Any = self.fields["usual"]
        usual.choices = [(number, labelled(reason)) for number, reason in enumerate(REASONS)]

    def text(self) -> str:
        """The reason that is stored and sent."""
        chosen = self.cleaned_data["usual"]
        parts = ["" if chosen is None else str(REASONS[chosen].text), self.cleaned_data["reason"].strip()]
        return joined(parts)

    def part(self) -> str:
        """The field that the usual reason is about, "" for none."""
        chosen = self.cleaned_data["usual"]
        return "" if chosen is None else REASONS[chosen].part


def labelled(reason: Usual) -> str:
    """A usual reason behind the name of its field."""
    words = {"part": dict(Request.Part.choices).get(reason.part, ""), "reason": reason.text}
    return _("%(part)s: %(reason)s") % words if reason.part else str(reason.text)


class ManyForm(PlainForm):
    """An optional note with the approval of many requests."""

    reason = forms.CharField(
        label=_("Note to the requesters"),
        required=False,
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("They read it on the page and in the mail."),
    )


class EndForm(PlainForm):
    """The reason for ending what was approved."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The requester reads it on the page and in the mail."),
        error_messages={"required": _("Enter a reason. The requester reads it on the page and in the mail.")},
    )


class CurrencyForm(PlainForm):
    """A currency to offer, out of the ISO 4217 list."""

    currency = forms.ChoiceField(
        label=_("Add a currency"),
        error_messages={
            "required": _("Choose the currency to add."),
            "invalid_choice": _("This is no currency in use. Choose one in the list."),
        },
    )

    def __init__(self, *data: Any, superapp: Superapp) -> None:
        super().__init__(*data)
        choice: Any = self.fields["currency"]
        choice.choices = [("", _("Choose a currency")), *named(code for code in currencies() if code not in superapp.currencies)]


def named(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Choices of currencies by code with their names in the reader's language."""
    locale = to_locale(get_language() or "en")
    return [(code, f"{code} · {get_currency_name(code, locale=locale)}") for code in codes]


class KnowingForm(PlainForm):
    """The tick that says that what stops was read; the action says when it is needed."""

    knowing = forms.BooleanField(label=_("I have read what stops, and it is meant."), required=False)


class MerchantAccountForm(PlainForm):
    """A merchant account; its rules stand in payments.actions.merchant_account."""

    merchant_id = forms.CharField(
        label=_("Merchant id"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("As the payment channel names it. It stays once a team asked for the merchant."),
        error_messages={"required": _("Enter the id by which the payment channel knows the merchant.")},
    )
    name = forms.CharField(
        label=_("Name"),
        help_text=_("Teams choose the merchant by it."),
        error_messages={"required": _("Enter the name by which teams recognise the merchant.")},
    )
    currency = forms.ChoiceField(
        label=_("Settlement currency"),
        help_text=_("Items of a team that is paid through it are priced in it."),
        error_messages={
            "required": _("Choose the currency in which the merchant settles."),
            "invalid_choice": _("This currency is not offered. Choose one in the list."),
        },
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *data: Any, superapp: Superapp, merchant: Merchant | None = None, **options: Any) -> None:
        super().__init__(*data, **options)
        codes = list(superapp.currencies)
        if merchant and merchant.currency not in codes:
            codes.append(merchant.currency)
        choice: Any = self.fields["currency"]
        choice.choices = [("", _("Choose a currency")), *named(codes)]


class BackendForm(PlainForm):
    """Where openServer calls the superapp. The name is looked up here, outside of any transaction, and again at every call."""

    address = forms.CharField(
        label=_("Address"),
        max_length=10_000,  # the rule of 2,048 characters says it better
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Paths such as /create-prepay-order are added to it. http:// on port 80 or https:// on port 443."),
        error_messages={"required": _("Enter the address of the backend. It begins with https:// or http://.")},
    )
    tc_compatible = forms.BooleanField(
        label=_("Send the TC-* headers too"),
        required=False,
        help_text=_("For backends that verify TC-Timestamp, TC-Signature and TC-MerchantId. The SAS-* headers are always sent."),
    )
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_address(self) -> str:
        """Raises ValidationError for a destination that may not be called."""
        return reachable(self.cleaned_data["address"])


class SwitchKeyForm(PlainForm):
    """How long the old key is accepted."""

    overlap_hours = forms.IntegerField(
        label=_("Hours for which the old key is still accepted"),
        initial=24,
        min_value=0,
        max_value=168,
        help_text=_("0 to 168. 0 ends the old key at once: do that when somebody else has it."),
        error_messages={
            "required": _("Enter 0 to 168 hours (seven days)."),
            "invalid": _("Enter a whole number of hours, 0 to 168."),
            "min_value": _("Enter 0 to 168 hours (seven days)."),
            "max_value": _("Enter 0 to 168 hours (seven days)."),
        },
    )
