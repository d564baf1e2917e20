"""Base classes of all pages. They fail closed: a page without a declared permission does not start (console.checks).

A page finds its object by the names in its URL: `app_id` a mini program, `team` a team's code, `superapp` a superapp's code.
Acts that decide about money, rights or keys say `fresh_factor = True` (console.factor).
What the actor cannot see answers 404, what they see but may not do answers 403, what its state forbids answers 409.
"""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.mixins import AccessMixin
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from console import factor
from console.errors import Invisible, Refused, WrongState
from console.matrix import SIGNED_IN
from console.models import MiniProgram, Superapp, Team, User
from console.permissions import Scoped, can, require, sees


class ConsoleView(AccessMixin, View):
    """A page for signed-in people. `permission` names a row of the matrix, or SIGNED_IN for what is the user's own."""

    permission: ClassVar[str] = ""
    fresh_factor: ClassVar[bool] = False
    template_name: ClassVar[str] = ""
    superapp: Superapp | None = None
    team: Team | None = None
    mini_program: MiniProgram | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Sign-in, then visibility, then permission, then the page; a wrong state becomes a 409 page."""
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        self.find_container(**kwargs)
        if self.container is None or sees(self.actor, self.container):
            # console.context reads the containers off it; a 404 page must not show what the reader cannot see.
            request.console_view = self  # type: ignore[attr-defined]
        self.check_permission()
        if self.needs_fresh_factor() and (asked := factor.ask(request, self.actor)):
            return asked
        try:
            return super().dispatch(request, *args, **kwargs)
        except WrongState as error:
            return render(request, "409.html", {"message": str(error)}, status=409)

    @property
    def actor(self) -> User:
        """The signed-in person."""
        return self.request.user  # type: ignore[return-value]

    @property
    def container(self) -> Scoped:
        """What the URL is about: the mini program, else the team, else the superapp."""
        return self.mini_program or self.team or self.superapp  # type: ignore[return-value]

    def find_container(self, *, app_id: str = "", team: str = "", superapp: str = "", **_others: Any) -> None:
        """Read the mini program, team or superapp that the URL names. Raises Invisible."""
        try:
            if app_id:
                self.mini_program = MiniProgram.objects.select_related("team", "superapp").get(app_id=app_id)
                self.team, self.superapp = self.mini_program.team, self.mini_program.superapp
            elif team:
                self.team = Team.objects.select_related("superapp").get(code=team)
                self.superapp = self.team.superapp
            elif superapp:
                self.superapp = Superapp.objects.get(code=superapp)
        except (MiniProgram.DoesNotExist, Team.DoesNotExist, Superapp.DoesNotExist):
            raise Invisible from None

    def check_permission(self) -> None:
        """Raises Invisible or Forbidden. A SIGNED_IN page with a container still has to be visible."""
        if self.permission != SIGNED_IN:
            require(self.actor, self.permission, self.container)
        elif self.container is not None and not sees(self.actor, self.container):
            raise Invisible

    def needs_fresh_factor(self) -> bool:
        """Whether a code has to be fresh before this page is shown or acts; asked after the permission."""
        return self.fresh_factor

    def context(self, **more: Any) -> dict[str, Any]:
        """What every page template gets."""
        place = {"superapp": self.superapp, "team": self.team, "mini_program": self.mini_program}
        return {**place, "actor": self.actor, "home_url": self.home_url(), **more}

    def home_url(self) -> str:
        """The first page of the mini program or the superapp; "" for a team, which has none, and where it is not allowed."""
        if self.mini_program and can(self.actor, "console.view_mini_program", self.mini_program):
            return reverse("orders:home", kwargs={"app_id": self.mini_program.app_id})
        if self.superapp and not self.team and can(self.actor, "console.view_superapp", self.superapp):
            return reverse("superapp-home", kwargs={"superapp": self.superapp.code})
        return ""

    def render(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The page's own template."""
        return render(self.request, self.template_name, self.context(**more), status=status)

    def done(self, message: str, url: str) -> HttpResponseRedirect:
        """Say what happened and go on."""
        messages.success(self.request, message)
        return HttpResponseRedirect(url)


class FormView(ConsoleView):
    """A page with one form and one action. GET shows the form, POST runs the action; what is refused stands at its field."""

    form_class: ClassVar[type[BaseForm]]

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The empty form, or the form with what is stored; after a code, the form with what was typed."""
        typed = factor.typed_before(request) if self.fresh_factor else None
        return self.render(form=self.form(typed) if typed else self.form(), **self.page())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Run the action once the form is valid; show the form again, with what was typed, when it is not."""
        form = self.form(request.POST, request.FILES)
        if form.is_valid():
            try:
                return self.act(form)
            except Refused as refused:
                add_errors(form, refused)
        return self.render(form=form, status=422, **self.page())

    def form(self, *data: Any) -> BaseForm:
        """The form, bound to `data` if given."""
        return self.form_class(*data, **self.form_arguments())

    def form_arguments(self) -> dict[str, Any]:
        """Keyword arguments of the form."""
        return {}

    def page(self) -> dict[str, Any]:
        """What the template needs beside the form."""
        return {}

    def act(self, form: Any) -> HttpResponse:
        """Call the action and return where to go next."""
        raise NotImplementedError


def add_errors(form: BaseForm, refused: Refused) -> None:
    """Put each sentence at its field; those without a field of this form on top."""
    for field, sentence in refused.errors.items():
        form.add_error(field if field in form.fields else None, sentence)
