"""Invitations to a team or a superapp, and the page behind an invitation's link."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from console.actions import invitation as actions
from console.errors import Invisible, Refused, WrongState
from console.links import find
from console.models import Invitation
from console.platform import invitation_listing
from console.platform_forms import AcceptForm
from console.views.base import add_errors
from console.views.members import MembersView
from console.views.platform_users import find_invitation


class PlaceInvitations(MembersView):
    """The list."""

    template_name: ClassVar[str] = "console/invitations.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """The newest first."""
        listing = invitation_listing(request.GET, place=self.place)
        return self.render(listing=listing, add_url=self.url("member-add"))


class PlaceInvitation(MembersView):
    """One invitation."""

    fresh_factor: ClassVar[bool] = False  # whoever made it had one; nobody gets more by it
    template_name: ClassVar[str] = "console/invitation_detail.html"

    def found(self) -> Invitation:
        """The invitation of the address, of this place. Raises Invisible."""
        return find_invitation(pk=self.kwargs["pk"], **{self.kind: self.place})

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """When it was sent, and what became of it."""
        crumbs = [(_("Members"), self.url("members")), (_("Invitations"), self.url("invitations"))]
        pk = self.kwargs["pk"]
        urls: dict[str, Any] = {
            "resend_url": self.url("invitation-resend", pk=pk),
            "revoke_url": self.url("invitation-revoke", pk=pk),
        }
        return self.render(row=self.found(), crumbs=crumbs, may_change=True, **urls)


class PlaceInvitationResend(PlaceInvitation):
    """Mail a new link; POST only."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Answers 409 once it was accepted or revoked."""
        row = actions.resend(self.found(), actor=self.actor)
        url = self.url("invitation", pk=row.pk)
        return self.done(_("The invitation was mailed to %(email)s again.") % {"email": row.email}, url)


class PlaceInvitationRevoke(PlaceInvitation):
    """The link stops working; POST only."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Answers 409 once it was accepted or revoked."""
        row = actions.revoke(self.found(), actor=self.actor)
        return self.done(_("The invitation of %(email)s was revoked.") % {"email": row.email}, self.url("invitations"))


class InvitationAccept(View):
    """Behind the link: name and password. Nobody is signed in here; the token says who it is for."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Looking uses nothing up."""
        row = self.found(token)
        return self.show(request, row, AcceptForm(initial={"name": row.name}))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Make the account, then to the sign-in page."""
        row, form = self.found(token), AcceptForm(request.POST)
        if row.is_open and form.is_valid():
            try:
                user = actions.accept(token, name=form.cleaned_data["name"], password=form.cleaned_data["password1"])
            except Refused as refused:
                add_errors(form, refused)
            except WrongState as error:
                return self.show(request, row, form, closed=str(error))
            else:
                messages.success(request, _("Your account is ready. Sign in as %(email)s.") % {"email": user.email})
                return HttpResponseRedirect(reverse("account_login"))
        return self.show(request, row, form, status=422)

    def found(self, token: str) -> Invitation:
        """The invitation of this token. Raises Invisible for one that we did not sign, or replaced."""
        row = find(Invitation, token)
        if row is None:
            raise Invisible
        return row

    def show(
        self, request: HttpRequest, row: Invitation, form: AcceptForm, *, closed: str = "", status: int = 200
    ) -> HttpResponse:
        """The form, or why the link does not work (409)."""
        closed = closed or ("" if row.is_open else actions.why_closed(row))
        context = {"row": row, "form": form, "closed": closed}
        return render(request, "console/invitation_accept.html", context, status=409 if closed else status)
