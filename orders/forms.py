"""Forms of this app."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

NONE, CHOSEN, ALL = "none", "chosen", "all"


class RevokeForm(forms.Form):
    """Why an exemption ends, and what becomes of the items that were released under it. `number` is how many were shown."""

    use_required_attribute = False
    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The team reads it on the page and in the mail. At most 500 characters."),
        error_messages={"required": _("Enter a reason. The team reads it on the page and in the mail.")},
    )
    items = forms.ChoiceField(
        label=_("Items that were released without review"),
        widget=forms.RadioSelect,
        initial=NONE,
        required=False,
        choices=[],
        error_messages={"invalid_choice": _("Choose what becomes of the items.")},
    )
    number = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any = None, files: Any = None, *, number: int) -> None:
        super().__init__(data, files, initial={"number": number})
        choice: Any = self.fields["items"]
        every = ngettext("Take %(number)d item down too", "Take all %(number)d items down too", number) % {"number": number}
        choice.choices = [(NONE, _("Leave them on sale")), (CHOSEN, _("Take down those ticked below")), (ALL, every)]
        if not number:
            del self.fields["items"]
