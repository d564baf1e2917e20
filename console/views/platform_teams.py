"""What the platform does about teams: create, rename, linked e-mail, mini programs, the first admin."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.actions import mini_program as programs
from console.actions import team as actions
from console.errors import Invisible
from console.models import MiniProgram, Team
from console.platform import team_listing
from console.platform_forms import LinkedEmailForm, MiniProgramForm, NameForm, TeamForm
from console.views.platform import SHOWN, AppointForm, Crumb, PlatformForm, PlatformView, admins_of


class Teams(PlatformView):
    """The list."""

    template_name: ClassVar[str] = "console/platform_teams.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """By name."""
        return self.render(listing=team_listing(request.GET), **self.rights(actions.MANAGE, _("Create a team")))


def find_team(code: str) -> Team:
    """The team of this id. Raises Invisible."""
    row = Team.objects.filter(code=code).select_related("superapp").first()
    if row is None:
        raise Invisible
    return row


def team_url(row: Team) -> str:
    """The team as the platform sees it."""
    return reverse("platform-team", kwargs={"code": row.code})


def team_crumbs(*rows: Team) -> list[Crumb]:
    """The list, and the team if given."""
    return [(_("Teams"), reverse("platform-teams")), *((row.name, team_url(row)) for row in rows)]


class TeamPage(PlatformView):
    """One team: linked e-mail, mini programs, admins."""

    template_name: ClassVar[str] = "console/platform_team.html"

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """What belongs to the business stands on the team's own pages."""
        row = find_team(code)
        found = MiniProgram.objects.filter(team=row).order_by("name")
        return self.render(
            place=row, crumbs=team_crumbs(), programs=list(found[:SHOWN]), waiting=actions.waiting(row),
            held_until=actions.held_until(row), **admins_of(row),
            **self.rights(actions.MANAGE, _("Rename"), _("Change the linked e-mail"), _("Create a mini program")),
        )  # fmt: skip


class TeamFormView(PlatformForm):
    """Base of the forms about one team."""

    permission: ClassVar[str] = actions.MANAGE

    def found(self) -> Team:
        """The team of the address."""
        return find_team(self.kwargs["code"])

    def framed(self, title: str, submit: str, **more: Any) -> dict[str, Any]:
        """The words with the way back to the team."""
        row = self.found()
        return {"title": title, "submit": submit, "crumbs": team_crumbs(row), "back_url": team_url(row), **more}


class TeamCreate(PlatformForm):
    """A new team of a superapp."""

    permission: ClassVar[str] = actions.MANAGE
    form_class = TeamForm

    def form_arguments(self) -> dict[str, Any]:
        """The superapp whose page led here."""
        return {"initial": {"superapp": self.request.GET.get("superapp", "")}}

    def words(self) -> dict[str, Any]:
        """What comes next."""
        back, title = reverse("platform-teams"), _("Create a team")
        return {"title": title, "submit": _("Create"), "crumbs": team_crumbs(), "back_url": back}

    def act(self, form: TeamForm) -> HttpResponse:
        """Then its page."""
        data = form.cleaned_data
        row = actions.create(data["superapp"], name=data["name"], linked_email=data["linked_email"], actor=self.actor)
        words = {"name": row.name, "email": data["linked_email"]}
        return self.done(_("“%(name)s” was created. %(email)s gets a mail with a link to confirm.") % words, team_url(row))


class TeamEdit(TeamFormView):
    """Another name."""

    form_class = NameForm

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        return {"initial": {"name": self.found().name}}

    def words(self) -> dict[str, Any]:
        """The id stays."""
        return self.framed(_("Rename the team"), _("Save"))

    def act(self, form: NameForm) -> HttpResponse:
        """Store it."""
        row = actions.edit(self.found(), name=form.cleaned_data["name"], actor=self.actor)
        return self.done(_("“%(name)s” was saved.") % {"name": row.name}, team_url(row))


class TeamEmail(TeamFormView):
    """Change the linked e-mail."""

    fresh_factor: ClassVar[bool] = True
    form_class = LinkedEmailForm

    def words(self) -> dict[str, Any]:
        """What a change means."""
        lead = _(
            "The reader of the new address confirms it by a link. The old address is told of it, and for 24 hours after the "
            "change no certificate or key is issued."
        )
        return self.framed(_("Change the linked e-mail"), _("Ask to confirm"), lead=lead)

    def act(self, form: LinkedEmailForm) -> HttpResponse:
        """The old address stays in force until then."""
        change = actions.change_email(self.found(), linked_email=form.cleaned_data["linked_email"], actor=self.actor)
        return self.done(_("%(email)s gets a mail with a link to confirm.") % {"email": change.email}, team_url(change.team))


class TeamEmailResend(TeamFormView):
    """Mail the link again; POST only."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answers 409 when no address waits."""
        change = actions.resend(self.found(), actor=self.actor)
        return self.done(_("The link was mailed to %(email)s again.") % {"email": change.email}, team_url(self.found()))


class TeamEmailWithdraw(TeamFormView):
    """Take the new address back; POST only."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Answers 409 when no address waits."""
        actions.withdraw_email(self.found(), actor=self.actor)
        return self.done(_("The new address was taken back; its link does not work any more."), team_url(self.found()))


class TeamAppoint(AppointForm):
    """The first admin of a team."""

    permission: ClassVar[str] = actions.MANAGE

    def place(self) -> Team:
        """The team of the address."""
        return find_team(self.kwargs["code"])

    def place_url(self) -> str:
        """Its page."""
        return team_url(self.place())

    def crumbs(self) -> list[Crumb]:
        """Under its team."""
        return team_crumbs(self.place())


class MiniProgramCreate(TeamFormView):
    """A new mini program of the team."""

    form_class = MiniProgramForm

    def words(self) -> dict[str, Any]:
        """It starts with nothing set up."""
        return self.framed(_("Create a mini program"), _("Create"))

    def act(self, form: MiniProgramForm) -> HttpResponse:
        """Then the team."""
        row = programs.create(self.found(), actor=self.actor, **form.cleaned_data)
        return self.done(_("“%(name)s” was created.") % {"name": row.name}, team_url(self.found()))


class MiniProgramEdit(TeamFormView):
    """Another name."""

    form_class = NameForm

    def program(self) -> MiniProgram:
        """The mini program of the address. Raises Invisible."""
        row = MiniProgram.objects.filter(team=self.found(), pk=self.kwargs["pk"]).first()
        if row is None:
            raise Invisible
        return row

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        return {"initial": {"name": self.program().name}}

    def words(self) -> dict[str, Any]:
        """App id and kind stay."""
        return self.framed(_("Rename the mini program"), _("Save"))

    def act(self, form: NameForm) -> HttpResponse:
        """Store it."""
        row = programs.edit(self.program(), name=form.cleaned_data["name"], actor=self.actor)
        return self.done(_("“%(name)s” was saved.") % {"name": row.name}, team_url(self.found()))
