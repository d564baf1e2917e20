"""The roles that a team makes for itself: list, make, edit, remove."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.actions import team_role as actions
from console.errors import Invisible
from console.matrix import BASE, TEAM_ROLES, composable, permissions_of
from console.models import Team, TeamRole, choices
from console.views.base import FormView
from console.views.members import MembersView


class TeamRoleForm(forms.Form):
    """A name and permissions. The one that every role has is not asked for."""

    use_required_attribute = False
    name = forms.CharField(
        label=gettext_lazy("Name"), error_messages={"required": gettext_lazy("Enter a name of 1 to 60 visible characters.")}
    )
    permissions = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What a permission needs comes with it: whoever may edit items sees them."),
        error_messages={
            "required": gettext_lazy("Choose at least one permission."),
            "invalid_choice": gettext_lazy("Choose permissions out of the list."),
        },
    )

    def __init__(self, *data: Any, **options: Any) -> None:
        super().__init__(*data, **options)
        field: Any = self.fields["permissions"]
        field.choices = [(row.permission, row.label) for row in composable() if row.permission != BASE]


class TeamRoleView(MembersView):
    """Base of these pages."""

    team: Team

    def found(self) -> TeamRole:
        """The role of the address, of this team. Raises Invisible."""
        row = TeamRole.objects.filter(team=self.team, pk=self.kwargs["pk"]).select_related("team").first()
        if row is None:
            raise Invisible
        return row

    def context(self, **more: Any) -> dict[str, Any]:
        """The list of roles beside the list of members."""
        return super().context(roles_url=self.url("roles"), **more)


class TeamRoles(TeamRoleView):
    """The list, with how many have each."""

    template_name: ClassVar[str] = "console/team_roles.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """By name."""
        rows = self.team.roles.annotate(members=Count("memberships")).order_by("name")
        labels = {row.permission: row.label for row in composable()}
        found = [
            {
                "role": row,
                "url": self.url("role", pk=row.pk),
                "labels": [labels[name] for name in row.permissions if name in labels],
            }
            for row in rows
        ]
        return self.render(rows=found, create_url=self.url("role-create"))


class TeamRoleCreate(TeamRoleView, FormView):
    """Make a role; another one may be its beginning."""

    template_name: ClassVar[str] = "console/team_role_form.html"
    fresh_factor: ClassVar[bool] = True
    form_class = TeamRoleForm

    def form_arguments(self) -> dict[str, Any]:
        """What a role of the matrix may do, if the address names one."""
        start = self.request.GET.get("like", "")
        permissions = sorted(permissions_of(start, "team")) if start in TEAM_ROLES else []
        return {"initial": {"permissions": permissions}}

    def page(self) -> dict[str, Any]:
        """The roles to begin with."""
        return {"starts": choices(TEAM_ROLES)}

    def act(self, form: TeamRoleForm) -> HttpResponse:
        """Members can have it from now on."""
        row = actions.create(self.team, actor=self.actor, **form.cleaned_data)
        return self.done(_("The role “%(name)s” was made. Give it to members under Members.") % {"name": row}, self.url("roles"))


class TeamRoleEdit(TeamRoleView, FormView):
    """Change name and permissions."""

    template_name: ClassVar[str] = "console/team_role_form.html"
    fresh_factor: ClassVar[bool] = True
    form_class = TeamRoleForm

    def form_arguments(self) -> dict[str, Any]:
        """What is stored."""
        row = self.found()
        return {"initial": {"name": row.name, "permissions": row.permissions}}

    def page(self) -> dict[str, Any]:
        """Who has it, because a change counts for them at once."""
        row = self.found()
        members = [membership.user for membership in row.memberships.select_related("user").order_by("user__name")[:50]]
        return {
            "role": row,
            "members": members,
            "why_stays": actions.why_stays(row),
            "remove_url": self.url("role-remove", pk=row.pk),
        }

    def act(self, form: TeamRoleForm) -> HttpResponse:
        """It counts from their next request on."""
        row = actions.edit(self.found(), actor=self.actor, **form.cleaned_data)
        return self.done(_("The role “%(name)s” was saved.") % {"name": row}, self.url("roles"))


class TeamRoleRemove(TeamRoleView):
    """Remove a role that nobody has; POST only."""

    http_method_names = ["post"]
    fresh_factor: ClassVar[bool] = True

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Answers 409 while somebody has it."""
        row = self.found()
        actions.remove(row, actor=self.actor)
        return self.done(_("The role “%(name)s” was removed.") % {"name": row}, self.url("roles"))
