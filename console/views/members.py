"""Members of a team or a superapp, and the page that says who can do what."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.actions import membership as actions
from console.actions.invitation import invite
from console.errors import Invisible
from console.filters import id_in
from console.matrix import COLUMNS, MATRIX, PLATFORM, ROLES, SIGNED_IN, SUPERAPP, SUPERAPP_ROLES, TEAM, TEAM_ROLES
from console.members import member_listing
from console.models import Superapp, SuperappMembership, Team, TeamMembership, TeamRole, User, choices
from console.permissions import can, resting
from console.views.base import ConsoleView, FormView


class RoleForm(forms.Form):
    """One role out of those of the place."""

    use_required_attribute = False
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose one of the roles in the list."),
            "invalid_choice": gettext_lazy("Choose one of the roles in the list."),
        },
    )

    def __init__(self, *data: Any, place: Team | Superapp, **options: Any) -> None:
        super().__init__(*data, **options)
        field: Any = self.fields["role"]
        field.choices = role_choices(place)


def role_choices(place: Team | Superapp) -> list[tuple[str, str]]:
    """The roles one can have there; a role of the team's own by its number."""
    if isinstance(place, Superapp):
        return choices(SUPERAPP_ROLES)
    own = [(str(row.pk), row.name) for row in place.roles.order_by("name")]
    return choices(TEAM_ROLES) + own


def chosen_role(place: Team | Superapp, value: str) -> str | TeamRole:
    """The role that a value of `role_choices` means; another one stays what it is, and is refused by the action."""
    row = place.roles.filter(pk=pk).first() if isinstance(place, Team) and (pk := id_in(value)) else None
    return row or value


class MemberForm(RoleForm):
    """Somebody by e-mail address: who has an account, or is invited to make one."""

    field_order = ("email", "role", "invite")
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        error_messages={
            "required": gettext_lazy("Enter the e-mail address of the new member."),
            "invalid": gettext_lazy("This is no e-mail address. Enter one such as name@company.example."),
        },
    )
    invite = forms.BooleanField(
        required=False,
        label=gettext_lazy("Invite this person by mail if there is no account with this address"),
    )


class MembersView(ConsoleView):
    """Base of these pages, for teams and for superapps."""

    permission: ClassVar[str] = actions.MANAGE

    @property
    def place(self) -> Team | Superapp:
        """The team, or the superapp."""
        return self.team or self.superapp  # type: ignore[return-value]

    @property
    def kind(self) -> str:
        """The beginning of the routes' names."""
        return "team" if self.team else "superapp"

    def url(self, page: str, **more: Any) -> str:
        """A page about the members of this place."""
        return reverse(f"{self.kind}-{page}", kwargs={self.kind: self.place.code, **more})

    @property
    def joined(self) -> tuple[str, ...]:
        """What is read together with a membership."""
        return ("team", "own_role") if self.team else ("superapp",)

    def member(self) -> TeamMembership | SuperappMembership:
        """The membership that the address names. Raises Invisible."""
        rows: Any = TeamMembership.objects if self.team else SuperappMembership.objects
        row = rows.filter(pk=self.kwargs["pk"], **{self.kind: self.place}).select_related("user", *self.joined).first()
        if row is None:
            raise Invisible
        return row

    def context(self, **more: Any) -> dict[str, Any]:
        """The place and the way back."""
        return super().context(place=self.place, list_url=self.url("members"), **more)


class Members(MembersView):
    """The list."""

    permission: ClassVar[str] = "console.view_members"
    template_name: ClassVar[str] = "console/members.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Those who may not change anything read who can."""
        allowed = can(self.actor, actions.MANAGE, self.place)
        return self.render(
            listing=member_listing(self.place, request.GET, may_manage=allowed),
            add_url=self.url("member-add") if allowed else "",
            invitations_url=self.url("invitations") if allowed else "",
            roles_url=self.url("roles") if allowed and self.team else "",
            resting=resting(self.actor, self.place, {actions.MANAGE: [_("Add a member"), _("Change the role")]}),
        )


class MemberAdd(MembersView, FormView):
    """Add somebody who has an account."""

    template_name: ClassVar[str] = "console/member_add.html"
    fresh_factor: ClassVar[bool] = True
    form_class = MemberForm

    def form_arguments(self) -> dict[str, Any]:
        """The roles of the place."""
        return {"place": self.place}

    def act(self, form: MemberForm) -> HttpResponse:
        """Their rights count from their next request on."""
        data, place = form.cleaned_data, self.place
        role = chosen_role(place, data["role"])
        if data["invite"] and not User.objects.filter(email=data["email"].lower()).exists():
            invited = invite(place, email=data["email"], role=role, actor=self.actor)
            return self.done(_("An invitation was mailed to %(email)s.") % {"email": invited.email}, self.url("invitations"))
        row: TeamMembership | SuperappMembership
        if isinstance(place, Team):
            row = actions.add_to_team(place, email=data["email"], role=role, actor=self.actor)
        else:
            row = actions.add_to_superapp(place, email=data["email"], role=str(role), actor=self.actor)
        words = {"name": row.user, "role": row.role_name}
        return self.done(_("%(name)s is a member now: %(role)s.") % words, self.url("members"))


class MemberRole(MembersView, FormView):
    """Change the role of a member."""

    template_name: ClassVar[str] = "console/member_role.html"
    fresh_factor: ClassVar[bool] = True
    form_class = RoleForm

    def form_arguments(self) -> dict[str, Any]:
        """The role they have."""
        row = self.member()
        own = getattr(row, "own_role_id", None)
        return {"place": self.place, "initial": {"role": str(own) if own else row.role}}

    def page(self) -> dict[str, Any]:
        """Who it is, and the way to end the membership."""
        row = self.member()
        return {"member": row, "remove_url": self.url("member-remove", pk=row.pk), "why_stays": actions.why_stays(row)}

    def act(self, form: RoleForm) -> HttpResponse:
        """It counts from their next request on."""
        user, place = self.member().user, self.place
        role = chosen_role(place, form.cleaned_data["role"])
        row: TeamMembership | SuperappMembership
        if isinstance(place, Team):
            row = actions.set_team_role(user, place, role, actor=self.actor)
        else:
            row = actions.set_superapp_role(user, place, str(role), actor=self.actor)
        words = {"name": user, "role": row.role_name}
        return self.done(_("%(name)s has the role now: %(role)s.") % words, after(self.actor, user, self.url("members")))


class MemberRemove(MembersView, FormView):
    """End a membership, after a page that says what ends with it."""

    template_name: ClassVar[str] = "console/member_remove.html"
    fresh_factor: ClassVar[bool] = True
    form_class = forms.Form

    def page(self) -> dict[str, Any]:
        """Who it is."""
        row = self.member()
        return {"member": row, "role_url": self.url("member-role", pk=row.pk)}

    def act(self, form: forms.Form) -> HttpResponse:
        """Their rights are gone with their next request."""
        row = self.member()
        if isinstance(row, TeamMembership):
            actions.leave_team(row, actor=self.actor)
        else:
            actions.leave_superapp(row, actor=self.actor)
        url = after(self.actor, row.user, self.url("members"))
        return self.done(_("%(name)s is no member any more.") % {"name": row.user}, url)


def after(actor: User, changed: User, url: str) -> str:
    """Who changed the own role may not be allowed back to the list."""
    return reverse("home") if changed == actor else url


class Roles(ConsoleView):
    """Who can do what: the matrix, as the code reads it."""

    permission: ClassVar[str] = SIGNED_IN
    template_name: ClassVar[str] = "console/roles.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """One table for teams, one for superapps."""
        titles = {TEAM: _("Roles in a team"), SUPERAPP: _("Roles in a superapp"), PLATFORM: _("Roles on the platform")}
        return self.render(tables=[self.table(container, title) for container, title in titles.items()])

    def table(self, container: str, title: str) -> dict[str, Any]:
        """The roles as columns, the permissions as rows with a mark for each role."""
        rows = [{"label": row.label, "marks": row.cells} for row in MATRIX if row.container == container]
        return {"title": title, "roles": [ROLES[role] for role in COLUMNS[container]], "rows": rows}
