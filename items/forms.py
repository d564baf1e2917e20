"""Forms of items. What a field may hold stands in items.rules; these carry it to the page."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.models import MiniProgram
from console.money import exponent, to_major
from items import rules
from items.actions.item import Image, why_taken
from items.images import MAX_SIDE, Picture, read_picture
from items.models import Item
from payments.models import REASON_LIMIT


class Typed(forms.Field):
    """Text exactly as it was typed: the rules say what is wrong with it, also with a NUL or a space at its end."""

    default_error_messages = {"required": gettext_lazy("There is nothing here yet.")}

    def to_python(self, value: Any) -> str:
        return value or ""


class ItemForm(forms.Form):
    """The content of an item; the id is asked for only when the item is new."""

    product_id = Typed(label=gettext_lazy("Item ID"), required=False)
    name = Typed(label=gettext_lazy("Name"), required=False)
    price = Typed(required=False)
    image = forms.FileField(
        label=gettext_lazy("Image"),
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
    )
    remove_image = forms.BooleanField(label=gettext_lazy("Remove the image"), required=False)
    description = Typed(label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 4}))
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, files: Any = None, *, program: MiniProgram, currency: str, item: Item | None = None
    ) -> None:
        self.program, self.currency, self.item = program, currency, item
        super().__init__(data, files, initial=self._stored(item) if item else None)
        if item is None:
            del self.fields["version"]
        else:
            del self.fields["product_id"]
        if item is None or item.image_id is None:
            del self.fields["remove_image"]
        self._explain()

    def _stored(self, item: Item) -> dict[str, Any]:
        # A price in another currency is no suggestion for this one.
        same = item.currency == self.currency
        price = f"{to_major(item.price, item.currency):f}" if same else ""
        return {"name": item.name, "price": price, "description": item.description, "version": item.version}

    def _explain(self) -> None:
        attributes = {"autocomplete": "off", "required": True}
        self.fields["name"].widget.attrs |= attributes | {"maxlength": rules.NAME_LIMIT}
        self.fields["price"].widget.attrs |= attributes | {"inputmode": "decimal", "maxlength": 40}
        self.fields["price"].label = _("Price in %(currency)s") % {"currency": self.currency}
        self.fields["name"].help_text = _("1 to 64 characters. Players read it when they buy.")
        self.fields["price"].help_text = price_hint(self.currency)
        self.fields["image"].help_text = image_hint(self)
        self.fields["description"].help_text = _("At most 1,024 characters.")
        if "product_id" in self.fields:
            self.fields["product_id"].widget.attrs |= attributes | {"spellcheck": "false", "class": "mono"}
            self.fields["product_id"].help_text = _(
                "1 to 64 letters, digits, hyphens and underscores; capitals count. It never changes and is never used again."
            )

    def clean_product_id(self) -> str:
        """The id by the rules, and free."""
        product_id = rules.clean_product_id(self.cleaned_data["product_id"])
        if taken := why_taken(self.program, product_id):
            raise ValidationError(taken)
        return product_id

    def clean_name(self) -> str:
        """The name by the rules."""
        return rules.clean_name(self.cleaned_data["name"])

    def clean_price(self) -> int:
        """Minor units of the settlement currency."""
        return rules.clean_price(self.cleaned_data["price"], self.currency)

    def clean_description(self) -> str:
        """The description by the rules."""
        return rules.clean_description(self.cleaned_data["description"])

    def clean_image(self) -> Picture | None:
        """The picture, encoded again."""
        upload = self.cleaned_data["image"]
        return read_picture(upload) if upload else None

    def content(self) -> dict[str, Any]:
        """What the actions take, once the form is valid."""
        return {"currency": self.currency} | {field: self.cleaned_data[field] for field in ("name", "price", "description")}

    def picture(self) -> Picture | Image:
        """What an edit does with the image."""
        if self.cleaned_data["image"]:
            return self.cleaned_data["image"]
        return Image.REMOVE if self.cleaned_data.get("remove_image") else Image.KEEP


def price_hint(currency: str) -> str:
    """What to type for a price in this currency."""
    values = {"example": f"{to_major(990 * 10 ** max(exponent(currency) - 2, 0), currency):f}", "currency": currency}
    if exponent(currency) == 0:
        return _("Such as %(example)s. %(currency)s has no decimals. It is your merchant's settlement currency.") % values
    return _("Such as %(example)s. %(currency)s is your merchant's settlement currency.") % values


def image_hint(form: ItemForm) -> str:
    """What image is accepted; after a refused form, that it has to be chosen again."""
    hint = _("JPEG or PNG, at most 2 MB and %(side)d pixels a side.") % {"side": MAX_SIDE}
    if form.is_bound and form.files.get("image"):
        return _("Choose the image again: a browser does not keep it when a form comes back.") + " " + hint
    return hint


class ReasonForm(forms.Form):
    """A reason, for taking an item down."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The team reads it on the item's page and in the mail. At most 500 characters."),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Enter a reason. The team reads it on the page and in the mail.")},
    )


class MessageForm(forms.Form):
    """A message to the reviewer, optional."""

    message = forms.CharField(
        label=gettext_lazy("Message to the reviewer"),
        required=False,
        max_length=REASON_LIMIT,
        help_text=gettext_lazy("At most 500 characters."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class EmptyForm(forms.Form):
    """A confirmation: nothing to fill in."""
