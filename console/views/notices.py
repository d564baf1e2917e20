"""The reader's news, and how they want to hear of it."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console import notices
from console.errors import Invisible
from console.filters import id_in
from console.matrix import SIGNED_IN
from console.models import Notice, NoticeChoice
from console.views.base import ConsoleView, FormView

SHOWN = 100


class NoticeList(ConsoleView):
    """The newest hundred; reading the page marks nothing."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "console/notices.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Newest first."""
        rows = list(Notice.objects.filter(user=self.actor).order_by("-id")[:SHOWN])
        return self.render(notices=rows, unread=any(row.read_at is None for row in rows), shown=SHOWN)


class NoticeRead(ConsoleView):
    """Mark one (`notice` in the form) or all as read; one of them is then opened."""

    permission: ClassVar[str] = SIGNED_IN

    def post(self, request: HttpRequest) -> HttpResponse:
        """Somebody else's number is not there. Raises Invisible."""
        number = request.POST.get("notice", "")
        if not number:
            notices.mark_read(self.actor)
            return self.done(_("All news is marked as read."), reverse("notices"))
        row = Notice.objects.filter(user=self.actor, pk=id_in(number)).first()
        if row is None:
            raise Invisible
        notices.mark_read(self.actor, row.pk)
        return self.done(_("Marked as read."), reverse("notices"))


class NoticeForm(forms.Form):
    """A way for each kind of news."""

    use_required_attribute = False

    def __init__(self, data: Any = None, files: Any = None, *, initial: dict[str, str]) -> None:
        super().__init__(data, files, initial=initial)
        wrong = {"invalid_choice": _("Choose one of the ways offered."), "required": _("Choose one of the ways offered.")}
        for kind in Notice.Kind:
            self.fields[kind.value] = forms.ChoiceField(label=kind.label, choices=NoticeChoice.Way.choices, error_messages=wrong)


class NoticePreferences(FormView):
    """How the reader wants to hear of each kind of news."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "console/notice_preferences.html"
    form_class: ClassVar[type[forms.BaseForm]] = NoticeForm

    def form_arguments(self) -> dict[str, Any]:
        """What is stored, else what is usual."""
        usual = {kind.value: way.value for kind, way in notices.USUAL.items()}
        return {"initial": usual | dict(NoticeChoice.objects.filter(user=self.actor).values_list("kind", "way"))}

    def act(self, form: Any) -> HttpResponse:
        """Keep the choices."""
        notices.choose(self.actor, form.cleaned_data)
        return self.done(_("Saved. It counts from the next news on."), reverse("notices"))
