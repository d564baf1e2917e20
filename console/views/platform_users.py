"""What the platform does about people: invite, close and open accounts; the super admin appoints platform admins."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from console.actions import invitation as invitations
from console.actions import user as actions
from console.errors import Invisible
from console.models import Invitation, SuperappMembership, TeamMembership, User
from console.permissions import THE_PLATFORM, can, resting
from console.platform import BY_PLATFORM, invitation_listing, user_listing
from console.platform_forms import InviteForm
from console.views.platform import SHOWN, Crumb, PlatformForm, PlatformView


class Users(PlatformView):
    """The list."""

    template_name: ClassVar[str] = "console/platform_users.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The newest first."""
        return self.render(listing=user_listing(request.GET), **self.rights(actions.MANAGE, _("Invite a user")))


def find_user(pk: int) -> User:
    """The person. Raises Invisible."""
    row = User.objects.filter(pk=pk).first()
    if row is None:
        raise Invisible
    return row


def user_url(row: User) -> str:
    """The person's page."""
    return reverse("platform-user", kwargs={"pk": row.pk})


def user_crumbs(*rows: User) -> list[Crumb]:
    """The list, and the person if given."""
    return [(_("Users"), reverse("platform-users")), *((str(row), user_url(row)) for row in rows)]


class UserPage(PlatformView):
    """One person: where they work in which role, and what can be done about the account."""

    template_name: ClassVar[str] = "console/platform_user.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Memberships are changed by the admins of their places."""
        row = find_user(pk)
        teams = TeamMembership.objects.filter(user=row).select_related("team", "own_role").order_by("team__name")
        superapps = SuperappMembership.objects.filter(user=row).select_related("superapp").order_by("superapp__name")
        return self.render(
            person=row, crumbs=user_crumbs(), teams=list(teams[:SHOWN]), superapps=list(superapps[:SHOWN]), **self.may(row)
        )

    def may(self, row: User) -> dict[str, Any]:
        """What the reader may do about this account, and why not."""
        needed = actions.MANAGE_ADMINS if row.platform_role else actions.MANAGE
        over = can(self.actor, needed, THE_PLATFORM) and row != self.actor
        appoint = can(self.actor, actions.MANAGE_ADMINS, THE_PLATFORM)
        return {
            "resting": self.resting(row, needed),
            "may_close": over,
            "may_appoint": appoint and not row.platform_role and row.is_active,
            "may_dismiss": appoint and row.platform_role == "platform_admin",
        }

    def resting(self, row: User, needed: str) -> dict[str, list[Any]]:
        """What the reader may not do about this account, by why not and who can."""
        close = _("Close the account") if row.is_active else _("Open the account again")
        appoint = _("Make this person platform admin")
        if row == self.actor:
            return {_("This is your own account. Somebody else has to do this."): [close]}
        acts = {needed: [close]}
        if row.platform_role == "platform_admin":
            acts.setdefault(actions.MANAGE_ADMINS, []).append(_("Dismiss this platform admin"))
        elif not row.platform_role:
            acts.setdefault(actions.MANAGE_ADMINS, []).append(appoint)
        closed = "" if row.is_active else _("The account is closed. Open it again first.")
        return resting(self.actor, THE_PLATFORM, acts, not_now={appoint: closed})


class UserInvite(PlatformForm):
    """Ask somebody to make an account."""

    permission: ClassVar[str] = actions.MANAGE
    fresh_factor: ClassVar[bool] = True
    form_class = InviteForm

    def form_arguments(self) -> dict[str, Any]:
        """Only the super admin makes platform admins."""
        return {"may_appoint": can(self.actor, actions.MANAGE_ADMINS, THE_PLATFORM)}

    def words(self) -> dict[str, Any]:
        """Roles in teams and superapps come from their admins."""
        lead = _("The invited gets a mail with a link that works once, for 7 days, and chooses a password. Roles in a team or a "
                 "superapp are given there, under Members.")  # fmt: skip
        back = reverse("platform-users")
        return {"title": _("Invite a user"), "submit": _("Invite"), "crumbs": user_crumbs(), "back_url": back, "lead": lead}

    def act(self, form: InviteForm) -> HttpResponse:
        """Then the invitations."""
        data = form.cleaned_data
        admin = data.get("platform_admin", False)
        row = invitations.invite_user(email=data["email"], name=data["name"], platform_admin=admin, actor=self.actor)
        return self.done(_("An invitation was mailed to %(email)s.") % {"email": row.email}, reverse("platform-invitations"))


class UserAct(PlatformForm):
    """Base of the pages that ask before something is done to an account."""

    permission: ClassVar[str] = actions.MANAGE
    fresh_factor: ClassVar[bool] = True
    form_class = forms.Form

    def found(self) -> User:
        """The person of the address."""
        return find_user(self.kwargs["pk"])

    def framed(self, title: str, submit: str, lead: str, *, danger: bool = True) -> dict[str, Any]:
        """The words with the way back to the person."""
        row = self.found()
        frame = {"crumbs": user_crumbs(row), "back_url": user_url(row), "danger": danger}
        return {"title": title, "submit": submit, "lead": lead, **frame}


class UserClose(UserAct):
    """Close an account."""

    def words(self) -> dict[str, Any]:
        """What ends."""
        lead = _("%(name)s is signed out everywhere and cannot sign in any more. Memberships stay, so that the account can be "
                 "opened again as it was. Where this person is the only admin, appoint another one.")  # fmt: skip
        return self.framed(_("Close the account"), _("Close the account"), lead % {"name": self.found()})

    def act(self, form: forms.Form) -> HttpResponse:
        """Answers 409 when it is closed already."""
        row = actions.close(self.found(), actor=self.actor)
        return self.done(_("The account of %(name)s is closed.") % {"name": row}, user_url(row))


class UserReopen(UserAct):
    """Open a closed account again."""

    def words(self) -> dict[str, Any]:
        """What comes back."""
        lead = _("%(name)s can sign in again with the password and the roles from before.") % {"name": self.found()}
        return self.framed(_("Open the account again"), _("Open it again"), lead, danger=False)

    def act(self, form: forms.Form) -> HttpResponse:
        """Answers 409 when it is open already."""
        row = actions.reopen(self.found(), actor=self.actor)
        return self.done(_("%(name)s can sign in again.") % {"name": row}, user_url(row))


class PlatformAdminAppoint(UserAct):
    """Make somebody platform admin."""

    permission: ClassVar[str] = actions.MANAGE_ADMINS

    def words(self) -> dict[str, Any]:
        """What it means."""
        lead = _("%(name)s sees every superapp and team, and creates superapps, teams and users.") % {"name": self.found()}
        return self.framed(_("Make this person platform admin"), _("Appoint"), lead, danger=False)

    def act(self, form: forms.Form) -> HttpResponse:
        """Answers 409 for a closed account or one that has a role of the platform."""
        row = actions.appoint_platform_admin(self.found(), actor=self.actor)
        return self.done(_("%(name)s is platform admin now.") % {"name": row}, user_url(row))


class PlatformAdminDismiss(UserAct):
    """End the role of a platform admin."""

    permission: ClassVar[str] = actions.MANAGE_ADMINS

    def words(self) -> dict[str, Any]:
        """What ends."""
        lead = _("%(name)s is signed out everywhere. The account stays.") % {"name": self.found()}
        return self.framed(_("Dismiss this platform admin"), _("Dismiss"), lead)

    def act(self, form: forms.Form) -> HttpResponse:
        """Answers 409 when they are none."""
        row = actions.dismiss_platform_admin(self.found(), actor=self.actor)
        return self.done(_("%(name)s is no platform admin any more.") % {"name": row}, user_url(row))


class Invitations(PlatformView):
    """All that the platform sent."""

    template_name: ClassVar[str] = "console/platform_invitations.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The newest first."""
        return self.render(listing=invitation_listing(request.GET), **self.rights(actions.MANAGE, _("Invite a user")))


class InvitationPage(PlatformView):
    """One invitation, with the buttons to send it again and to revoke it."""

    permission: ClassVar[str] = "console.view_platform"
    fresh_factor: ClassVar[bool] = False  # whoever made it had one; nobody gets more by it
    template_name: ClassVar[str] = "console/invitation_detail.html"

    def found(self) -> Invitation:
        """The invitation of the address. Raises Invisible."""
        return find_invitation(BY_PLATFORM, pk=self.kwargs["pk"])

    @property
    def own_url(self) -> str:
        """The page itself."""
        return reverse("platform-invitation", kwargs={"pk": self.kwargs["pk"]})

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """When it was sent, and what became of it."""
        crumbs = [*user_crumbs(), (_("Invitations"), reverse("platform-invitations"))]
        pk = self.kwargs["pk"]
        urls: dict[str, Any] = {
            "resend_url": reverse("platform-invitation-resend", kwargs={"pk": pk}),
            "revoke_url": reverse("platform-invitation-revoke", kwargs={"pk": pk}),
        }
        rights = self.rights(actions.MANAGE, _("Send it again"), _("Revoke it"))
        return self.render(row=self.found(), crumbs=crumbs, **urls, **rights)


def find_invitation(*conditions: Q, **names: Any) -> Invitation:
    """The invitation. Raises Invisible."""
    rows = Invitation.objects.filter(*conditions, **names)
    row = rows.select_related("team", "superapp", "own_role", "invited_by", "user").first()
    if row is None:
        raise Invisible
    return row


class InvitationResend(InvitationPage):
    """Mail a new link; POST only."""

    permission: ClassVar[str] = actions.MANAGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Answers 409 once it was accepted or revoked."""
        row = invitations.resend(self.found(), actor=self.actor)
        return self.done(_("The invitation was mailed to %(email)s again.") % {"email": row.email}, self.own_url)


class InvitationRevoke(InvitationPage):
    """The link stops working; POST only."""

    permission: ClassVar[str] = actions.MANAGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Answers 409 once it was accepted or revoked."""
        row = invitations.revoke(self.found(), actor=self.actor)
        return self.done(_("The invitation of %(email)s was revoked.") % {"email": row.email}, reverse("platform-invitations"))
