"""What people choose before a check."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from items.importing.pictures import ZIP_BYTES
from items.models import Import

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Far above the limit of the check, which says how large the file is; only what would fill the disk is refused here.
UPLOAD_BYTES = 50 * 1024 * 1024


class UploadForm(forms.Form):
    """A workbook, what to do with it, and images beside it."""

    file = forms.FileField(
        label=_("Workbook"),
        help_text=_("An .xlsx file with at most 10,000 rows and 5 MB."),
        allow_empty_file=True,
        error_messages={"required": _("Choose the workbook (.xlsx).")},
        widget=forms.FileInput(attrs={"accept": f".xlsx,{XLSX}"}),
    )
    mode = forms.ChoiceField(
        label=_("What shall be imported?"),
        choices=Import.Mode.choices,
        initial=Import.Mode.ADD_AND_UPDATE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the two.")},
    )
    images = forms.FileField(
        label=_("Images"),
        required=False,
        allow_empty_file=True,
        help_text=_("A .zip with the images that the workbook names, at most 50 MB. You can also add images later, one by one."),
        widget=forms.FileInput(attrs={"accept": ".zip,application/zip"}),
    )

    def clean_file(self) -> Any:
        """The check reads it; here only what is absurd is refused."""
        upload = self.cleaned_data["file"]
        if upload.size > UPLOAD_BYTES:
            raise ValidationError(_("The file has more than 50 MB; the limit is 5 MB. Split the list."))
        return upload

    def clean_images(self) -> Any:
        """A zip, not too large."""
        upload = self.cleaned_data["images"]
        if not upload:
            return None
        if upload.size > ZIP_BYTES:
            raise ValidationError(_("The .zip has more than 50 MB. Make the images smaller, or split the list."))
        upload.seek(0)
        if not upload.read(4).startswith(b"PK"):
            raise ValidationError(_("This is no .zip file, whatever its name says. Put the images into a .zip and choose that."))
        upload.seek(0)
        return upload
