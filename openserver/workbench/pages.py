"""The signature workbench in the console. Routes: openserver/desk_urls.py."""

from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from console.errors import Invisible
from console.models import MiniProgram
from console.permissions import grants_of, require
from console.views.base import FormView
from openserver.workbench import subjects
from openserver.workbench.causes import NOTHING_FITS, in_words
from openserver.workbench.diagnosis import Diagnosis
from openserver.workbench.samples import SIGNATURES
from openserver.workbench.subjects import Subject
from openserver.workbench.variants import METHODS
from orders.models import Attempt, Environment, Order
from orders.payloads import GOODS_EVENT, REFUND_EVENT

TEXT_LIMIT = 16_384  # characters, as openServer's bodies
GAME, PROGRAM = METHODS


class CompareForm(forms.Form):
    """What somebody's code computed, for one of the signatures on the page."""

    use_required_attribute = False
    subject = forms.ChoiceField(label=_("Compare with"), widget=forms.RadioSelect)
    signature = forms.CharField(
        label=_("What your code computed"),
        max_length=512,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        error_messages={"required": _("Paste the signature that your code computed.")},
    )
    text = forms.CharField(
        label=_("The text that your code signed"),
        required=False,
        strip=False,
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_("If you can print it: then the place where it first differs is shown. It is compared and not stored."),
    )

    def __init__(self, *data: Any, subjects: list[Subject]) -> None:
        super().__init__(*data)
        field: Any = self.fields["subject"]
        field.choices = [(subject.name, subject.title) for subject in subjects]
        field.initial = subjects[0].name if subjects else None


class FreeForm(forms.Form):
    """A text that stands in no record yet, such as that of an order which was refused."""

    use_required_attribute = False
    kind = forms.ChoiceField(
        label=_("Signature"),
        choices=(
            (GAME, _("paySig of a mini game")),
            (PROGRAM, _("paySig of a mini program")),
            ("session", _("signature (user state)")),
            (GOODS_EVENT, _("PayEventSig of a paid order")),
            (REFUND_EVENT, _("PayEventSig of a refund")),
        ),
    )
    env = forms.TypedChoiceField(label=_("Environment"), choices=Environment.choices, coerce=int, initial=0)
    text = forms.CharField(
        label=_("signData or Payload, exactly as it was sent"),
        max_length=TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_("Without the method or event and its “&”. It is compared and not stored."),
        error_messages={"required": _("Paste the value of signData or Payload.")},
    )
    signature = forms.CharField(
        label=_("What your code computed"),
        max_length=512,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        error_messages={"required": _("Paste the signature that your code computed.")},
    )

    def clean_text(self) -> str:
        """Browsers send line breaks as CR LF."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")


class Workbench(FormView):
    """Compare what one's code computed with what is right. Nothing changes, and no key or new signature is shown."""

    permission: ClassVar[str] = "payments.view_delivery"
    template_name: ClassVar[str] = "openserver/workbench.html"
    form_class: ClassVar[Any] = FreeForm
    mini_program: MiniProgram

    def page(self) -> dict[str, Any]:
        """Whether the reader may see texts with a player's open id, and the ready-made code."""
        return {"sees_text": self.sees_text, "samples": SIGNATURES}

    @property
    def needed(self) -> tuple[str, ...]:
        """All that the reader has to hold."""
        return (self.permission,)

    def check_permission(self) -> None:
        """Each of them. Raises Invisible or Forbidden."""
        super().check_permission()
        for permission in self.needed:
            require(self.actor, permission, self.mini_program)

    @property
    def sees_text(self) -> bool:
        """Texts hold the player's open id; they are for those who hold all of that in the team."""
        grants = grants_of(self.actor)
        return all(self.mini_program.team_id in grants.containers(permission)[0] for permission in self.needed)

    def act(self, form: FreeForm) -> HttpResponse:
        """Compare with the text that was pasted."""
        data = form.cleaned_data
        return self.compared(form, self.subject_of(data), data["signature"])

    def subject_of(self, data: dict[str, Any]) -> Subject:
        """What the pasted text is."""
        kind, program, text, env = data["kind"], self.mini_program, data["text"], data["env"]
        if kind == "session":
            return subjects.session_signature(program, text, env=env)
        if kind in METHODS:
            return subjects.pay_sig(program, kind, text, env=env)
        return subjects.pay_event_sig(program, kind, text, env=env)

    def compared(self, form: forms.Form, subject: Subject, signature: str, text: str = "") -> HttpResponse:
        """The page with what was found on top."""
        found = subject.diagnose(signature, text)
        shown: dict[str, Any] = {"compared": subject, "diagnosis": found, "causes": said(found)}
        return self.render(form=form, **(self.page() | shown))


class RecordWorkbench(Workbench):
    """Base of the pages about what was signed for one row."""

    form_class: ClassVar[Any] = CompareForm

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Subjects are read once a request."""
        super().setup(*args, **kwargs)
        self.read: list[Subject] | None = None

    @property
    def found(self) -> list[Subject]:
        """The signatures of the row."""
        if self.read is None:
            self.read = self.subjects()
        return self.read

    def subjects(self) -> list[Subject]:
        """Read them. Raises Invisible."""
        raise NotImplementedError

    def form_arguments(self) -> dict[str, Any]:
        """The signatures to choose from."""
        return {"subjects": self.found}

    def page(self) -> dict[str, Any]:
        """What was signed."""
        return {**super().page(), "subjects": self.found, **self.record()}

    def record(self) -> dict[str, Any]:
        """The row that the page is about."""
        raise NotImplementedError

    def act(self, form: Any) -> HttpResponse:
        """Compare with one of the signatures of the row."""
        data = form.cleaned_data
        subject = next(subject for subject in self.found if subject.name == data["subject"])
        return self.compared(form, subject, data["signature"], data["text"])

    def row_of(self, rows: Any) -> Any:
        """The row that the URL names. Raises Invisible."""
        pk = self.kwargs["pk"]
        row = rows.filter(pk=pk).first() if pk < 2**63 else None
        if row is None:
            raise Invisible
        return row


class OrderWorkbench(RecordWorkbench):
    """What the developer signed to place an order; for those who may view the order."""

    @property
    def needed(self) -> tuple[str, ...]:
        """What is signed is the order."""
        return (*super().needed, "orders.view_order")

    @cached_property
    def order(self) -> Order:
        """The order that the URL names. Raises Invisible."""
        found: Order = self.row_of(Order.objects.filter(mini_program=self.mini_program).select_related("mini_program"))
        return found

    def subjects(self) -> list[Subject]:
        """paySig and the user-state signature."""
        return subjects.subjects_of_order(self.order)

    def record(self) -> dict[str, Any]:
        """The order."""
        return {"order": self.order}


class AttemptWorkbench(RecordWorkbench):
    """What was signed for one push to the developer; for those who may view what it tells."""

    @property
    def needed(self) -> tuple[str, ...]:
        """What is signed is the order or the refund that is told of."""
        return (*super().needed, *self.attempt.delivery.needed_to_read)

    @cached_property
    def attempt(self) -> Attempt:
        """The attempt that the URL names. Raises Invisible."""
        rows = Attempt.objects.filter(delivery__mini_program=self.mini_program)
        found: Attempt = self.row_of(rows.select_related("delivery__mini_program", "delivery__order"))
        return found

    def subjects(self) -> list[Subject]:
        """PayEventSig and webhook-signature."""
        return subjects.subjects_of_attempt(self.attempt)

    def record(self) -> dict[str, Any]:
        """The attempt, and its order if it is not a test push."""
        return {"attempt": self.attempt, "order": self.attempt.delivery.order}


def said(found: Diagnosis) -> list[Any]:
    """The causes in words; one that says so when nothing explains it."""
    return in_words(found.causes) if found.fits or found.causes else [NOTHING_FITS]
