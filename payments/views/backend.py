"""The superapp's backend: address, compatibility, secret key."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console import secrets
from console.models import AuditEntry, Superapp
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView
from payments.actions import backend as actions
from payments.forms import BackendForm, PlainForm, SwitchKeyForm

SESSION_KEY = "superapp_key"


class BackendView(ConsoleView):
    """Base of these pages."""

    permission: ClassVar[str] = actions.EDIT
    fresh_factor: ClassVar[bool] = True
    superapp: Superapp

    @property
    def own_url(self) -> str:
        """The page itself."""
        return reverse("payments:backend", kwargs={"superapp": self.superapp.code})

    @property
    def key_place(self) -> str:
        """What a new key in the session is bound to."""
        return f"session:superapp:{self.superapp.code}:secret_key"


class Backend(BackendView):
    """Where the superapp is called, and the keys by fingerprint; a key just made is shown this once."""

    permission: ClassVar[str] = "payments.view_backend"
    fresh_factor: ClassVar[bool] = False
    template_name: ClassVar[str] = "payments/backend.html"

    def get(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """Who made each key, and when, stands in the audit trail."""
        allowed = can(self.actor, actions.EDIT, self.superapp)
        return self.render(
            keys=self.keys(),
            new_key=self.key_once() if allowed else "",
            may_edit=allowed,
            resting=self.resting(),
        )

    def resting(self) -> dict[str, list[Any]]:
        """What the reader cannot do here, with who can or what comes first."""
        row, test = self.superapp, _("Test the connection")
        key = _("Replace the key") if row.sealed_secret_key else _("Make a key")
        first = _("Configure the address first.") if not row.backend_url else _("Make a key first.")
        why_not = "" if row.backend_url and row.sealed_secret_key else first
        return resting(self.actor, row, {actions.EDIT: [test, _("Configure"), key]}, not_now={test: why_not})

    def keys(self) -> list[dict[str, Any]]:
        """The keys that are accepted, with what each is for."""
        row = self.superapp
        previous = row.sealed_previous_secret_key if row.overlaps else ""
        found = [
            ("current", _("In use"), row.sealed_secret_key),
            ("next", _("New, waits for the switch"), row.sealed_next_secret_key),
            ("previous", _("Previous, still accepted"), previous),
        ]
        marks = [(name, label, actions.fingerprint(row, sealed)) for name, label, sealed in found if sealed]
        made = self.made()
        return [{"name": name, "label": label, "fingerprint": mark, "entry": made.get(mark)} for name, label, mark in marks]

    def made(self) -> dict[str, AuditEntry]:
        """The entry about the making of each key, by fingerprint; the newest twenty suffice for three keys."""
        entries = AuditEntry.objects.filter(object_type="console.superapp", object_id=str(self.superapp.pk))
        newest = entries.filter(verb="payments.backend.create_key").order_by("-id")[:20]
        return {entry.changes["secret_key"][1]: entry for entry in newest}

    def key_once(self) -> str:
        """The key waiting in this session for this superapp; gone once read."""
        waiting = self.request.session.get(SESSION_KEY)
        if not waiting or waiting["superapp"] != self.superapp.code:
            return ""
        del self.request.session[SESSION_KEY]
        return secrets.unseal(waiting["sealed"], bound_to=self.key_place).decode()


class BackendConfigure(BackendView, FormView):
    """Address and compatibility switch."""

    template_name: ClassVar[str] = "payments/backend_configure.html"
    form_class = BackendForm

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        row = self.superapp
        stored = {"address": row.backend_url, "tc_compatible": row.tc_compatible, "shown": actions.content_mark(row)}
        return {"initial": stored}

    def act(self, form: BackendForm) -> HttpResponse:
        """Store it."""
        actions.configure(self.superapp, actor=self.actor, **form.cleaned_data)
        return self.done(_("The backend was saved. Test the connection before players do."), self.own_url)


class KeyCreate(BackendView, FormView):
    """Make a secret key; it is shown on the page that follows, once."""

    template_name: ClassVar[str] = "payments/backend_key_create.html"
    form_class = PlainForm

    def act(self, form: PlainForm) -> HttpResponse:
        """Sessions are rows of the database, so the key is sealed there too."""
        made = actions.create_key(self.superapp, actor=self.actor)
        sealed = secrets.seal(made.text, bound_to=self.key_place)
        self.request.session[SESSION_KEY] = {"superapp": self.superapp.code, "sealed": sealed}
        sentence = _("The key was made and is in use.") if made.signs else _("The new key was made. It is accepted from now on.")
        return self.done(sentence, self.own_url)


class KeySwitch(BackendView, FormView):
    """Sign with the new key from now on."""

    template_name: ClassVar[str] = "payments/backend_key_switch.html"
    form_class = SwitchKeyForm

    def act(self, form: SwitchKeyForm) -> HttpResponse:
        """The old key overlaps."""
        actions.switch_key(self.superapp, actor=self.actor, overlap_hours=form.cleaned_data["overlap_hours"])
        return self.done(_("openServer signs with the new key now."), self.own_url)


class KeyDiscard(BackendView):
    """Forget the new key that waits."""

    def post(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """Answers 409 when none waits."""
        actions.discard_key(self.superapp, actor=self.actor)
        return self.done(_("The new key was discarded; it is not accepted any more."), self.own_url)


class OverlapEnd(BackendView):
    """Accept the previous key no more."""

    def post(self, request: HttpRequest, superapp: str) -> HttpResponse:
        """Answers 409 when it has ended."""
        actions.end_overlap(self.superapp, actor=self.actor)
        return self.done(_("The previous key is not accepted any more."), self.own_url)
