"""One-click sign-in as a demo account; the route exists in demo mode only."""

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views import View

from console.models import User
from console.views.pages import next_url
from simulator.accounts import ACCOUNTS


class DemoSignIn(View):
    """POST only: no GET changes anything."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Sign in as the account of this e-mail address, if it is one of the demo's."""
        wanted = request.POST.get("email", "")
        if wanted not in {account.email for account in ACCOUNTS}:
            raise Http404
        login(request, User.objects.get(email=wanted), backend=settings.AUTHENTICATION_BACKENDS[0])
        return redirect(next_url(request))
