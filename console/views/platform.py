"""What the platform itself does: superapps. Only its own two roles find these pages."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.actions import invitation as invitations
from console.actions import superapp as actions
from console.actions.membership import has_admin
from console.errors import Invisible
from console.models import OPEN_LINK, Invitation, Superapp, Team
from console.permissions import THE_PLATFORM, Scoped, can, resting
from console.platform import superapp_listing
from console.platform_forms import NameForm, PersonForm
from console.views.base import ConsoleView, FormView

Crumb = tuple[str, str]
SHOWN = 200


class PlatformView(ConsoleView):
    """Base of these pages: they are about the platform, whatever their address names."""

    permission: ClassVar[str] = "console.view_platform"

    @property
    def container(self) -> Scoped:
        """The platform."""
        return THE_PLATFORM

    def find_container(self, **_names: Any) -> None:
        """Nothing to find: `code` and `pk` of the address are looked up by the pages."""

    def rights(self, permission: str, *labels: str) -> dict[str, Any]:
        """Whether the reader may, else why not and who can; `labels` are the buttons of the page."""
        rest = resting(self.actor, THE_PLATFORM, {permission: labels})
        return {"may_change": can(self.actor, permission, THE_PLATFORM), "resting": rest}


class PlatformForm(PlatformView, FormView):
    """Base of the forms: one template, in which a page says its words."""

    template_name: ClassVar[str] = "console/platform_form.html"

    def words(self) -> dict[str, Any]:
        """`title`, `submit`, `crumbs`, `back_url`, and if it helps `lead`, `danger`."""
        raise NotImplementedError

    def page(self) -> dict[str, Any]:
        """What the template needs."""
        return self.words()


class Superapps(PlatformView):
    """The list."""

    template_name: ClassVar[str] = "console/platform_superapps.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """By name."""
        return self.render(listing=superapp_listing(request.GET), **self.rights(actions.MANAGE, _("Create a superapp")))


def find_superapp(code: str) -> Superapp:
    """The superapp of this id. Raises Invisible."""
    row = Superapp.objects.filter(code=code).first()
    if row is None:
        raise Invisible
    return row


def superapp_url(row: Superapp, page: str = "platform-superapp") -> str:
    """A page of the platform about this superapp."""
    return reverse(page, kwargs={"code": row.code})


def superapp_crumbs(*rows: Superapp) -> list[Crumb]:
    """The list, and the superapp if given."""
    return [(_("Superapps"), reverse("platform-superapps")), *((row.name, superapp_url(row)) for row in rows)]


class SuperappPage(PlatformView):
    """One superapp: its teams, its admins, who is invited to be one."""

    template_name: ClassVar[str] = "console/platform_superapp.html"

    def get(self, request: HttpRequest, code: str) -> HttpResponse:
        """What belongs to the business stands on the superapp's own pages."""
        row = find_superapp(code)
        teams = Team.objects.filter(superapp=row).order_by("name")
        return self.render(
            place=row, crumbs=superapp_crumbs(), teams=list(teams[:SHOWN]), team_count=teams.count(), **admins_of(row),
            **self.rights(actions.MANAGE, _("Rename"), _("Create a team")),
        )  # fmt: skip


def admins_of(place: Superapp | Team) -> dict[str, Any]:
    """Who is admin there, and who is invited to be the first."""
    role = invitations.FIRST_ADMIN[type(place)]
    rows = place.memberships.filter(role=role).select_related("user").order_by("user__name")
    kind = "superapp" if isinstance(place, Superapp) else "team"
    invited = Invitation.objects.filter(OPEN_LINK, role=role, **{kind: place}).order_by("pk")
    return {"admins": [row.user for row in rows[:SHOWN]], "has_admin": has_admin(place), "invited": list(invited[:SHOWN])}


class SuperappCreate(PlatformForm):
    """A new superapp."""

    permission: ClassVar[str] = actions.MANAGE
    form_class = NameForm

    def words(self) -> dict[str, Any]:
        """It starts with nothing set up."""
        lead = _("Payment, currencies and backend are set up by its own admin, whom you appoint next.")
        back = reverse("platform-superapps")
        return {
            "title": _("Create a superapp"),
            "submit": _("Create"),
            "crumbs": superapp_crumbs(),
            "back_url": back,
            "lead": lead,
        }

    def act(self, form: NameForm) -> HttpResponse:
        """Then its page, to appoint its first admin."""
        row = actions.create(name=form.cleaned_data["name"], actor=self.actor)
        return self.done(_("“%(name)s” was created. Appoint its first admin now.") % {"name": row.name}, superapp_url(row))


class SuperappEdit(PlatformForm):
    """Another name."""

    permission: ClassVar[str] = actions.MANAGE
    form_class = NameForm

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        return {"initial": {"name": find_superapp(self.kwargs["code"]).name}}

    def words(self) -> dict[str, Any]:
        """The id stays."""
        row = find_superapp(self.kwargs["code"])
        crumbs = superapp_crumbs(row)
        return {"title": _("Rename the superapp"), "submit": _("Save"), "crumbs": crumbs, "back_url": superapp_url(row)}

    def act(self, form: NameForm) -> HttpResponse:
        """Store it."""
        row = actions.edit(find_superapp(self.kwargs["code"]), name=form.cleaned_data["name"], actor=self.actor)
        return self.done(_("“%(name)s” was saved.") % {"name": row.name}, superapp_url(row))


class AppointForm(PlatformForm):
    """Base of "appoint the first admin"."""

    fresh_factor: ClassVar[bool] = True
    form_class = PersonForm

    def place(self) -> Superapp | Team:
        """Whose admin. Raises Invisible."""
        raise NotImplementedError

    def place_url(self) -> str:
        """Its page."""
        raise NotImplementedError

    def words(self) -> dict[str, Any]:
        """What happens to whom."""
        lead = _(
            "Whoever has an account is admin at once; anybody else is invited by mail. This is for the first admin only: "
            "as soon as there is one who can sign in, admins appoint each other."
        )
        words = {"title": _("Appoint the first admin"), "submit": _("Appoint"), "lead": lead}
        return {**words, "crumbs": self.crumbs(), "back_url": self.place_url()}

    def crumbs(self) -> list[Crumb]:
        """The way to the page."""
        raise NotImplementedError

    def act(self, form: PersonForm) -> HttpResponse:
        """At once or by invitation; 409 while there is an admin."""
        data = form.cleaned_data
        invited = invitations.appoint(self.place(), email=data["email"], name=data["name"], actor=self.actor)
        if invited is None:
            return self.done(_("%(email)s is admin now.") % {"email": data["email"]}, self.place_url())
        return self.done(_("An invitation was mailed to %(email)s.") % {"email": invited.email}, self.place_url())


class SuperappAppoint(AppointForm):
    """The first admin of a superapp."""

    permission: ClassVar[str] = actions.MANAGE

    def place(self) -> Superapp:
        """The superapp of the address."""
        return find_superapp(self.kwargs["code"])

    def place_url(self) -> str:
        """Its page."""
        return superapp_url(self.place())

    def crumbs(self) -> list[Crumb]:
        """Under its superapp."""
        return superapp_crumbs(self.place())
